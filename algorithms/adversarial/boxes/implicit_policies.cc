#include "algorithms/adversarial/boxes/implicit_policies.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "algorithms/adversarial/steps/draws.h"
#include "engine/base/error.h"
#include "engine/linalg/simplex.h"
#include "engine/linalg/small.h"

namespace hardy::algorithms {
namespace {

using envs::State;

constexpr std::int64_t kRowBytes = 160;  // of a row beside its numbers, with its place in the table

struct Row {
  std::vector<double> costs, policies, phi;  // [A], [episodes][A], [A][d]
  std::int64_t count = 0;                    // policies that stand
};

// The sum and its deviation from the episodes' losses.
void finish(SampledResult& result) {
  double spread = 0;
  for (const double x : result.episode_loss) result.learner_loss += x;
  const double mean = result.learner_loss / static_cast<double>(result.episode_loss.size());
  for (const double x : result.episode_loss) spread += (x - mean) * (x - mean);
  result.standard_error = std::sqrt(spread);
}

// Numbers of one path: a function of the seed, what for, the episode, and where the path begins.
Random path_numbers(std::uint64_t seed, std::int64_t episode, int h, State s, int a, std::uint64_t copy) {
  SplitMix64 mix(seed ^ (static_cast<std::uint64_t>(h) << 56));
  mix = SplitMix64(mix.bits() ^ s);
  mix = SplitMix64(mix.bits() ^ static_cast<std::uint64_t>(a) ^ (copy << 32));
  return {mix.bits(), static_cast<std::uint32_t>(DrawFor::kBonus), static_cast<std::uint64_t>(episode)};
}

}  // namespace

class ImplicitPolicies {
 public:
  explicit ImplicitPolicies(const SampledConfig& c)
      : config_(c), simulator_(*c.simulator), H_(simulator_.H()), A_(simulator_.A()), d_(simulator_.d()) {
    rows_.resize(static_cast<std::size_t>(H_));
    barrier_ = c.method == "ftrl_log_barrier";
    scratch_.resize(static_cast<std::size_t>(linalg::forms_scratch<1>(d_)));
    norms_.resize(static_cast<std::size_t>(A_));
    samples_ = c.samples > 0 ? c.samples : static_cast<std::int64_t>(std::ceil(1 / c.steps.gamma));
  }

  SampledResult run() {
    SampledResult result;
    Draws draws({}, config_.seed);
    std::vector<double> to_go(static_cast<std::size_t>(H_));
    std::vector<Step> visits(to_go.size());
    const std::int64_t calls_before = simulator_.calls();
    for (std::int64_t k = 0; k < config_.episodes; ++k) {
      draws.begin(DrawFor::kPlay, k);
      walk(k, draws, [&](int h, State s, int a) { visits[static_cast<std::size_t>(h)] = {s, a}; });
      double L = 0;
      for (int h = H_; h-- > 0;) {
        const auto at = static_cast<std::size_t>(h);
        to_go[at] = L += simulator_.loss(k, h, visits[at].state, visits[at].action);
      }
      result.episode_loss.push_back(L);
      draws.begin(DrawFor::kCovariance, k);
      remember(k, draws, visits, to_go);
    }
    finish(result);
    for (const auto& layer : rows_) result.states += static_cast<std::int64_t>(layer.size());
    result.paths = paths_;
    result.simulator_calls = simulator_.calls() - calls_before;
    return result;
  }

  // v of one path of B_j,h(s,a).
  double bonus_path(std::int64_t j, int h, State s, int a, std::uint64_t copy) {
    ++paths_;
    const Random random = path_numbers(config_.seed, j, h, s, a, copy);
    double value = bonus(j, h, s, a), growth = 1;
    std::uint64_t index = 0;
    for (int i = h; i + 1 < H_; ++i) {
      s = simulator_.step(i, s, a, random.uniform64(index++));
      a = draw(policy(j, i + 1, s), random.uniform64(index++));
      growth *= 1 + 1.0 / H_;
      value += growth * bonus(j, i + 1, s, a);
    }
    return value;
  }

 private:
  struct Step {
    State state = 0;
    int action = 0;
  };
  struct Estimate {  // of one episode and layer
    std::vector<double> factor, inverse_diagonal, theta;
  };

  int draw(const double* p, double u) const {
    double reached = 0;
    int a = 0;
    for (; a < A_ - 1; ++a) {
      reached += p[a];
      if (u < reached) break;
    }
    return a;
  }

  template <class See>
  void walk(std::int64_t k, Draws& draws, See&& see) {
    State s = simulator_.start(draws.next());
    for (int h = 0; h < H_; ++h) {
      const int a = draw(policy(k, h, s), draws.next());
      see(h, s, a);
      if (h + 1 < H_) s = simulator_.step(h, s, a, draws.next());
    }
  }

