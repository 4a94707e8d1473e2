#include "algorithms/cleaning/mend_transitions.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "datasets/memory.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/text.h"

namespace hardy::algorithms {
namespace {

using datasets::ArrayType;
using datasets::Judgement;
using datasets::Transitions;

struct Column {
  const char* key;
  std::vector<float> Transitions::*data;
};
// In the order of Transitions::trust.
constexpr std::array<Column, 4> kColumns{{{"observations", &Transitions::observations},
                                          {"actions", &Transitions::actions},
                                          {"rewards", &Transitions::rewards},
                                          {"next_observations", &Transitions::next_observations}}};

std::size_t width(const Transitions& t, const Column& column) {
  return (t.*column.data).size() / static_cast<std::size_t>(t.rows);
}

template <class T>
datasets::Array array_of(datasets::ArrayType type, std::vector<std::int64_t> shape, const std::vector<T>& x) {
  datasets::Array a = datasets::Array::of(type, std::move(shape));
  std::memcpy(a.bytes.data(), x.data(), x.size() * sizeof(T));
  return a;
}

// The columns of a file whose rows are the transitions.
datasets::Arrays arrays_of(const Transitions& t) {
  datasets::Arrays arrays;
  for (const Column& c : kColumns) {
    const auto n = static_cast<std::int64_t>(width(t, c));
    const std::vector<std::int64_t> shape =
        c.data == &Transitions::rewards ? std::vector{t.rows} : std::vector{t.rows, n};
    arrays[c.key] = array_of(ArrayType::kF32, shape, t.*c.data);
  }
  std::vector<std::uint8_t> terminals(t.terminals.begin(), t.terminals.end()), timeouts = t.episode_end;
  for (std::size_t row = 0; row < terminals.size(); ++row)
    if (terminals[row] != 0) timeouts[row] = 0;
  arrays["terminals"] = array_of(ArrayType::kBool, {t.rows}, terminals);
  arrays["timeouts"] = array_of(ArrayType::kBool, {t.rows}, timeouts);
  return arrays;
}

}  // namespace

nlohmann::json mend(Transitions& t, const std::string& path, const CleaningSettings& settings,
                    const run::Watch& watch) {
  const datasets::Arrays arrays = arrays_of(t);
  datasets::MemoryReader reader(arrays, path);
  Cleaning cleaning(settings, watch);
  const std::map<std::string, Judgement> judgements = cleaning.judge(reader);
  nlohmann::json about = nlohmann::json::object();
  t.trust.assign(static_cast<std::size_t>(4 * t.rows), 1.0F);
  for (std::size_t c = 0; c < kColumns.size(); ++c) {
    const Judgement& j = judgements.at(kColumns[c].key);
    std::vector<float>& column = t.*kColumns[c].data;
    const std::size_t n = width(t, kColumns[c]);
    double wrong = 0;
    for (std::size_t row = 0; row < static_cast<std::size_t>(t.rows); ++row) {
      wrong += j.wrong[row];
      if (!j.replaced.has(static_cast<std::int64_t>(row))) {
        t.trust[4 * row + c] = 1 - j.wrong[row];
        continue;
      }
      std::copy_n(j.values.begin() + static_cast<std::ptrdiff_t>(row * n), n,
                  column.begin() + static_cast<std::ptrdiff_t>(row * n));
    }
    about[kColumns[c].key] = {
        {"wrong", wrong}, {"replaced", j.replaced.count()}, {"doubtful", j.doubtful.count()}};
  }
  return about;
}

nlohmann::json trust_of_scores(Transitions& t, const datasets::Arrays& arrays, const std::string& path) {
  const std::string fix = "hardy data repair " + path + " OUT --models writes such a file";
  nlohmann::json about = nlohmann::json::object();
  t.trust.assign(static_cast<std::size_t>(4 * t.rows), 1.0F);
  for (std::size_t c = 0; c < kColumns.size(); ++c) {
    const std::string key = kColumns[c].key;
    const auto scores = arrays.find(datasets::kScores + key);
    if (scores == arrays.end()) throw Error("has no " + (datasets::kScores + key), path, fix);
    const auto rows = static_cast<std::size_t>(t.rows);
    if (scores->second.type != ArrayType::kF32 || scores->second.bytes.size() != rows * sizeof(float))
      throw Error(datasets::kScores + key + " is not one float32 for each of the " + std::to_string(rows) +
                      " rows that are learned from",
                  path, "take --view lossless, in which they are the file's; " + fix);
    std::vector<float> wrong(scores->second.as<float>(), scores->second.as<float>() + rows);
    for (std::size_t row = 0; row < rows; ++row)
      if (!(wrong[row] >= 0 && wrong[row] <= 1))
        throw Error(scores->first + " is " + to_text(wrong[row]) + " in row " + std::to_string(row) +
                        ", which is no probability",
                    path, fix);
    std::int64_t replaced = 0;
    if (const auto list = arrays.find(datasets::kRepairs + ("replaced/" + key)); list != arrays.end()) {
      if (list->second.type != ArrayType::kI64)
        throw Error(list->first + " is " + list->second.describe() + ", not rows", path, fix);
      const std::span at(list->second.as<std::int64_t>(), static_cast<std::size_t>(list->second.elements()));
      for (const std::int64_t row : at) {
        if (row < 0 || row >= t.rows) throw Error("names row " + std::to_string(row), path, fix);
        wrong[static_cast<std::size_t>(row)] = 0;
      }
      replaced = static_cast<std::int64_t>(at.size());
    }
    double sum = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      t.trust[4 * row + c] = 1 - wrong[row];
      sum += wrong[row];
    }
    about[key] = {{"wrong", sum}, {"replaced", replaced}};
  }
  return about;
}

}  // namespace hardy::algorithms
