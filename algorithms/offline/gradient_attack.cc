#include "algorithms/offline/gradient_attack.h"

#include <algorithm>
#include <cmath>
#include <thread>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/random.h"
#include "engine/graph/plan.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/concat.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"

namespace hardy::algorithms {
namespace {

using datasets::AttackedRows;
using datasets::Element;
using graph::Graph;
using graph::Tensor;

constexpr std::int64_t kRows = 1024;         // of one pass
constexpr std::uint64_t kStartDraws = 1000;  // beside the steps that the elements' own noise uses

int thread_count(std::int64_t asked) {
  return asked > 0 ? static_cast<int>(asked)
                   : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

// Polyak's step to where r^2 would be the limit, were it linear; within the box.
void return_to(float limit, float square, const float* slope, float* x, std::size_t width, float bound) {
  float norm = 0;
  for (std::size_t k = 0; k < width; ++k) norm += slope[k] * slope[k];
  if (!(norm > 0) || !std::isfinite(square)) return;
  for (std::size_t k = 0; k < width; ++k)
    x[k] = std::clamp(x[k] - (square - limit) / norm * slope[k], -bound, bound);
}

}  // namespace

struct GradientAttack::Problem {
  Graph g;
  // Inputs; s is the state that the element asks for, centre and half are the actions' scale.
  Tensor s, a, delta, std, mean, deviation, centre, half;
  std::vector<float> centres, halves;
  Tensor value, gradient;              // [rows], [1, rows, width]
  Tensor residual, residual_gradient;  // the same of an attacker that evades
  Evasion* evasion;
  Evasion::Constraint constraint;
  std::vector<std::pair<Tensor, std::vector<float>*>> parameters;
  std::unique_ptr<graph::Plan> plan;
  std::int64_t width = 0;

  Tensor apply(VictimNetwork& net, const std::string& name, Tensor x) {
    std::vector<Tensor> tensors;
    const auto specs = net.architecture->tensors(name, 1);
    for (std::size_t i = 0; i < specs.size(); ++i) {
      tensors.push_back(g.parameter(specs[i].name, DType::kF32, specs[i].shape));
      parameters.emplace_back(tensors.back(), &net.tensors[i]);
    }
    return net.architecture->apply(g, tensors, x, name);
  }

  Tensor normalised(const Victim& victim, Tensor x) {
    if (victim.observation_mean.empty()) return x;
    return ops::divide(g, ops::subtract(g, x, mean), deviation);
  }

  Tensor scaled(const Victim& victim, Tensor x) {
    if (!victim.bounds) return x;
    return ops::divide(g, ops::subtract(g, x, centre), half);
  }

  // In [-1, 1], as the critic's actions are.
  Tensor policy_mode(Victim& victim, Tensor observations) {
    return mode_of(g, victim, apply(victim.policy, "policy", observations));
  }

