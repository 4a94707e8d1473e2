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

double number_at(const nlohmann::json& result, const char* key) {
  if (!result.contains(key)) return kNone;
  const nlohmann::json& x = result.at(key);
  const nlohmann::json& value = x.is_object() ? x.at("value") : x;
  return value.is_number() ? value.get<double>() : kNone;
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

  // What the data say of a policy; of a run's (its folder, and which agent), of its critic too.
  nlohmann::json of(const fs::path& file, const fs::path& run, std::int64_t agent) {
    const algorithms::LoadedPolicy policy = algorithms::read_policy(file);
    if (policy.spec.sequential())
      throw Error(
          "acts by the steps before, and fitted Q evaluation is of policies that act by an observation",
          file.string());
    const algorithms::FittedQ q = algorithms::fitted_q(policy, data_, fit_, team_);
    nlohmann::json result{{"policy", file.string()},
                          {"values", q.values},
                          {"value", q.mean},
                          {"low", q.low},
                          {"high", q.high},
                          {"behaviour", q.behaviour},
                          {"beginnings", q.beginnings},
                          {"moved", q.moved},
                          {"settled", q.settled},
                          {"finite", q.finite},
                          {"gamma", fit_.gamma}};
    if (const auto own = run.empty() ? std::nullopt : critic_of(run, agent, fit_.gamma)) {
      const algorithms::TrimmedMean e =
          algorithms::trimmed_mean(algorithms::squared_td_errors(own->critic, data_, own->gamma, team_),
                                   data_.episode_end, options_.kept, kResamples, 0);
      result["td_error"] = {{"value", e.mean},
                            {"low", e.low},
                            {"high", e.high},
                            {"kept", options_.kept},
                            {"gamma", own->gamma}};
    }
    return result;
  }
  // How the fits of these policies went, where one should know.
  void warn(const nlohmann::json& results) const {
    std::int64_t unsettled = 0, lost = 0;
    for (const nlohmann::json& r : results) {
      unsettled += !r.at("settled").get<bool>();
      lost += fit_.fits - r.at("finite").get<std::int64_t>();
    }
    const std::int64_t fits = fit_.fits * std::ssize(results);
    if (lost > 0)
      std::fprintf(stderr, "note: %lld of %lld fits did not stay finite and are left out\n",
                   static_cast<long long>(lost), static_cast<long long>(fits));
    if (unsettled == 0) return;
    const bool alone = results.size() == 1;
    std::string what = alone ? "the value has not settled"
                             : std::to_string(unsettled) + " of " + std::to_string(results.size()) +
                                   " values have not settled";
    const double needs = fit_.settles_after() * (1 - 1e-9);
    if (!std::isfinite(needs))
      what += ": it never does with --polyak 0 or --gamma 1";
    else if (static_cast<double>(fit_.steps) < needs)
      what += ": that takes some 5 / (polyak (1 - gamma)) = " + to_text(std::ceil(needs)) + " --fit-steps";
    else if (alone)
      what += ": it moved by " + to_text(std::round(number_at(results[0], "moved") * 1e3) / 1e3) +
              " in the last quarter of the fit; give more --fit-steps";
    else
      what += ": they still moved in the last quarter of the fit; give more --fit-steps";
    std::fprintf(stderr, "note: %s\n", what.c_str());
  }

 private:
  static constexpr std::int64_t kResamples = 1000;
  const OfflineEvalOptions& options_;
  algorithms::FittedQSettings fit_;
  ThreadTeam team_;
  datasets::Transitions data_;
};

// A value that its fits agree on: its interval goes no further than half of it. Where actions lie outside of
// the data the fits tell different things, each as surely as the other.
bool is_firm(const nlohmann::json& result) {
  return number_at(result, "high") - number_at(result, "low") <= std::abs(number_at(result, "value"));
}

