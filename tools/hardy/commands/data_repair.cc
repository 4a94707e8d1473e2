// `hardy data repair IN OUT`: a corrupted dataset mended by what its own rows say.
#include <cstdio>

#include "algorithms/cleaning/repair_words.h"
#include "engine/base/json.h"
#include "engine/run/json_text.h"
#include "engine/run/output.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"
#include "tools/hardy/notes.h"
#include "tools/hardy/progress.h"

namespace hardy::tools {
namespace {

void print_measure(const char* what, const nlohmann::json& m, bool known) {
  std::printf("%-34s %8s changed", what, m.at("changed").dump().c_str());
  if (known && m.at("recorded").get<std::int64_t>() + m.at("changed").get<std::int64_t>() > 0) {
    std::printf(", %s corrupted", m.at("recorded").dump().c_str());
    if (m.contains("precision")) std::printf(", precision %.4f", m.at("precision").get<double>());
    if (m.contains("recall")) std::printf(", recall %.4f", m.at("recall").get<double>());
  }
  if (m.contains("restored_exactly") && known)
    std::printf(", %s again bit for bit", m.at("restored_exactly").dump().c_str());
  std::printf("\n");
}

// What the models thought of a column, against the record where there is one.
void print_judgement(const nlohmann::json& m) {
  const nlohmann::json& j = m.at("judged");
  const double replaced = j.at("replaced"), hits = j.at("expected_hits"), wrong = j.at("expected_wrong");
  std::printf("  models:                          %8.0f expected to be wrong, %s replaced, %s doubtful",
              wrong, j.at("replaced").dump().c_str(), j.at("doubtful").dump().c_str());
  if (replaced > 0) std::printf(", expected precision %.4f, recall %.4f", hits / replaced, hits / wrong);
  if (j.contains("auc")) std::printf(", AUC %.4f", j.at("auc").get<double>());
  if (m.contains("error"))
    std::printf(", mean error %.4g before, %.4g after", m.at("error").at("before").get<double>(),
                m.at("error").at("after").get<double>());
  std::printf("\n  calibration, by tenths:          ");
  for (const nlohmann::json& t : j.at("calibration")) {
    std::printf(" %s", t.at("rows").dump().c_str());
    if (t.contains("recorded")) std::printf(" (%.2f)", t.at("recorded").get<double>());
  }
  std::printf("\n");
}

void print(const std::string& out, const nlohmann::json& r) {
  const bool known = r.at("known_corruption");
  std::printf("%s: %s rows%s\n", out.c_str(), r.at("rows").dump().c_str(),
              known ? ", measured against the corruption on record" : "");
  for (const auto& [key, m] : r.at("columns").items()) {
    print_measure(key.c_str(), m, known);
    if (known && m.contains("with_successor"))
      print_measure("  with a successor in the file", m.at("with_successor"), true);
    if (known && m.contains("with_predecessor"))
      print_measure("  with a predecessor in the file", m.at("with_predecessor"), true);
    if (m.contains("judged")) print_judgement(m);
  }
  if (!r.contains("flagged")) return;
  const auto& f = r.at("flagged");
  std::printf(
      "%s last rows of episodes have no second copy of their next state: unchanged, %s flagged as unusual",
      r.at("unchecked_ends").dump().c_str(), f.at("changed").dump().c_str());
  if (known && f.contains("recall"))
    std::printf(" (%s were corrupted, %s of them flagged)", f.at("recorded").dump().c_str(),
                f.at("hit").dump().c_str());
  std::printf(
      "\nWhy it can: a corruption of single tuples changes one of the two copies that a file has of every "
      "state "
      "within an episode, and the other copy shows it. A corruption of both copies is not seen.\n");
}

int run(const std::vector<std::string>& args) {
  std::string in, out;
  algorithms::RepairOptions words;
  bool json = false, overwrite = false;
  run::Schema schema("data repair",
                     "Mends a corrupted dataset by what its own rows say, and says what it changed.");
  schema.positional("IN", &in, "a dataset")
      .positional("OUT", &out, "the D4RL HDF5 file to write")
      .option("json", &json, "print JSON")
      .option("overwrite", &overwrite, "replace OUT if it exists");
  words.options(schema);
  if (!parse_or_help(schema, args)) return 0;
  const run::Output output(out, {.overwrite = overwrite, .inputs = inputs_of(schema, {in})});
  words.settle(schema);
  const auto reader = datasets::open_dataset(in);
  print_notes(*reader);
  ProgressLines lines("the same command");
  algorithms::Cleaning judge(words.cleaning, {.stop = {}, .observer = &lines});
  const nlohmann::json report = datasets::repair(*reader, *datasets::create_dataset(output.path()),
                                                 words.repair, words.models ? &judge : nullptr);
  if (json)
    std::printf("%s\n", run::json_text(report).c_str());
  else
    print(out, report);
  return 0;
}

const RegisterCommand command({"data repair", "mend a corrupted dataset by what its own rows say", run});

}  // namespace
}  // namespace hardy::tools
