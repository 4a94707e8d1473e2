#include "algorithms/offline/fitted_q.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "algorithms/learning/transition_source.h"
#include "algorithms/offline/actor_critic.h"
#include "algorithms/offline/formulas.h"
#include "engine/base/error.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/gather.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {
namespace {

using datasets::Transitions;

constexpr std::int64_t kActAtOnce = 1024;

// The mode's actions at rows of observations [n, obs], within the bounds.
std::vector<float> actions_at(const LoadedPolicy& policy, const std::vector<float>& observations,
                              std::int64_t n, ThreadTeam& team) {
  const auto obs = static_cast<std::size_t>(policy.spec.observation_size),
             act = static_cast<std::size_t>(policy.spec.action_size);
  std::vector<float> actions(static_cast<std::size_t>(n) * act);
  Actor actor(policy.spec, kActAtOnce, policy.parameters);
  ActionMemory memory(policy.spec.action_size, 0, static_cast<std::size_t>(kActAtOnce));
  std::vector<double> rows(static_cast<std::size_t>(kActAtOnce) * obs);
  for (std::int64_t first = 0; first < n; first += kActAtOnce) {
    const auto count = static_cast<std::size_t>(std::min(kActAtOnce, n - first));
    const auto from =
        observations.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(first) * obs);
    std::copy_n(from, count * obs, rows.begin());
    actor.act(rows, {}, memory, {}, team);
    std::copy_n(memory.numbers.begin(), count * act,
                actions.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(first) * act));
  }
  return actions;
}

// Rows with which episodes begin.
std::vector<std::int32_t> beginnings_of(const Transitions& t) {
  std::vector<std::int32_t> rows;
  for (std::int64_t i = 0; i < t.rows; ++i)
    if (i == 0 || t.episode_end[static_cast<std::size_t>(i - 1)])
      rows.push_back(static_cast<std::int32_t>(i));
  return rows;
}

double discounted_return(const Transitions& t, double gamma, std::size_t episodes) {
  double sum = 0, discount = 1;
  for (std::size_t i = 0; i < t.rewards.size(); ++i) {
    sum += discount * static_cast<double>(t.rewards[i]);
    discount = t.episode_end[i] ? 1 : discount * gamma;
  }
  return sum / static_cast<double>(episodes);
}

// Two-sided 95 % quantiles of Student's t, from one degree of freedom on.
double student(std::size_t degrees) {
  static constexpr double kTable[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228};
  return kTable[std::min(degrees, std::size(kTable)) - 1];
}

void check(const LoadedPolicy& policy, const Transitions& t, const FittedQSettings& s) {
  if (chooses(policy.spec.head))
    throw Error("chooses, and fitted Q evaluation is of policies whose actions are numbers", "the policy");
  if (policy.spec.observation_size != t.observation_size || policy.spec.action_size != t.action_size)
    throw Error("has " + std::to_string(t.observation_size) + " observations and " +
                    std::to_string(t.action_size) + " actions",
                "the dataset",
                "the policy was trained with " + std::to_string(policy.spec.observation_size) + " and " +
                    std::to_string(policy.spec.action_size));
  if (t.rows < s.batch)
    throw Error("has " + std::to_string(t.rows) + " transitions, fewer than a batch", "the dataset",
                "give a smaller --batch-size");
}

}  // namespace

void FittedQSettings::options(run::Schema& schema) {
  schema.option("fit-steps", &steps, "of each fit; it has settled after some 5 / (polyak (1 - gamma))", 4)
      .option("fits", &fits, "that begin apart, for an interval", 1, 1024)
      .option("batch-size", &batch, "rows of a minibatch", 1, 1 << 20)
      .option("hidden", &hidden,
              "widths of Q's hidden layers, with commas; one number: two layers of that width", 1, 8192)
      .option("gamma", &gamma, "discount of the value", 0.0, 1.0)
      .option("polyak", &polyak, "share by which the targets follow at each step", 0.0, 1.0)
      .option("learning-rate", &learning_rate, "Adam's step", 0.0);
}