  Row& row(int h, State s) {
    const auto [found, fresh] = rows_[static_cast<std::size_t>(h)].try_emplace(s);
    if (fresh) {
      found->second.costs.assign(static_cast<std::size_t>(A_), 0.0);
      found->second.phi.resize(static_cast<std::size_t>(A_) * static_cast<std::size_t>(d_));
      simulator_.features(h, s, found->second.phi);
      bytes_ += kRowBytes + std::int64_t{8} * A_ * (d_ + 1);
    }
    return found->second;
  }

  // pi_k(.|s), which brings the row up to k.
  const double* policy(std::int64_t k, int h, State s) {
    Row& r = row(h, s);
    for (; r.count <= k; ++r.count) {
      if (r.count > 0) follow(r, r.count - 1, h, s);
      const std::size_t at = r.policies.size();
      r.policies.resize(at + static_cast<std::size_t>(A_));
      bytes_ += 8 * A_;
      const linalg::SimplexBatch problem{
          1, A_, 1, &config_.steps.eta, r.costs.data(), r.policies.data() + at};
      barrier_ ? linalg::log_barrier(problem) : linalg::entropic(problem);
    }
    if (bytes_ > config_.most_bytes)
      throw Error::failed_run("the rows of touched states take more than " +
                                  std::to_string(config_.most_bytes) + " bytes by episode " +
                                  std::to_string(k),
                              "--memory", "raise it, or play fewer episodes, or a smaller H");
    return r.policies.data() + k * A_;
  }

  // C(s,a) += Qhat_j(s,a) - B_j(s,a).
  void follow(Row& r, std::int64_t j, int h, State s) {
    const Estimate& e = estimate(j, h);
    for (int a = 0; a < A_; ++a) {
      double Q = 0;
      for (int i = 0; i < d_; ++i)
        Q += r.phi[static_cast<std::size_t>(std::int64_t{a} * d_ + i)] * e.theta[static_cast<std::size_t>(i)];
      const double B = config_.steps.beta > 0 ? bonus_path(j, h, s, a, 0) : 0.0;
      r.costs[static_cast<std::size_t>(a)] += Q - B;
    }
  }

  const Estimate& estimate(std::int64_t j, int h) const {
    return estimates_[static_cast<std::size_t>(j * H_ + h)];
  }

  double bonus(std::int64_t j, int h, State s, int a) {
    const double* const p = policy(j, h, s);
    const Estimate& e = estimate(j, h);
    linalg::quadratic_forms<1>(e.factor.data(), e.inverse_diagonal.data(), row(h, s).phi.data(), A_, d_,
                               scratch_.data(), norms_.data());
    double mean = 0;
    for (int other = 0; other < A_; ++other) mean += p[other] * norms_[static_cast<std::size_t>(other)];
    return config_.steps.beta * (norms_[static_cast<std::size_t>(a)] + mean);
  }

  // Sigma~ of M fresh trajectories, factored; thetahat = Sd phi L.
  void remember(std::int64_t k, Draws& draws, const std::vector<Step>& visits,
                const std::vector<double>& to_go) {
    const auto size = static_cast<std::size_t>(d_) * static_cast<std::size_t>(d_);
    std::vector<std::vector<double>> sums(static_cast<std::size_t>(H_), std::vector<double>(size));
    for (std::int64_t m = 0; m < samples_; ++m)
      walk(k, draws, [&](int h, State s, int a) {
        const double* const phi = row(h, s).phi.data() + std::int64_t{a} * d_;
        std::vector<double>& sum = sums[static_cast<std::size_t>(h)];
        for (int i = 0; i < d_; ++i)
          for (int j = 0; j <= i; ++j)
            sum[static_cast<std::size_t>(std::int64_t{i} * d_ + j)] +=
                phi[i] * phi[j] / static_cast<double>(samples_);
      });
    for (int h = 0; h < H_; ++h) {
      const auto at = static_cast<std::size_t>(h);
      Estimate e{std::move(sums[at]), std::vector<double>(static_cast<std::size_t>(d_)), {}};
      for (int i = 0; i < d_; ++i)
        e.factor[static_cast<std::size_t>(std::int64_t{i} * d_ + i)] += config_.steps.gamma;
      linalg::cholesky<1>(e.factor.data(), d_, e.inverse_diagonal.data());
      const double* const phi = row(h, visits[at].state).phi.data() + std::int64_t{visits[at].action} * d_;
      e.theta.assign(phi, phi + d_);
      linalg::solve_lower<1>(e.factor.data(), e.inverse_diagonal.data(), d_, e.theta.data());
      linalg::solve_lower_transposed<1>(e.factor.data(), e.inverse_diagonal.data(), d_, e.theta.data());
      for (double& x : e.theta) x *= to_go[at];
      bytes_ += static_cast<std::int64_t>(8 * (size + 2 * static_cast<std::size_t>(d_)));
      estimates_.push_back(std::move(e));
    }
  }