// "-584.3 [-584.8, -583.7]"; no interval where there is none.
std::string with_interval(const nlohmann::json& of, const char* key) {
  char text[96];
  const double value = number_at(of, key), low = number_at(of, "low"), high = number_at(of, "high");
  if (std::isnan(low))
    std::snprintf(text, sizeof text, "%.4g", value);
  else
    std::snprintf(text, sizeof text, "%.4g [%.4g, %.4g]", value, low, high);
  return text;
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
  for (std::size_t i = 0; i < files.size(); ++i) {
    const nlohmann::json& r =
        results.emplace_back(evaluation.of(files[i], run, static_cast<std::int64_t>(i)));
    if (r.at("finite") == 0)
      throw Error::failed_run("no fit of its value stayed finite", files[i].string(),
                              "give a smaller --learning-rate, or look at whether its actions are finite");
    if (json) continue;
    std::printf(
        "%s: value %s from %lld beginnings, discount %g; the data's own episodes %.4g%s\n", files[i].c_str(),
        with_interval(r, "value").c_str(), static_cast<long long>(r.at("beginnings").get<std::int64_t>()),
        r.at("gamma").get<double>(), r.at("behaviour").get<double>(),
        r.contains("td_error") ? ("; trimmed TD error " + with_interval(r.at("td_error"), "value")).c_str()
                               : "");
    std::fflush(stdout);
  }
  evaluation.warn(results);
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
  std::int64_t left_out = 0, stopped = 0, sequential = 0;
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
    for (std::size_t a = 0; a < std::min(files.size(), agents.size()); ++a) {
      if (agents[a].text("status") != "ok") {
        ++stopped;
        continue;
      }
      if (algorithms::read_policy(files[a]).spec.sequential()) {
        ++sequential;
        continue;
      }
      all.push_back(
          {algorithms::described(cell, varied) + ", seed " + std::to_string(agents[a].integer("seed")), run,
           files[a], static_cast<std::int64_t>(a),
           agents[a].has("last") ? agents[a].at("last").number("score/mean", kNone) : kNone});
    }
  }
  if (all.empty() && stopped + sequential > 0)
    throw Error("no policy that acts by an observation came to its end", folder.string());
  if (all.empty())
    throw Error("no cell has ended yet", folder.string(),
                "run them first: hardy grid run " + folder.string());
  for (const auto& [count, what] : {std::pair{left_out, "cells have not come to their end"},
                                    {stopped, "agents were stopped"},
                                    {sequential, "policies act by the steps before"}})
    if (count > 0)
      std::fprintf(stderr, "note: %lld %s and are left out\n", static_cast<long long>(count), what);
  Evaluation evaluation(options, seed);
  nlohmann::json results = nlohmann::json::array();
  std::vector<double> scores, values, firm, errors;
  if (!json) std::printf("%8s  %26s  %26s  policy\n", "score", "value", "trimmed TD error");
  for (const Trained& t : all) {
    nlohmann::json r = evaluation.of(t.policy, t.run, t.agent);
    r["cell"] = t.name;
    r["score"] = t.score;
    scores.push_back(t.score);
    values.push_back(number_at(r, "value"));
    firm.push_back(is_firm(r) ? values.back() : kNone);
    errors.push_back(-number_at(r, "td_error"));
    if (!json) {
      const std::string value = with_interval(r, "value"),
                        td = r.contains("td_error") ? with_interval(r.at("td_error"), "value") : "-";
      std::printf("%8.1f  %26s  %26s  %s\n", t.score, value.c_str(), td.c_str(), t.name.c_str());
      std::fflush(stdout);
    }
    results.push_back(std::move(r));
  }
  evaluation.warn(results);
  const auto by_value = algorithms::rank_correlation(scores, values),
             by_firm = algorithms::rank_correlation(scores, firm),
             by_error = algorithms::rank_correlation(scores, errors);
  if (json) {
    std::printf("%s\n", run::json_text({{"policies", results},
                                        {"rank_correlation",
                                         {{"value", described(by_value)},
                                          {"firm_value", described(by_firm)},
                                          {"td_error", described(by_error)}}}})
                            .c_str());
    return 0;
  }
  const auto say = [](const char* what, const algorithms::RankCorrelation& r) {
    std::printf(
        "rank correlation of the score with %s: Spearman %.2f [%.2f, %.2f], Kendall %.2f, of %lld policies\n",
        what, r.spearman, r.low, r.high, r.kendall, static_cast<long long>(r.n));
  };
  say("the value", by_value);
  say("the value, where its interval is within half of it", by_firm);
  say("minus the trimmed TD error", by_error);
  return 0;
}

}  // namespace hardy::tools
