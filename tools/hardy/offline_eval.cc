#include "tools/hardy/offline_eval.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <thread>

#include "algorithms/experiments/grid.h"
#include "algorithms/experiments/rank_correlation.h"
#include "algorithms/learning/method.h"
#include "algorithms/offline/td_error.h"
#include "datasets/store.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/text.h"
#include "engine/run/json_text.h"
#include "engine/run/run_directory.h"
#include "engine/run/schema.h"
#include "tools/hardy/policy_files.h"

namespace hardy::tools {
namespace {

namespace fs = std::filesystem;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// The critic of the run that a policy is of, where it has one, and the discount that it was trained with.
struct OwnCritic {
  algorithms::Victim critic;
  double gamma;
};
std::optional<OwnCritic> critic_of(const fs::path& run, std::int64_t agent, double gamma) {
  const run::Fields described = run::read_run(run);
  const std::string method = described.text("method", "");
  if (!algorithms::methods().find(method) || !algorithms::make_method(method)->has_critic()) return {};
  if (described.has("settings")) gamma = to_double(described.at("settings").shown("gamma")).value_or(gamma);
  try {
    return OwnCritic{algorithms::read_victim(run, agent), gamma};
  } catch (const Error& e) {  // its checkpoints were removed, say
    std::fprintf(stderr, "note: no TD error: %s\n", e.message().c_str());
    return {};
  }
}

class Evaluation {
 public:
  Evaluation(const OfflineEvalOptions& options, std::uint64_t seed)
      : options_(options),
        fit_(options.fit),
        team_(options.threads > 0 ? static_cast<int>(options.threads)
                                  : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()))) {
    if (options.dataset.empty()) throw Error("needs data", "--offline", "name them with --dataset");
    const auto reader = datasets::open_dataset(options.dataset);
    datasets::check_d4rl(*reader);
    data_ = datasets::transitions_of(*reader, datasets::view_named(options.view));
    datasets::require_finite(data_, options.dataset);
    fit_.seed = static_cast<std::int64_t>(seed);
  }

  // What the data say of a policy; of a run's (its folder, and which agent), of its critic too. Says it,
  // unless `quiet`.
  nlohmann::json of(const fs::path& file, const fs::path& run, std::int64_t agent, bool quiet) {
    const algorithms::FittedQ q = algorithms::fitted_q(algorithms::read_policy(file), data_, fit_, team_);
    nlohmann::json result{{"policy", file.string()},
                          {"values", q.values},
                          {"value", q.mean},
                          {"low", q.low},
                          {"high", q.high},
                          {"behaviour", q.behaviour},
                          {"beginnings", q.beginnings},
                          {"moved", q.moved},
                          {"gamma", fit_.gamma}};
    std::string td;
    if (const auto own = run.empty() ? std::nullopt : critic_of(run, agent, fit_.gamma)) {
      const algorithms::TrimmedMean e =
          algorithms::trimmed_mean(algorithms::squared_td_errors(own->critic, data_, own->gamma, team_),
                                   data_.episode_end, options_.kept, kResamples, 0);
      result["td_error"] = {{"value", e.mean},
                            {"low", e.low},
                            {"high", e.high},
                            {"kept", options_.kept},
                            {"gamma", own->gamma}};
      char text[128];
      std::snprintf(text, sizeof text, "; trimmed TD error %.4g [%.4g, %.4g]", e.mean, e.low, e.high);
      td = text;
    }
    if (quiet) return result;
    std::printf(
        "%s: value %.4g [%.4g, %.4g] from %lld beginnings, discount %g; the data's own episodes %.4g%s\n",
        file.c_str(), q.mean, q.low, q.high, static_cast<long long>(q.beginnings), fit_.gamma, q.behaviour,
        td.c_str());
    if (q.moved > std::max(q.high - q.low, 0.01 * std::abs(q.mean)))
      std::fprintf(stderr,
                   "note: the value moved by %.3g in the last quarter of the fit: it has not settled, give "
                   "more --fit-steps\n",
                   q.moved);
    return result;
  }

 private:
  static constexpr std::int64_t kResamples = 1000;
  const OfflineEvalOptions& options_;
  algorithms::FittedQSettings fit_;
  ThreadTeam team_;
  datasets::Transitions data_;
};

double number_at(const nlohmann::json& result, const char* key) {
  if (!result.contains(key)) return kNone;
  const nlohmann::json& x = result.at(key);
  const nlohmann::json& value = x.is_object() ? x.at("value") : x;
  return value.is_number() ? value.get<double>() : kNone;
}

nlohmann::json described(const algorithms::RankCorrelation& r) {
  return {
      {"policies", r.n}, {"spearman", r.spearman}, {"low", r.low}, {"high", r.high}, {"kendall", r.kendall}};
}

}  // namespace

