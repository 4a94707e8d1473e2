// `hardy data inspect FILE`: what a dataset holds.
#include <cstdio>

#include "datasets/identity.h"
#include "datasets/inspect.h"
#include "engine/base/json.h"
#include "engine/run/json_text.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"
#include "tools/hardy/time_limit.h"

namespace hardy::tools {
namespace {

using nlohmann::json;

void print_spread(const char* what, const json& s) {
  if (!s.is_object() || !s.contains("mean")) return;
  std::printf("%-10s mean %.4g, std %.4g, min %.4g, max %.4g\n", what, s.at("mean").get<double>(),
              s.at("std").get<double>(), s.at("min").get<double>(), s.at("max").get<double>());
}

void print_bars(const char* what, const json& s) {
  if (!s.contains("histogram")) return;
  const json &edges = s.at("histogram").at("edges"), &counts = s.at("histogram").at("counts");
  std::int64_t most = 1;
  for (const auto& c : counts) most = std::max(most, c.get<std::int64_t>());
  std::printf("\n%s\n", what);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::int64_t count = counts[i];
    std::printf("%10.1f  %-50s %lld\n", edges[i].get<double>(),
                std::string(static_cast<std::size_t>((50 * count + most - 1) / most), '#').c_str(),
                static_cast<long long>(count));
  }
}

// A histogram in one line of eighth-high blocks.
std::string sparkline(const json& s) {
  static constexpr const char* kBlocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  if (!s.contains("histogram")) return "";
  const json& counts = s.at("histogram").at("counts");
  std::int64_t most = 1;
  for (const auto& c : counts) most = std::max(most, c.get<std::int64_t>());
  std::string line;
  for (const auto& c : counts) line += kBlocks[(8 * c.get<std::int64_t>() + most - 1) / most];
  return line;
}

void print_columns(const json& s) {
  std::printf("\ncolumns%33s %12s %12s %12s  distribution\n", "mean", "std", "min", "max");
  for (const auto& [key, dims] : s.at("columns").items())
    for (std::size_t k = 0; k < dims.size(); ++k) {
      const json& d = dims[k];
      if (d.contains("not_finite") && d.at("not_finite") != 0)
        std::printf("  %s[%zu]: %s values are not finite\n", key.c_str(), k,
                    d.at("not_finite").dump().c_str());
      if (!d.contains("mean")) continue;
      std::printf("  %-22s[%2zu] %12.5g %12.5g %12.5g %12.5g  %s\n", key.c_str(), k,
                  d.at("mean").get<double>(), d.at("std").get<double>(), d.at("min").get<double>(),
                  d.at("max").get<double>(), sparkline(d).c_str());
    }
}

void print_corruption(const json& c) {
  if (!c.is_object()) return;
  std::printf(
      "\ncorrupted on purpose (generator %s, seed %s, %s, %s copies; undo with 'hardy data corrupt "
      "--undo')\n",
      c.value("generator", "?").c_str(), c.value("seed", json()).dump().c_str(),
      c.value("pattern", "rows").c_str(), c.value("copies", "tuple").c_str());
  for (const auto& e : c.at("elements"))
    std::printf("  %-13s %-12s %s rows, rate %g, scale %g\n", e.value("element", "?").c_str(),
                e.value("mode", "random").c_str(), e.value("rows_changed", json()).dump().c_str(),
                e.value("rate", 0.0), e.value("scale", 0.0));
}

void print(const json& s) {
  std::printf("%s (%s)\nrows       %s\nepisodes   %s (%s terminated, %s timed out, %s cut)\n",
              s.at("path").get<std::string>().c_str(), s.at("format").get<std::string>().c_str(),
              s.at("rows").dump().c_str(), s.at("episodes").dump().c_str(), s.at("terminated").dump().c_str(),
              s.at("timed_out").dump().c_str(), s.at("cut").dump().c_str());
  const bool corrupted = s.contains("rewards_corrupted");
  if (s.at("return").is_null()) std::printf("return     none: the dataset has no rewards\n");
  print_spread("return", s.at("return"));
  if (s.contains("score")) print_spread("score", s.at("score"));
  if (corrupted)
    std::printf("%-10s of rewards that were corrupted on purpose%s\n", "",
                s.contains("clean_return") ? "; with the clean ones, which the record has:" : "");
  if (s.contains("clean_return")) print_spread("return", s.at("clean_return"));
  if (s.contains("clean_score")) print_spread("score", s.at("clean_score"));
  print_spread("length", s.at("length"));
  if (s.contains("time_limit"))
    std::printf("%-10s %s steps (%s); the file has no timeouts\n", "limit",
                s.at("time_limit").at("steps").dump().c_str(),
                s.at("time_limit").at("source").get<std::string>().c_str());
  if (s.contains("continuity"))
    std::printf("continuity %s of %s next observations differ from the following observation\n",
                s.at("continuity").at("broken").dump().c_str(),
                s.at("continuity").at("pairs").dump().c_str());
  for (const auto& note : s.at("notes")) std::printf("note       %s\n", note.get<std::string>().c_str());
  print_bars(corrupted ? "returns (of corrupted rewards)" : "returns", s.at("return"));
  print_bars("lengths", s.at("length"));
  std::printf("\nlayout\n");
  for (const auto& [key, text] : s.at("layout").items())
    std::printf("  %-40s %s\n", key.c_str(), text.get<std::string>().c_str());
  print_columns(s);
  print_corruption(s.at("corruption"));
}

int run(const std::vector<std::string>& args) {
  std::string file;
  std::int64_t time_limit = 0;
  bool json_wanted = false;
  run::Schema schema("data inspect",
                     "Layout, episodes, returns, distributions and corruption record of a dataset.");
  schema.positional("FILE", &file, "a dataset");
  time_limit_option(schema, &time_limit).option("json", &json_wanted, "print JSON");
  if (!parse_or_help(schema, args)) return 0;
  const auto reader = datasets::open_dataset(file);
  json summary = datasets::inspect(*reader, time_limit);
  summary["sha256"] = datasets::dataset_sha256(*reader);
  if (json_wanted)
    std::printf("%s\n", run::json_text(summary).c_str());
  else
    print(summary);
  return 0;
}

const RegisterCommand command({"data inspect", "what a dataset holds", run});

}  // namespace
}  // namespace hardy::tools
