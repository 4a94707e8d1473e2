// `hardy data corrupt IN OUT`, and back with --undo.
#include <cstdio>
#include <filesystem>
#include <optional>

#include "algorithms/offline/gradient_attack.h"
#include "datasets/corruption/corrupt.h"
#include "datasets/corruption/corruption_record.h"
#include "datasets/identity.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/text.h"
#include "engine/run/atomic_file.h"
#include "engine/run/json_text.h"
#include "engine/run/output.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"
#include "tools/hardy/notes.h"

namespace hardy::tools {
namespace {

// "rewards:adversarial" has a mode of its own.
void add_element(const std::string& text, datasets::CorruptionSettings& settings) {
  const std::size_t colon = text.find(':');
  const datasets::Element e = datasets::element_named(text.substr(0, colon));
  settings.elements.push_back(e);
  if (colon != std::string::npos) settings.modes[e] = datasets::mode_named(text.substr(colon + 1));
}

// The manifest with the attacked rows written out.
void write_manifest(const std::filesystem::path& path, const std::filesystem::path& file,
                    nlohmann::json manifest) {
  const auto reader = datasets::open_dataset(file);
  const std::int64_t rows = reader->column("observations").rows();
  for (auto& e : manifest.at("elements")) {
    const datasets::RowSet set = datasets::recorded_rows(
        *reader, datasets::element_named(e.at("element").get<std::string>()), "rows", rows);
    e["rows"] = nlohmann::json::array();
    for (std::int64_t row = 0; row < rows; ++row)
      if (set.has(row)) e["rows"].push_back(row);
  }
  run::write_atomically(path, run::json_text(manifest, 1) + "\n");
}

void print(const std::string& out, const nlohmann::json& m) {
  std::printf("%s: %s rows, %s copies, generator %s, seed %s\n", out.c_str(), m.at("rows").dump().c_str(),
              m.at("copies").get<std::string>().c_str(), m.at("generator").get<std::string>().c_str(),
              m.at("seed").dump().c_str());
  for (const auto& e : m.at("elements"))
    std::printf("  %-13s %-12s %s rows attacked (%.1f %%; %s, rate %g, scale %g)\n",
                e.at("element").get<std::string>().c_str(), e.at("mode").get<std::string>().c_str(),
                e.at("rows_changed").dump().c_str(),
                100 * e.at("rows_changed").get<double>() / m.at("rows").get<double>(),
                m.at("pattern").get<std::string>().c_str(), e.at("rate").get<double>(),
                e.at("scale").get<double>());
  for (const auto& made : m.at("columns_made"))
    std::printf("  /%s was not in the file and was made from the rows that follow\n",
                made.get<std::string>().c_str());
}

void print(const std::string& out, const datasets::Undone& done) {
  std::printf("%s: restored; %lld columns and %lld attributes are what the record says they were\n",
              out.c_str(), static_cast<long long>(done.columns), static_cast<long long>(done.attributes));
  std::string unchecked;
  for (const std::string& key : done.unchecked) unchecked += (unchecked.empty() ? "" : ", ") + key;
  if (!unchecked.empty())
    std::printf("note: the record, made by an earlier version, says nothing of %s\n", unchecked.c_str());
}

int run(const std::vector<std::string>& args) {
  std::string in, out, mode = "random", pattern = "rows", indices = "independent", copies = "tuple", critic,
                       manifest_file;
  std::vector<std::string> elements, sensors;
  datasets::CorruptionSettings settings;
  algorithms::GradientAttackSettings attack;
  algorithms::EvasionSettings evasion;
  std::int64_t seed = 0;
  bool undo = false, overwrite = false, json = false;
  run::Schema schema("data corrupt",
                     "Corrupts a dataset on purpose; the record in OUT allows --undo, bit for bit.");
  schema.positional("IN", &in, "a dataset")
      .positional("OUT", &out, "the D4RL HDF5 file to write")
      .option("undo", &undo, "restore what IN was before its corruption")
      .option("overwrite", &overwrite, "replace OUT, and the manifest, if they exist")
      .option("json", &json, "print JSON: the manifest, or what was restored")
      .option("manifest", &manifest_file, "also write the manifest, with the attacked rows, to this file");
  schema.section("what is attacked")
      .option(
          "elements", &elements,
          "observations, actions, rewards, dynamics, or several with commas; rewards:adversarial gives one a "
          "mode of its own")
      .option("rate", &settings.rate, "share of rows (or blocks, or episodes) attacked", 0.0, 1.0)
      .option("pattern", &pattern, "each row by itself, blocks of rows, or whole episodes",
              datasets::pattern_names())
      .option("block", &settings.block, "rows of a block; 0: one window of a share --rate of the file", 0)
      .option("indices", &indices, "a set of rows for each element, or one for all",
              {"independent", "shared"})
      .option("copies", &copies,
              "tuple: an attacked observation changes in its own row alone; trajectory: also as the row "
              "before's next "
              "observation",
              {"tuple", "trajectory"})
      .option("sensors", &sensors, "dimensions that are touched, from 0, with commas; none named: all");
  schema.section("what happens to it")
      .option(
          "mode", &mode,
          "random noise, an adversary's, or a sensor's fault: it sticks, drops to 0, is scaled, is delayed",
          datasets::mode_names())
      .option("scale", &settings.scale,
              "range of the noise in standard deviations (random rewards become U(-30 scale, 30 scale), "
              "adversarial "
              "ones -scale r); the factor of scaled",
              0.0)
      .option("delay", &settings.delay, "rows by which a delayed sensor lags", 1)
      .option("seed", &seed, "of masks and noise", 0)
      .option("generator", &settings.generator, "numpy reproduces the published masks and noise",
              {"philox", "numpy"});
  schema.section("the adversary")
      .option("critic", &critic, "a run folder or checkpoint of this engine whose critic is attacked")
      .option("agent", &attack.agent, "of that run", 0)
      .option("iterations", &attack.iterations, "steps down the critic", 1, 100000)
      .option("step-size", &attack.step_size, "of each step, as a share of --scale", 0.0, 1.0)
      .option(
          "evade", &evasion.quantile,
          "the attacker knows `hardy data repair --models`: by forward models of IN, an attacked row keeps "
          "within the residual that this share of IN's own transitions stay below; 0: it does not care",
          0.0, 0.999)
      .option("model-steps", &evasion.steps, "of these models' learning", 100, 10000000)
      .option("threads", &attack.threads, "threads; 0: the machine's. The file does not depend on them", 0,
              1024);
  if (!parse_or_help(schema, args)) return 0;
  const run::OutputRules rules{.overwrite = overwrite, .inputs = inputs_of(schema, {in, critic})};
  const run::Output output(out, rules);
  std::optional<run::Output> list;
  if (!manifest_file.empty()) list.emplace(manifest_file, rules);
  if (undo) {
    if (list) throw Error("an undone corruption has no manifest", "--manifest", "leave it out with --undo");
    const auto reader = datasets::open_dataset(in);
    print_notes(*reader);
    const auto writer = datasets::create_dataset(output.path());
    const datasets::Undone done = datasets::undo(*reader, *writer);
    if (json)
      std::printf("%s\n", run::json_text({{"restored", out},
                                          {"columns", done.columns},
                                          {"attributes", done.attributes},
                                          {"unchecked", done.unchecked}})
                              .c_str());
    else
      print(out, done);
    print_notes(*writer, out);
    return 0;
  }
  settings.seed = static_cast<std::uint64_t>(seed);
  settings.mode = datasets::mode_named(mode);
  settings.pattern = datasets::pattern_named(pattern);
  settings.shared_rows = indices == "shared";
  settings.trajectory = copies == "trajectory";
  for (const std::string& e : elements) add_element(e, settings);
  for (const std::string& s : sensors) {
    const auto k = to_integer(s);
    if (!k) throw Error("'" + s + "' is not a dimension's number", "--sensors", "e.g. --sensors 0,3");
    settings.sensors.push_back(*k);
  }
  datasets::check(settings);
  const auto reader = datasets::open_dataset(in);
  print_notes(*reader);
  std::unique_ptr<algorithms::GradientAttack> adversary;
  if (evasion.quantile > 0 && critic.empty())
    throw Error("is of an adversary with a critic", "--evade", "give --mode adversarial and --critic");
  if (!critic.empty()) {
    adversary = std::make_unique<algorithms::GradientAttack>(critic, attack);
    adversary->require_sizes(reader->column("observations").row_elements(),
                             reader->column("actions").row_elements());
    if (evasion.quantile > 0) adversary->evade(*reader, evasion, settings.seed);
  }
  const auto writer = datasets::create_dataset(output.path());
  const nlohmann::json manifest =
      datasets::corrupt(*reader, *writer, settings, datasets::dataset_sha256(*reader), adversary.get());
  if (list) write_manifest(list->path(), output.path(), manifest);
  if (json)
    std::printf("%s\n", run::json_text(manifest).c_str());
  else
    print(out, manifest);
  print_notes(*writer, out);
  return 0;
}

const RegisterCommand command({"data corrupt", "corrupt a dataset on purpose, or undo it", run});

}  // namespace
}  // namespace hardy::tools
