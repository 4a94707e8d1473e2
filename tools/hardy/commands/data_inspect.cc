// `hardy data inspect FILE`: what a dataset holds.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "datasets/summary.h"
#include "engine/run/atomic_file.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"

namespace hardy::tools {
namespace {

void print_spread(const char* what, const nlohmann::json& s) {
  if (s.is_null()) return;
  std::printf("%-10s mean %.4g, std %.4g, min %.4g, max %.4g\n", what, s.at("mean").get<double>(),
              s.at("std").get<double>(), s.at("min").get<double>(), s.at("max").get<double>());
}

void print(const nlohmann::json& s) {
  std::printf("%s\nrows       %s\nepisodes   %s (%s terminated, %s timed out)\n",
              s.at("path").get<std::string>().c_str(), s.at("rows").dump().c_str(),
              s.at("episodes").dump().c_str(), s.at("terminated").dump().c_str(),
              s.at("timed_out").dump().c_str());
  print_spread("return", s.at("return"));
  print_spread("length", s.at("length"));
  if (s.contains("score")) print_spread("score", s.at("score"));
  const auto& histogram = s.at("return").at("histogram");
  int most = 1;
  for (const auto& c : histogram.at("counts")) most = std::max(most, c.get<int>());
  std::printf("\nreturns\n");
  for (std::size_t i = 0; i < histogram.at("counts").size(); ++i) {
    const int count = histogram.at("counts")[i];
    std::printf("%10.1f  %-50s %d\n", histogram.at("edges")[i].get<double>(),
                std::string(static_cast<std::size_t>(50 * count / most), '#').c_str(), count);
  }
  std::printf("\nlayout\n");
  for (const auto& [key, text] : s.at("layout").items())
    std::printf("  %-40s %s\n", key.c_str(), text.get<std::string>().c_str());
  std::printf("\ncolumns%33s %12s %12s %12s\n", "mean", "std", "min", "max");
  for (const auto& [key, dims] : s.at("columns").items())
    for (std::size_t k = 0; k < dims.size(); ++k) {
      const auto& d = dims[k];
      if (d.contains("not_finite"))
        std::printf("  %s[%zu]: %s values are not finite\n", key.c_str(), k,
                    d.at("not_finite").dump().c_str());
      if (!d.contains("mean")) continue;
      std::printf("  %-22s[%2zu] %12.5g %12.5g %12.5g %12.5g\n", key.c_str(), k, d.at("mean").get<double>(),
                  d.at("std").get<double>(), d.at("min").get<double>(), d.at("max").get<double>());
    }
  if (s.at("corruption").is_object()) {
    std::printf("\ncorrupted on purpose (%s, seed %s)\n",
                s.at("corruption").at("generator").get<std::string>().c_str(),
                s.at("corruption").at("seed").dump().c_str());
    for (const auto& e : s.at("corruption").at("elements"))
      std::printf("  %-13s %s rows, rate %g, scale %g\n", e.at("element").get<std::string>().c_str(),
                  e.at("rows_changed").dump().c_str(), e.at("rate").get<double>(),
                  e.at("scale").get<double>());
  }
}

int run(const std::vector<std::string>& args) {
  std::string file;
  bool json = false;
  run::Schema schema("data inspect",
                     "Layout, episodes, returns, statistics and corruption record of a D4RL file.");
  schema.positional("FILE", &file, "a D4RL HDF5 file").option("json", &json, "print JSON");
  schema.parse(args);
  if (schema.help_requested()) {
    std::printf("%s", schema.help().c_str());
    return 0;
  }
  nlohmann::json summary = datasets::summarise(datasets::read_hdf5(file), file);
  summary["sha256"] = run::sha256_of_file(file);
  if (json)
    std::printf("%s\n", summary.dump(2).c_str());
  else
    print(summary);
  return 0;
}

const RegisterCommand command({"data inspect", "what a dataset holds", run});

}  // namespace
}  // namespace hardy::tools