FittedQ fitted_q(const LoadedPolicy& policy, Transitions t, const FittedQSettings& s, ThreadTeam& team,
                 StopToken stop) {
  check(policy, t, s);
  std::vector<std::int32_t> beginnings = beginnings_of(t);
  FittedQ result;
  result.beginnings = static_cast<std::int64_t>(beginnings.size());
  result.behaviour = discounted_return(t, s.gamma, beginnings.size());

  // Networks see actions in [-1, 1] and normalised observations, as in training.
  const ActionBounds bounds = policy.spec.bounds();
  std::vector<float> now = actions_at(policy, t.observations, t.rows, team);
  t.next_actions = actions_at(policy, t.next_observations, t.rows, team);
  for (std::vector<float>* actions : {&t.actions, &t.next_actions, &now}) bounds.scale(*actions);
  datasets::normalise_observations(t, datasets::observation_normalisation(t));

  auto rows = static_cast<std::int32_t>(t.rows);
  const TransitionTables tables{.observations = t.observations.data(),
                                .actions = t.actions.data(),
                                .rewards = t.rewards.data(),
                                .next_observations = t.next_observations.data(),
                                .terminals = t.terminals.data(),
                                .rows = &rows,
                                .capacity = t.rows,
                                .shared = true,
                                .next_actions = t.next_actions.data()};
  const TransitionSource source(tables, t.observation_size, t.action_size, s.batch);
  std::vector<std::uint64_t> seeds(static_cast<std::size_t>(s.fits));
  std::iota(seeds.begin(), seeds.end(), static_cast<std::uint64_t>(s.seed));
  std::vector<std::int32_t> which;  // the same beginnings for every fit
  for (std::int64_t i = 0; i < s.fits; ++i) which.insert(which.end(), beginnings.begin(), beginnings.end());

  const std::int64_t quarter = std::max<std::int64_t>(1, s.steps / 4),
                     steps = quarter * std::max<std::int64_t>(1, s.steps / quarter);
  Learner learner(seeds);
  learner.build([&](Learner& l) {
    ActorCriticSettings critic;
    critic.hidden = s.hidden;
    critic.critics = 1;
    const Network Q = l.network("q", critic.plain_critics(t.observation_size + t.action_size));
    const Network Q_target = l.target_of(Q);
    Update& fit = l.update("fit");
    {
      Graph& g = fit.graph();
      const Batch b = source.batch(fit);
      const Tensor next = smallest(g, member_values(fit, Q_target, b.next_observations, b.next_actions));
      const Tensor y = ops::map(g, BootstrapTarget{s.gamma}, b.rewards, b.terminals, next);
      const Tensor q = member_values(fit, Q, b.observations, b.actions);
      fit.minimise("q", squared_errors(g, q, ops::stop_gradient(g, y)), {Q},
                   {.learning_rate = nn::Schedule::constant(s.learning_rate), .polyak = s.polyak});
    }
    Update& value = l.update("value").every(quarter);
    Graph& g = value.graph();
    const Tensor index =
        value.table("beginnings", DType::kI32, {s.fits, result.beginnings}, which.data(), false);
    const auto at_beginnings = [&](const char* name, std::vector<float>& memory, std::int64_t width) {
      return ops::gather_rows(g, value.table(name, DType::kF32, {t.rows, width}, memory.data(), true), index);
    };
    const Tensor q =
        member_values(value, Q, at_beginnings("observations", t.observations, t.observation_size),
                      at_beginnings("own_actions", now, t.action_size));
    value.report("value", ops::mean_per_agent(g, q));
  });
  std::vector<double> before;
  for (std::int64_t step = 0; step < steps; ++step) {
    throw_if_stopped(stop);
    learner.step(team);
    if (step + quarter + 1 == steps) before = learner.reports().at("value");
  }
  result.values = learner.reports().at("value");
  std::vector<double> finite;
  for (std::size_t i = 0; i < result.values.size(); ++i) {
    if (!learner.active(static_cast<std::int64_t>(i)))
      result.values[i] = std::numeric_limits<double>::quiet_NaN();
    if (std::isfinite(result.values[i])) finite.push_back(result.values[i]);
  }
  const auto n = static_cast<double>(finite.size());
  result.mean = std::accumulate(finite.begin(), finite.end(), 0.0) / n;
  double square = 0;
  for (const double v : finite) square += (v - result.mean) * (v - result.mean);
  result.finite = static_cast<std::int64_t>(finite.size());
  const double reach = finite.size() < 2 ? std::numeric_limits<double>::quiet_NaN()
                                         : student(finite.size() - 1) * std::sqrt(square / (n - 1) / n);
  for (std::size_t i = 0; i < before.size(); ++i)
    if (std::isfinite(result.values[i])) result.moved += std::abs(result.values[i] - before[i]) / n;
  result.low = result.mean - reach, result.high = result.mean + reach;
  const double interval = finite.size() < 2 ? 0 : 2 * reach;
  result.settled = static_cast<double>(s.steps) >= s.settles_after() * (1 - 1e-9) &&
                   result.moved <= std::max(interval, 0.01 * std::abs(result.mean));
  return result;
}

}  // namespace hardy::algorithms
