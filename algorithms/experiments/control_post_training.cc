#include "algorithms/experiments/control_post_training.h"

#include <algorithm>
#include <filesystem>

#include "algorithms/post_training/token_policy.h"
#include "datasets/identity.h"
#include "datasets/inspect.h"
#include "datasets/transitions.h"
#include "engine/base/json.h"
#include "engine/base/text.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

constexpr std::int64_t kStarts = 256;  // without a file to count

bool same_kind(const PolicySpec& a, const PolicySpec& b) {
  return a.head == b.head && a.hidden == b.hidden && a.nonlinearity == b.nonlinearity &&
         a.scaled == b.scaled && a.observation_size == b.observation_size && a.action_size == b.action_size &&
         a.action_choices == b.action_choices && a.action_low == b.action_low &&
         a.action_high == b.action_high && a.observation_mean == b.observation_mean &&
         a.observation_std == b.observation_std && a.log_std_low == b.log_std_low;
}

std::vector<LoadedPolicy> read_base(const std::string& base, const envs::EnvSpec& spec) {
  std::vector<LoadedPolicy> all;
  if (base.empty()) return all;
  for (const std::filesystem::path& file : base_policy_files(base)) {
    all.push_back(read_policy(file));
    const PolicySpec& own = all.back().spec;
    require_match(own, spec, file.string());
    if (own.head != Head::kGaussian && own.head != Head::kTanhGaussian && own.head != Head::kCategorical)
      throw Error("leaves nothing to chance: its rollouts would all be the same",
                  file.string() + ", head " + name_of(own.head), "a base has a head that draws");
    if (!same_kind(own, all[0].spec))
      throw Error("is of another kind than the base's first policy", file.string());
    if (own.bounds().low != spec.action_low || own.bounds().high != spec.action_high || !own.scaled)
      throw Error("acts within other bounds than the environment's", file.string(), spec.name);
  }
  return all;
}

// Normalisation by the demonstrations' own mean and deviation.
void normalise_by(const ControlData& data, PolicySpec& spec) {
  const auto obs = static_cast<std::size_t>(spec.observation_size);
  std::vector<double> sum(obs), square(obs);
  double rows = 0;
  for (const ControlStart& start : data.starts) {
    const std::vector<float>& x = start.demonstration.observations;
    for (std::size_t i = 0; i < x.size(); ++i) {
      sum[i % obs] += static_cast<double>(x[i]);
      square[i % obs] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    }
    rows += static_cast<double>(start.demonstration.steps);
  }
  if (rows == 0)
    throw Error("there are no demonstrations to normalise by", "--normalise", "give a --dataset");
  for (std::size_t k = 0; k < obs; ++k) {
    const double mean = sum[k] / rows, variance = std::max(0.0, square[k] / rows - mean * mean);
    spec.observation_mean.push_back(static_cast<float>(mean));
    spec.observation_std.push_back(static_cast<float>(std::sqrt(variance) + 1e-3));
  }
}

}  // namespace

void ControlPostTraining::options(run::Schema& schema) {
  schema.section("control (instead of prompts)")
      .option("env", &environment_,
              "post-trains a control policy: rollouts are episodes from resets of this environment. " +
                  envs::environment_help())
      .option(
          "dataset", &dataset_,
          "demonstrations: D4RL HDF5, Minari, .npz; an episode belongs to the start whose first observation "
          "it has")
      .option("start-seed", &start_seed_, "of the starts: the --seed of the data collect that recorded them",
              0)
      .option("starts", &starts_,
              "starts that training plays from; 0: as many as the dataset has episodes, 256 without one", 0,
              1 << 24)
      .option("success-return", &success_,
              "an episode of at least this return is a success; empty: as the environment says")
      .option(
          "action-head", &head_,
          "of a new policy of numbers: a Gaussian with a free log sigma a dimension, held to the bounds, or "
          "a squashed one with a log sigma of the state",
          {"gaussian", "tanh_gaussian"})
      .option("hidden", &hidden_,
              "widths of a new policy's hidden layers, with commas; one number: two layers of that width", 1,
              8192)
      .option("nonlinearity", &nonlinearity_, "of a new policy", {"relu", "tanh", "gelu", "silu"})
      .option("normalise", &normalise_,
              "a new policy sees observations by the demonstrations' mean and deviation")
      .option("initial-log-std", &how_.initial_log_std, "of a new gaussian head, in units of half the bounds",
              -3.0, 2.0)
      .option("log-std-floor", &how_.log_std_floor, "log sigma does not fall below", -5.0, 2.0);
}

void ControlPostTraining::require_not_asked(const run::Schema& schema) const {
  for (const char* key : {"dataset", "start-seed", "starts", "success-return", "action-head", "hidden",
                          "nonlinearity", "normalise", "initial-log-std", "log-std-floor"})
    if (schema.source_of(key) == run::Schema::Source::kCommandLine)
      throw Error("is of control policies", std::string("--") + key, "name their environment by --env");
}

double ControlPostTraining::success_return(const envs::EnvSpec& spec) const {
  if (success_.empty()) {
    if (spec.success_return) return *spec.success_return;
    throw Error("does not say what a success is", environment_,
                "give the return from which on an episode is one: --success-return X");
  }
  const std::optional<double> given = to_double(success_);
  if (!given || !std::isfinite(*given))
    throw Error("is no number", "--success-return " + success_, "a return, e.g. 195");
  return *given;
}