  const SampledConfig config_;
  const envs::Simulator& simulator_;
  const int H_, A_, d_;
  bool barrier_ = true;
  std::int64_t samples_ = 0, paths_ = 0, bytes_ = 0;
  std::vector<std::unordered_map<State, Row>> rows_;  // a layer each
  std::vector<Estimate> estimates_;                   // [episode][H]
  std::vector<double> scratch_, norms_;               // norms_: [A]
};

namespace {

void check(const SampledConfig& c) {
  if (c.simulator == nullptr) throw Error("there is no simulator", "sampled evaluation");
  if (c.method != "ftrl_log_barrier" && c.method != "exp_weights")
    throw Error("'" + c.method + "' has no implicit policies", "--evaluation sampled",
                "known: ftrl_log_barrier, exp_weights");
  if (c.episodes < 1) throw Error("K = " + std::to_string(c.episodes), "--episodes", "at least 1 is needed");
  if (!(c.steps.gamma > 0 && c.steps.gamma <= 1) || !(c.steps.eta > 0) || !(c.steps.beta >= 0))
    throw Error("eta = " + std::to_string(c.steps.eta) + ", beta = " + std::to_string(c.steps.beta) +
                    ", gamma = " + std::to_string(c.steps.gamma),
                "step sizes", "eta is above 0, beta at least 0, gamma within (0,1]");
}

}  // namespace

SampledCost sampled_cost(const SampledConfig& c) {
  check(c);
  const double K = static_cast<double>(c.episodes), A = c.simulator->A(), d = c.simulator->d();
  const double M = c.samples > 0 ? static_cast<double>(c.samples) : std::ceil(1 / c.steps.gamma);
  SampledCost cost;
  // States of layer h: those that trajectories visit, and those that paths from earlier layers lead to.
  const int H = c.simulator->H();
  double paths_into = 0;
  cost.simulator_calls = K * (M + 1) * (H - 1);
  for (int h = 0; h < H; ++h) {
    const double states = (h == 0 ? 1 : K * (M + 1)) + paths_into;
    const double paths = c.steps.beta > 0 ? states * K * A : 0;
    cost.states += states, cost.paths += paths;
    cost.simulator_calls += paths * (H - 1 - h);
    paths_into += paths;
  }
  cost.bytes = 8 * (cost.states * A * (K + d) + K * c.simulator->H() * d * (d + 2));
  char text[200];
  std::snprintf(
      text, sizeof text,
      "%.3g episodes, at most %.3g simulator calls, %.3g states, %.3g bonus paths and %.3g bytes, if "
      "no state comes back",
      K, cost.simulator_calls, cost.states, cost.paths, cost.bytes);
  cost.text = text;
  return cost;
}

SampledResult run_sampled(const SampledConfig& config) {
  check(config);
  return ImplicitPolicies(config).run();
}

SampledResult run_sampled_uniform(const SampledConfig& config) {
  check(config);
  const envs::Simulator& simulator = *config.simulator;
  const std::int64_t calls_before = simulator.calls();
  SampledResult result;
  Draws draws({}, config.seed);
  for (std::int64_t k = 0; k < config.episodes; ++k) {
    draws.begin(DrawFor::kUniform, k);
    State s = simulator.start(draws.next());
    double L = 0;
    for (int h = 0; h < simulator.H(); ++h) {
      const int a = std::min(simulator.A() - 1, static_cast<int>(draws.next() * simulator.A()));
      L += simulator.loss(k, h, s, a);
      if (h + 1 < simulator.H()) s = simulator.step(h, s, a, draws.next());
    }
    result.episode_loss.push_back(L);
  }
  finish(result);
  result.simulator_calls = simulator.calls() - calls_before;
  return result;
}

std::vector<double> sampled_bonus_paths(const SampledConfig& config, int h, envs::State s, int a, int paths) {
  check(config);
  ImplicitPolicies policies(config);
  policies.run();
  std::vector<double> values;
  for (int i = 1; i <= paths; ++i)
    values.push_back(policies.bonus_path(config.episodes - 1, h, s, a, static_cast<std::uint64_t>(i)));
  return values;
}

}  // namespace hardy::algorithms