void OfflineEvalOptions::options(run::Schema& schema) {
  schema.section("without an environment")
      .option("offline", &offline,
              "fitted Q evaluation on --dataset: the discounted return from the beginnings of its episodes, "
              "with 95 % of "
              "the fits; ranks policies, and depends on what the data show of their actions. Of a run with a "
              "critic also that one's trimmed TD error; of a grid's folder all policies, and how both order "
              "them beside their scores")
      .option("dataset", &dataset, "with rewards; the policy need not have been trained on it")
      .option("view", &view, "which rows become transitions, as in train", {"lossless", "qlearning"})
      .option("kept", &kept,
              "share of the rows, those of the smallest errors, that the TD error is a mean of", 0.01, 1.0)
      .option("threads", &threads, "threads; 0: the machine's. Numbers do not depend on them", 0, 1024);
  fit.options(schema);
}

int eval_offline(const std::vector<fs::path>& files, const fs::path& run, const OfflineEvalOptions& options,
                 std::uint64_t seed, bool json) {
  Evaluation evaluation(options, seed);
  nlohmann::json results = nlohmann::json::array();
  for (std::size_t i = 0; i < files.size(); ++i)
    results.push_back(evaluation.of(files[i], run, static_cast<std::int64_t>(i), json));
  if (json) std::printf("%s\n", run::json_text(results).c_str());
  return 0;
}

bool is_grid(const fs::path& folder) { return fs::exists(folder / "cells.jsonl"); }

int eval_grid_offline(const fs::path& folder, const OfflineEvalOptions& options, std::uint64_t seed,
                      bool json) {
  const algorithms::Grid grid = algorithms::Grid::open(folder);
  const std::vector<std::string> varied = algorithms::varied_keys(grid.cells());
  struct Trained {
    std::string name;
    fs::path run, policy;
    std::int64_t agent;
    double score;
  };
  std::vector<Trained> all;
  std::int64_t left_out = 0;
  for (const algorithms::GridCell& cell : grid.cells()) {
    if (cell.regret()) throw Error("is a grid of regret studies", folder.string(), "it has no policies");
    const fs::path run = grid.folder_of(cell) / "run";
    const auto summary = fs::exists(run / "run.json") ? run::read_summary(run) : std::nullopt;
    if (!summary || !summary->flag("finished")) {
      ++left_out;
      continue;
    }
    const std::vector<run::Fields> agents = summary->list("agents");
    const std::vector<fs::path> files = policy_files(run.string(), false);
    for (std::size_t a = 0; a < std::min(files.size(), agents.size()); ++a)
      all.push_back(
          {algorithms::described(cell, varied) + ", seed " + std::to_string(agents[a].integer("seed")), run,
           files[a], static_cast<std::int64_t>(a),
           agents[a].has("last") ? agents[a].at("last").number("score/mean", kNone) : kNone});
  }
  if (all.empty())
    throw Error("no cell has ended yet", folder.string(),
                "run them first: hardy grid run " + folder.string());
  if (left_out > 0)
    std::fprintf(stderr, "note: %lld cells have not ended and are left out\n",
                 static_cast<long long>(left_out));
  Evaluation evaluation(options, seed);
  nlohmann::json results = nlohmann::json::array();
  std::vector<double> scores, values, errors;
  if (!json) std::printf("%8s  %26s  %26s  policy\n", "score", "value", "trimmed TD error");
  for (const Trained& t : all) {
    nlohmann::json r = evaluation.of(t.policy, t.run, t.agent, true);
    r["cell"] = t.name;
    r["score"] = t.score;
    scores.push_back(t.score);
    values.push_back(number_at(r, "value"));
    errors.push_back(-number_at(r, "td_error"));
    if (!json) {
      char td[64] = "-";
      if (r.contains("td_error"))
        std::snprintf(td, sizeof td, "%.4g [%.4g, %.4g]", number_at(r, "td_error"),
                      number_at(r.at("td_error"), "low"), number_at(r.at("td_error"), "high"));
      char value[64];
      std::snprintf(value, sizeof value, "%.4g [%.4g, %.4g]", values.back(), number_at(r, "low"),
                    number_at(r, "high"));
      std::printf("%8.1f  %26s  %26s  %s\n", t.score, value, td, t.name.c_str());
      std::fflush(stdout);
    }
    results.push_back(std::move(r));
  }
  const auto by_value = algorithms::rank_correlation(scores, values),
             by_error = algorithms::rank_correlation(scores, errors);
  if (json) {
    std::printf("%s\n",
                run::json_text({{"policies", results},
                                {"rank_correlation",
                                 {{"value", described(by_value)}, {"td_error", described(by_error)}}}})
                    .c_str());
    return 0;
  }
  const auto say = [](const char* what, const algorithms::RankCorrelation& r) {
    std::printf(
        "rank correlation of the score with %s: Spearman %.2f [%.2f, %.2f], Kendall %.2f, of %lld policies\n",
        what, r.spearman, r.low, r.high, r.kendall, static_cast<long long>(r.n));
  };
  say("the value", by_value);
  say("minus the trimmed TD error", by_error);
  return 0;
}

}  // namespace hardy::tools