PolicySpec ControlPostTraining::policy_for(const ControlData& data,
                                           const std::vector<LoadedPolicy>& base) const {
  if (!base.empty()) return base[0].spec;
  PolicySpec spec;
  spec.head = data.spec.discrete() ? Head::kCategorical : head_named(head_);
  spec.observation_size = data.spec.observation_size;
  spec.action_size = data.spec.action_size;
  spec.action_choices = data.spec.action_choices;
  spec.action_low = data.spec.action_low;
  spec.action_high = data.spec.action_high;
  spec.hidden = hidden_layers(hidden_);
  spec.nonlinearity = nn::nonlinearity_named(nonlinearity_);
  if (spec.head == Head::kTanhGaussian) spec.log_std_low = how_.log_std_floor;
  if (normalise_) normalise_by(data, spec);
  return spec;
}

void ControlPostTraining::require_demonstrations(const std::string& method, const PostTrainingSettings& post,
                                                 const ControlData& data) const {
  if (!post.needs_demonstrations()) return;
  if (post.verify_demonstrations && !data.has_rewards)
    throw Error("has no rewards that say which demonstrations succeeded", dataset_,
                "leave --verify-demos out");
  const bool any = std::ranges::any_of(data.starts, [&](const ControlStart& s) {
    return s.demonstration.steps > 0 && (s.demonstration.succeeded || !post.verify_demonstrations);
  });
  if (!any) throw Error("no demonstration in it succeeded", dataset_, method + " imitates those that did");
}

std::vector<std::string> ControlPostTraining::notes(const PostTrainingSettings& post,
                                                    const ControlData& data) const {
  std::vector<std::string> all;
  const auto of_episodes = [&](std::int64_t n, const std::string& what) {
    if (n > 0)
      all.push_back(std::to_string(n) + " of " + std::to_string(data.episodes) + " episodes of " + dataset_ +
                    " " + what);
  };
  of_episodes(data.elsewhere, "begin at none of the starts and are left out");
  of_episodes(data.surplus, "are a second demonstration of their start and are left out");
  if (post.needs_demonstrations())
    of_episodes(data.failed,
                std::string("did not succeed") +
                    (post.verify_demonstrations ? " and are not imitated" : " (see --verify-demos)"));
  const auto without =
      std::ranges::count_if(data.starts, [](const ControlStart& s) { return s.demonstration.steps == 0; });
  if (without > 0 && data.episodes > 0)
    all.push_back(std::to_string(without) + " of " + std::to_string(data.starts.size()) +
                  " starts have no demonstration");
  return all;
}

std::unique_ptr<Trainee> ControlPostTraining::prepare(const std::string& method, const std::string& base,
                                                      const PostTrainingSettings& post,
                                                      const TrainingSettings& training, run::Schema& schema,
                                                      nlohmann::json& about, comm::Ranks& ranks) {
  environment_ = envs::absolute_name(environment_);
  schema.apply({{"env", environment_}}, "--env", run::Schema::Source::kCommandLine);
  const envs::EnvSpec spec = envs::make_environment(environment_, 1)->spec();
  post.check(!spec.discrete());
  if (post.temperature != 1)
    throw Error("a control policy is sampled as it is", "--temperature " + to_text(post.temperature),
                "leave it at 1");
  if (dataset_.empty() && post.needs_demonstrations())
    throw Error(method + " imitates demonstrations", "--dataset", "name their file; grpo does without");
  about["dataset"] = nullptr;
  std::unique_ptr<datasets::Reader> file;
  if (!dataset_.empty()) {
    dataset_ = std::filesystem::absolute(dataset_).lexically_normal().string();
    schema.apply({{"dataset", dataset_}}, "--dataset", run::Schema::Source::kCommandLine);
    file = datasets::open_dataset(dataset_);
  }
  const std::int64_t starts = starts_ > 0 ? starts_ : file ? episodes_in(*file, spec) : kStarts;
  ControlData data =
      control_starts(environment_, success_return(spec), static_cast<std::uint64_t>(start_seed_),
                     std::max<std::int64_t>(1, starts));
  if (file) {
    add_demonstrations(data, *file);
    about["dataset"] = datasets::without_drawings(datasets::inspect(*file, spec.max_episode_steps));
    about["dataset"]["sha256"] = datasets::dataset_sha256(*file);
  }
  require_demonstrations(method, post, data);
  const std::vector<LoadedPolicy> policies = read_base(base, spec);
  const PolicySpec policy = policy_for(data, policies);
  about["starts"] = {{"count", data.starts.size()},           {"seed", start_seed_},
                     {"success_return", data.success_return}, {"episodes", data.episodes},
                     {"demonstrations_failed", data.failed},  {"episodes_elsewhere", data.elsewhere}};
  about["policy"] = {{"head", name_of(policy.head)}, {"network", policy.mlp()->describe()}};
  std::vector<std::string> lines = notes(post, data);
  if (policies.size() > 1 && static_cast<std::int64_t>(policies.size()) < training.seeds)
    lines.push_back("the base has " + std::to_string(policies.size()) +
                    " policies, which the agents take in turn");
  about["notes"] = join(lines, "; ");
  ControlTraining how = how_;
  how.eval_episodes = training.eval_episodes;
  how.eval_seed = static_cast<std::uint64_t>(training.eval_seed);
  return std::make_unique<ControlTrainee>(std::move(data), post, policy, how, training.agent_seeds(),
                                          training.steps, policies, ranks);
}

}  // namespace hardy::algorithms
