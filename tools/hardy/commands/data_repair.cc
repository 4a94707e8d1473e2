// `hardy data repair IN OUT`: a corrupted dataset mended by what its own rows say.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "datasets/corruption/repair.h"
#include "engine/run/json_text.h"
#include "engine/run/output.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"
#include "tools/hardy/notes.h"

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
  std::string in, out, continuity = "next";
  datasets::RepairSettings settings;
  bool json = false, overwrite = false;
  run::Schema schema("data repair",
                     "Mends a corrupted dataset by what its own rows say, and says what it changed.");
  schema.positional("IN", &in, "a dataset")
      .positional("OUT", &out, "the D4RL HDF5 file to write")
      .option("continuity", &continuity,
              "where a next observation and the following observation differ: next trusts the observation, "
              "previous the "
              "next observation, nearer the one that fits the neighbours",
              {"off", "next", "previous", "nearer"})
      .option("clip", &settings.clip,
              "hold states to so many robust standard deviations about the median; 0: not", 0.0)
      .option("clip-actions", &settings.clip_actions, "hold actions to [-x, x]; 0: not", 0.0)
      .option("winsorise", &settings.winsorise, "hold rewards to their quantiles p and 1 - p; 0: not", 0.0,
              0.49)
      .option("json", &json, "print JSON")
      .option("overwrite", &overwrite, "replace OUT if it exists");
  if (!parse_or_help(schema, args)) return 0;
  const run::Output output(out, {.overwrite = overwrite, .inputs = inputs_of(schema, {in})});
  settings.continuity = datasets::continuity_named(continuity);
  const auto reader = datasets::open_dataset(in);
  print_notes(*reader);
  const nlohmann::json report = datasets::repair(*reader, *datasets::create_dataset(output.path()), settings);
  if (json)
    std::printf("%s\n", run::json_text(report).c_str());
  else
    print(out, report);
  return 0;
}

const RegisterCommand command({"data repair", "mend a corrupted dataset by what its own rows say", run});

}  // namespace
}  // namespace hardy::tools
