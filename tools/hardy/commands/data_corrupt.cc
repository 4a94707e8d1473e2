// `hardy data corrupt IN OUT`, and back with --undo.
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "datasets/corrupt.h"
#include "engine/base/error.h"
#include "engine/run/atomic_file.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"

namespace hardy::tools {
namespace {

int run(const std::vector<std::string>& args) {
  std::string in, out;
  std::vector<std::string> elements;
  datasets::CorruptionSettings settings;
  std::int64_t seed = 0;
  bool undo = false, overwrite = false;
  run::Schema schema("data corrupt",
                     "Corrupts a D4RL file on purpose; the record in OUT allows --undo, bit for bit.");
  schema.positional("IN", &in, "a D4RL HDF5 file")
      .positional("OUT", &out, "the file to write")
      .option("elements", &elements, "observations, actions, rewards, dynamics, or several with commas")
      .option("rate", &settings.rate, "share of rows attacked", 0.0, 1.0)
      .option("scale", &settings.scale,
              "range of the noise: in standard deviations; rewards become U(-30 scale, 30 scale)", 0.0)
      .option("seed", &seed, "of masks and noise", 0)
      .option("generator", &settings.generator, "numpy reproduces the published masks and noise",
              {"philox", "numpy"})
      .option("undo", &undo, "restore what IN was before its corruption")
      .option("overwrite", &overwrite, "replace OUT if it exists");
  schema.parse(args);
  if (schema.help_requested()) {
    std::printf("%s", schema.help().c_str());
    return 0;
  }
  if (std::filesystem::weakly_canonical(in) == std::filesystem::weakly_canonical(out))
    throw Error("IN and OUT are the same file", out);
  if (!overwrite && std::filesystem::exists(out))
    throw Error("exists already", out, "choose another name or give --overwrite");
  if (settings.generator == "numpy" && seed > 0xffffffffLL)
    throw Error("NumPy's seeds end at 4294967295", "--seed " + std::to_string(seed));
  settings.seed = static_cast<std::uint64_t>(seed);
  for (const std::string& e : elements) settings.elements.push_back(datasets::element_named(e));
  datasets::Arrays arrays = datasets::read_hdf5(in);
  if (undo) {
    datasets::undo(arrays, in);
    datasets::write_hdf5(out, arrays);
    std::printf("%s: restored\n", out.c_str());
    return 0;
  }
  datasets::corrupt(arrays, settings, in, run::sha256_of_file(in));
  datasets::write_hdf5(out, arrays);
  const nlohmann::json manifest = datasets::corruption_manifest(arrays);
  for (const auto& e : manifest.at("elements"))
    std::printf("%s: %s of %lld rows changed (rate %g, scale %g)\n",
                e.at("element").get<std::string>().c_str(), e.at("rows_changed").dump().c_str(),
                static_cast<long long>(arrays.at("observations").rows()), settings.rate, settings.scale);
  return 0;
}

const RegisterCommand command({"data corrupt", "corrupt a dataset on purpose, or undo it", run});

}  // namespace
}  // namespace hardy::tools
