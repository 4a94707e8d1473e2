// `hardy regret estimators`: estimates of the regularised inverse covariance at equal samples.
#include <cmath>
#include <cstdio>
#include <optional>

#include "algorithms/experiments/estimator_study.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/text.h"
#include "engine/run/json_text.h"
#include "engine/run/output.h"
#include "engine/run/run_directory.h"
#include "engine/run/schema.h"
#include "envs/linear_mdp/instance.h"
#include "tools/hardy/command.h"

namespace hardy::tools {
namespace {

using algorithms::EstimatorErrors;
using algorithms::MeanError;
using nlohmann::json;

std::vector<double> numbers(const std::string& text, const std::string& key) {
  std::vector<double> all;
  for (const std::string& word : split(text, ' ')) {
    const auto value = to_double(word);
    if (!value || !(*value > 0))
      throw Error("'" + word + "' is no positive number", key, "separate numbers by blanks");
    all.push_back(*value);
  }
  if (all.empty()) throw Error("no number", key, "separate numbers by blanks");
  return all;
}

json error_json(const MeanError& e) { return {{"mean", e.mean}, {"standard_error", e.standard_error}}; }
json json_of(const EstimatorErrors& e) {
  return {{"gamma", e.gamma},
          {"samples", e.samples},
          {"chains", e.chains},
          {"terms", e.terms},
          {"empirical", error_json(e.empirical)},
          {"empirical_absolute", error_json(e.empirical_absolute)},
          {"resampling", error_json(e.resampling)},
          {"resampling_absolute", error_json(e.resampling_absolute)},
          {"empirical_bound", e.empirical_bound},
          {"resampling_bias_bound", e.resampling_bias_bound}};
}

void print(const std::vector<EstimatorErrors>& errors) {
  std::printf("%8s %8s %12s | %-21s %-9s | %-21s %-10s\n", "", "", "", "multiplicative error", "bound",
              "operator error", "bias bound");
  std::printf("%8s %8s %12s | %10s %10s %9s | %10s %10s %10s\n", "gamma", "samples", "chains x N",
              "empirical", "MGR", "empirical", "empirical", "MGR", "MGR");
  for (const EstimatorErrors& e : errors) {
    char bound[32] = "-";  // too few samples for one
    if (std::isfinite(e.empirical_bound)) std::snprintf(bound, sizeof bound, "%.3f", e.empirical_bound);
    std::printf("%8g %8lld %6lld x %3lld | %10.3f %10.3f %9s | %10.3f %10.3f %10.3f\n", e.gamma,
                static_cast<long long>(e.samples), static_cast<long long>(e.chains),
                static_cast<long long>(e.terms), e.empirical.mean, e.resampling.mean, bound,
                e.empirical_absolute.mean, e.resampling_absolute.mean, e.resampling_bias_bound);
  }
}

int run(const std::vector<std::string>& args) {
  std::string env = "simplex:seed=20230131,H=3,S=4,A=3,d=3,K=8", gammas = "0.1 0.01 0.001",
              multiples = "1 3 10 30 100 300";
  std::string out, title = "Estimates of the regularised inverse covariance";
  std::int64_t layer = 1, repeats = 100, seed = 1;
  double delta = 0.05;
  bool as_json = false;
  run::Schema schema(
      "regret estimators",
      "Empirical regularised inverse against matrix geometric resampling at equal samples, under the "
      "uniform policy, with the bounds.");
  schema.option("env", &env, "the instance")
      .option("layer", &layer, "whose features are drawn", 0)
      .option("gammas", &gammas, "separated by blanks")
      .option("multiples", &multiples, "samples M = multiple / gamma, separated by blanks")
      .option("repeats", &repeats, "of each estimate", 2, 1000000)
      .option("seed", &seed, "of the draws", 0)
      .option("delta", &delta, "the bound holds with probability 1 - delta", 1e-12, 0.5)
      .option("title", &title, "of the page")
      .option("out", &out, "a new folder for config.ini, run.json and results.json")
      .option("json", &as_json, "print JSON");
  if (!parse_or_help(schema, args)) return 0;
  const algorithms::EstimatorStudy study{static_cast<int>(layer),           numbers(gammas, "--gammas"),
                                         numbers(multiples, "--multiples"), static_cast<int>(repeats),
                                         static_cast<std::uint64_t>(seed),  delta};
  std::optional<run::Output> output;
  if (!out.empty()) output.emplace(out, new_folder(inputs_of(schema, {env})));
  const auto errors = algorithms::estimator_errors(*envs::make_instance(env, "", 1).mdp, study);
  json results{{"title", title},     {"env", env},     {"layer", layer},
               {"repeats", repeats}, {"delta", delta}, {"errors", json::array()}};
  for (const EstimatorErrors& e : errors) results["errors"].push_back(json_of(e));
  if (!out.empty()) {
    run::RunDirectory directory = run::RunDirectory::create(output->path(), {});
    directory.write_config(schema.resolved());
    directory.write_results(results);
    directory.write_run({{"kind", "estimators"},
                         {"method", "estimators"},
                         {"command", "hardy regret estimators " + join(args, " ")},
                         {"resolved", schema.resolved()}});
    std::fprintf(stderr, "study: %s (hardy report %s draws it)\n", out.c_str(), out.c_str());
  }
  if (as_json)
    std::printf("%s\n", run::json_text(results).c_str());
  else
    print(errors);
  return 0;
}

const RegisterCommand command({"regret estimators", "estimates of the inverse covariance at equal samples",
                               run});

}  // namespace
}  // namespace hardy::tools