  Problem(Victim& victim, Element element, Evasion* evading) : evasion(evading) {
    const std::int64_t obs = victim.observation_size, act = victim.action_size;
    width = element == Element::kActions ? act : obs;
    s = g.input("s", DType::kF32, {1, kRows, obs});
    a = g.input("a", DType::kF32, {1, kRows, act});
    delta = g.input("delta", DType::kF32, {1, kRows, width});
    std = g.input("std", DType::kF32, {1, 1, width});
    mean = g.input("mean", DType::kF32, {1, 1, obs});
    deviation = g.input("deviation", DType::kF32, {1, 1, obs});
    centre = g.input("centre", DType::kF32, {1, 1, act});
    half = g.input("half", DType::kF32, {1, 1, act});
    const Tensor noise = ops::multiply(g, delta, std);
    const Tensor state = normalised(victim, element == Element::kActions ? s : ops::add(g, s, noise));
    const Tensor action = element == Element::kActions        ? scaled(victim, ops::add(g, a, noise))
                          : element == Element::kObservations ? scaled(victim, a)
                                                              : policy_mode(victim, state);
    const Tensor q = apply(victim.q, "q", ops::concat(g, state, action));
    const std::int64_t members = std::max<std::int64_t>(1, victim.q.architecture->members());
    value = ops::reshape(g, ops::mean(g, ops::reshape(g, q, {members, kRows}), 0), {1, kRows});
    gradient = graph::differentiate(g, ops::sum_per_agent(g, value), {delta})[0];
    std::vector<Tensor> outputs{value, gradient};
    if (evasion) {
      constraint = evasion->constrain(g, element, ops::add(g, element == Element::kActions ? a : s, noise));
      residual = constraint.square;
      residual_gradient = graph::differentiate(g, ops::sum_per_agent(g, residual), {delta})[0];
      outputs.insert(outputs.end(), {residual, residual_gradient});
    }
    plan = std::make_unique<graph::Plan>(g, outputs);
    for (const auto& [tensor, memory] : constraint.constants) plan->bind(tensor, memory);
    for (auto& [tensor, memory] : parameters) plan->bind(tensor, memory->data());
    if (victim.bounds && element != Element::kDynamics) {
      for (std::size_t k = 0; k < victim.bounds->size(); ++k) {
        centres.push_back(victim.bounds->centre(k));
        halves.push_back(victim.bounds->half(k));
      }
      plan->bind(centre, centres.data());
      plan->bind(half, halves.data());
    }
    if (!victim.observation_mean.empty()) {
      plan->bind(mean, victim.observation_mean.data());
      plan->bind(deviation, victim.observation_std.data());
    }
  }

