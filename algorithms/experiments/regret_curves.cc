#include "algorithms/experiments/regret_curves.h"

#include <algorithm>

#include "datasets/formats/npz_writer.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/run/atomic_file.h"

namespace hardy::algorithms {
namespace {

// One method's runs on one environment, one after another.
template <class Each>
void for_each(const RegretResults& results, Each&& each) {
  for (const EnvironmentResults& study : results.studies)
    for (const MethodResults& m : study.methods)
      for (const RegretCurves& curves : m.curves) each(study.env, m.label, curves);
}

// As RFC 4180 has it.
std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string all = "\"";
  for (const char c : text) all += c == '"' ? std::string("\"\"") : std::string(1, c);
  return all + "\"";
}

void write_csv(const std::filesystem::path& path, const RegretResults& results) {
  run::AtomicFile file(path);
  std::string lines = "env,method,K,seed,episode,regret\n";
  for_each(results, [&](const std::string& env, const std::string& label, const RegretCurves& c) {
    const std::string run = quoted(env) + "," + quoted(label) + "," + std::to_string(c.episodes.back()) + ",";
    for (std::size_t r = 0; r < c.seeds.size(); ++r) {
      for (std::size_t i = 0; i < c.episodes.size(); ++i)
        lines += run + std::to_string(c.seeds[r]) + "," + std::to_string(c.episodes[i]) + "," +
                 to_text(c.regret[r][i]) + "\n";
      file.write(lines.data(), lines.size());
      lines.clear();
    }
  });
  file.commit();
}

datasets::Arrays arrays_of(const RegretResults& results) {
  using datasets::Array;
  using datasets::ArrayType;
  datasets::Arrays arrays;
  for_each(results, [&](const std::string& env, const std::string& label, const RegretCurves& c) {
    std::string name = env + "/" + label + "/" + std::to_string(c.episodes.back());
    while (arrays.contains(name + "/regret")) name += "'";  // two methods of one label
    const auto points = static_cast<std::int64_t>(c.episodes.size()),
               replicas = static_cast<std::int64_t>(c.seeds.size());
    Array &episode = arrays[name + "/episode"] = Array::of(ArrayType::kI64, {points}),
          &seed = arrays[name + "/seed"] = Array::of(ArrayType::kU64, {replicas}),
          &regret = arrays[name + "/regret"] = Array::of(ArrayType::kF64, {replicas, points});
    std::ranges::copy(c.episodes, episode.as<std::int64_t>());
    std::ranges::copy(c.seeds, seed.as<std::uint64_t>());
    double* to = regret.as<double>();
    for (const std::vector<double>& one : c.regret) to = std::ranges::copy(one, to).out;
  });
  return arrays;
}

}  // namespace

bool is_curves_file(const std::filesystem::path& path) {
  return path.extension() == ".csv" || path.extension() == ".npz";
}

void write_curves(const std::filesystem::path& path, const RegretResults& results) {
  if (!is_curves_file(path))
    throw Error("is of no format that curves are written in", path.string(),
                "a name ending in .csv or .npz would be right");
  if (path.extension() == ".csv") return write_csv(path, results);
  datasets::write_npz(path, arrays_of(results));
}

}  // namespace hardy::algorithms