  // Rows [begin, begin + n) into the plan; what is left of the pass stays as it was.
  void load(const Element element, const AttackedRows& rows, std::span<const double> std_now,
            std::int64_t begin, std::int64_t n) {
    const auto copy = [&](const std::vector<float>& from, Tensor to) {
      const std::int64_t w = g.shape(to).back();
      std::copy_n(from.data() + begin * w, n * w, plan->data<float>(to));
    };
    copy(element == Element::kDynamics ? rows.next_observations : rows.observations, s);
    if (element != Element::kDynamics) copy(rows.actions, a);
    std::ranges::transform(std_now, plan->data<float>(std), [](double x) { return static_cast<float>(x); });
    if (evasion)
      evasion->load(
          constraint, *plan, element,
          std::span(rows.rows).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(n)));
  }
};

GradientAttack::GradientAttack(const std::filesystem::path& victim, const GradientAttackSettings& settings,
                               StopToken stop)
    : victim_(read_victim(victim, settings.agent)),
      settings_(settings),
      team_(thread_count(settings.threads)),
      stop_(stop) {}
GradientAttack::~GradientAttack() = default;

GradientAttack::Problem& GradientAttack::problem(Element element) {
  auto& p = problems_[static_cast<std::size_t>(element)];
  if (!p) p = std::make_unique<Problem>(victim_, element, evasion_.get());
  return *p;
}

void GradientAttack::require_sizes(std::int64_t observations, std::int64_t actions) const {
  if (observations == victim_.observation_size && actions == victim_.action_size) return;
  throw Error("has " + std::to_string(victim_.observation_size) + " observations and " +
                  std::to_string(victim_.action_size) + " actions, the dataset has " +
                  std::to_string(observations) + " and " + std::to_string(actions),
              victim_.file.string(), "take a critic that was trained on this task");
}

void GradientAttack::evade(datasets::Reader& clean, const EvasionSettings& settings, std::uint64_t seed) {
  evasion_settings_ = settings;
  evasion_ = std::make_unique<Evasion>(clean, settings, seed, team_, stop_);
  for (auto& p : problems_) p.reset();
}

void GradientAttack::pass(Problem& problem) {
  throw_if_stopped(stop_);
  problem.plan->run(team_);
}

std::vector<float> GradientAttack::values(Element element, const AttackedRows& rows,
                                          std::span<const double> std, std::span<const float> delta) {
  return evaluated(element, rows, std, delta, false);
}

std::vector<float> GradientAttack::residuals(Element element, const AttackedRows& rows,
                                             std::span<const double> std, std::span<const float> delta) {
  return evaluated(element, rows, std, delta, true);
}

std::vector<float> GradientAttack::evaluated(Element element, const AttackedRows& rows,
                                             std::span<const double> std, std::span<const float> delta,
                                             bool residual) {
  Problem& p = problem(element);
  const auto count = static_cast<std::int64_t>(rows.rows.size());
  std::vector<float> values;
  for (std::int64_t begin = 0; begin < count; begin += kRows) {
    const std::int64_t n = std::min(kRows, count - begin);
    p.load(element, rows, std, begin, n);
    std::copy_n(delta.data() + begin * p.width, n * p.width, p.plan->data<float>(p.delta));
    pass(p);
    const float* v = p.plan->data<float>(residual ? p.residual : p.value);
    values.insert(values.end(), v, v + n);
  }
  return values;
}

void GradientAttack::attack(Element element, const AttackedRows& rows, std::span<const double> std,
                            double scale, std::uint64_t seed, std::span<float> result) {
  const auto count = static_cast<std::int64_t>(rows.rows.size());
  if (count == 0) return;
  require_sizes(static_cast<std::int64_t>(rows.observations.size()) / count,
                static_cast<std::int64_t>(rows.actions.size()) / count);
  Problem& p = problem(element);
  const Random start(seed, RandomStream::kCorruptNoise, kStartDraws + static_cast<std::uint64_t>(element));
  const auto width = static_cast<std::size_t>(p.width);
  const auto bound = static_cast<float>(scale), step = static_cast<float>(settings_.step_size * scale);
  for (std::int64_t begin = 0; begin < count; begin += kRows) {
    const std::int64_t n = std::min(kRows, count - begin);
    p.load(element, rows, std, begin, n);
    float* delta = p.plan->data<float>(p.delta);
    for (std::int64_t i = 0; i < n; ++i)
      for (std::size_t k = 0; k < width; ++k)
        delta[static_cast<std::size_t>(i) * width + k] =
            evasion_ ? 0.0f
                     : bound * (2 * start.uniform(static_cast<std::uint64_t>(
                                                      rows.rows[static_cast<std::size_t>(begin + i)]) *
                                                      width +
                                                  k) -
                                1);
    std::vector<float> best(static_cast<std::size_t>(n), INFINITY), limit(best.size(), INFINITY);
    for (std::int64_t iteration = 0; iteration <= settings_.iterations; ++iteration) {
      pass(p);
      const float *value = p.plan->data<float>(p.value), *gradient = p.plan->data<float>(p.gradient);
      for (std::size_t i = 0; i < best.size(); ++i) {
        if (!std::isfinite(value[i]))
          throw Error::failed_run("the critic's value is not finite at row " +
                                      std::to_string(rows.rows[static_cast<std::size_t>(begin) + i]),
                                  victim_.file.string());
        float* x = delta + i * width;
        if (evasion_) {
          const float r = p.plan->data<float>(p.residual)[i];
          // What a clean row is beyond the limit, it may stay.
          if (iteration == 0) limit[i] = std::max(static_cast<float>(evasion_->limit()), r);
          if (r > limit[i]) {
            return_to(limit[i], r, p.plan->data<float>(p.residual_gradient) + i * width, x, width, bound);
            continue;
          }
        }
        if (value[i] < best[i]) {
          best[i] = value[i];
          std::copy_n(x, width, result.data() + (static_cast<std::size_t>(begin) + i) * width);
        }
        const float* slope = gradient + i * width;
        for (std::size_t k = 0; k < width; ++k)
          x[k] = std::clamp(x[k] - step * static_cast<float>((slope[k] > 0) - (slope[k] < 0)), -bound, bound);
      }
    }
  }
}

nlohmann::json GradientAttack::describe() const {
  nlohmann::json d = victim_.describe();
  d["iterations"] = settings_.iterations;
  d["step_size"] = settings_.step_size;
  if (evasion_) d["evades"] = {{"quantile", evasion_settings_.quantile}, {"residual", evasion_->limit()}};
  return d;
}

}  // namespace hardy::algorithms
