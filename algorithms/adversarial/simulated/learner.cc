#include "algorithms/adversarial/simulated/learner.h"

#include <string>

#include "algorithms/adversarial/steps/draws.h"
#include "engine/base/error.h"
#include "engine/linalg/mgr.h"

namespace hardy::algorithms {

using envs::State;

namespace {

const SimulatorSettings& checked(const SimulatorSettings& s) {
  if (!(s.steps.gamma > 0 && s.steps.gamma <= 1) || !(s.steps.eta > 0) || !(s.steps.beta >= 0))
    throw Error("eta = " + std::to_string(s.steps.eta) + ", beta = " + std::to_string(s.steps.beta) +
                    ", gamma = " + std::to_string(s.steps.gamma),
                "step sizes", "eta is above 0, beta at least 0, gamma within (0,1]");
  if (s.covariance.kind == CovarianceChoice::Kind::kExact)
    throw Error("an exact covariance reads the transitions, which a simulator does not show", "--covariance",
                "empirical or mgr would be right");
  return s;
}

}  // namespace

SimulatorLearner::SimulatorLearner(const envs::Simulator& simulator, const SimulatorSettings& settings)
    : simulator_(simulator),
      settings_(checked(settings)),
      H_(simulator.H()),
      A_(simulator.A()),
      d_(simulator.d()),
      counts_(sample_counts(settings_.covariance, settings_.steps.gamma)),
      calls_before_(simulator.calls()),
      policies_(simulator, settings_, estimates_),
      visits_(static_cast<std::size_t>(H_)) {}

SimulatorLearner::Calls SimulatorLearner::calls() const {
  Calls c = calls_;  // what neither trajectories made, paths of the bonus did, wherever they were needed
  c.bonus = simulator_.calls() - calls_before_ - c.covariance - c.compensator;
  return c;
}

// One trajectory of pi_k by the simulator: see(h, s, a, phi(s,a)).
template <class See>
void SimulatorLearner::walk(Draws& draws, See&& see) {
  State s = simulator_.start(draws.next());
  for (int h = 0; h < H_; ++h) {
    const SimulatedPolicies::Here here = policies_.at(k_, h, s);
    const int a = policies_.draw(here.pi, draws.next());
    see(h, s, a, here.phi + std::int64_t{a} * d_);
    if (h + 1 < H_) s = simulator_.step(h, s, a, draws.next());
  }
}

void SimulatorLearner::learn(std::span<const Met> trajectory) {
  Draws draws({}, settings_.seed);
  draws.begin(DrawFor::kCovariance, k_);
  for (Visits& v : visits_) v = {};
  const bool mgr = settings_.covariance.kind == CovarianceChoice::Kind::kMgr;
  std::vector<LayerEstimate> layers = mgr ? resampled(draws) : covariances(draws);
  calls_.covariance += counts_.trajectories() * (H_ - 1);
  std::int64_t compensated = counts_.trajectories();
  if (settings_.form.reduced && counts_.compensator > 0) {
    draws.begin(DrawFor::kMagnitude, k_);
    compensated = counts_.compensator;
    for (std::int64_t i = 0; i < compensated; ++i)
      walk(draws, [&](int h, State s, int a, const double* phi) { count_visit(h, s, a, phi); });
    calls_.compensator += compensated * (H_ - 1);
  }
  double L = 0;
  for (int h = H_; h-- > 0;) {
    const auto at = static_cast<std::size_t>(h);
    const Met& met = trajectory[at];
    L += met.loss;
    const double* const phi = policies_.at(k_, h, met.state).phi + std::int64_t{met.action} * d_;
    const std::span<const double> played(phi, static_cast<std::size_t>(d_));
    if (settings_.form.reduced) {
      std::vector<LayerEstimate::Visit> visits;
      for (const auto& [count, other] : visits_[at].counts)
        visits.push_back({static_cast<double>(count) / static_cast<double>(compensated), other});
      layers[at].reduced(played, L, H_, visits);
    } else {
      layers[at].plain(played, L);
    }
    policies_.charge(layers[at].bytes());
  }
  for (LayerEstimate& e : layers) estimates_.push_back(std::move(e));
  ++k_;
}

// S~_h = (1/M) sum phi phi^T over M trajectories, Sd = (gamma I + S~)^{-1} (Dai et al.).
std::vector<LayerEstimate> SimulatorLearner::covariances(Draws& draws) {
  const std::int64_t M = counts_.chains;
  std::vector<std::vector<double>> sums(
      static_cast<std::size_t>(H_),
      std::vector<double>(static_cast<std::size_t>(d_) * static_cast<std::size_t>(d_)));
  const bool reused = settings_.form.reduced && counts_.compensator == 0;
  for (std::int64_t m = 0; m < M; ++m)
    walk(draws, [&](int h, State s, int a, const double* phi) {
      double* const sum = sums[static_cast<std::size_t>(h)].data();
      for (int i = 0; i < d_; ++i)
        for (int j = 0; j <= i; ++j) sum[i * d_ + j] += phi[i] * phi[j] / static_cast<double>(M);
      if (reused) count_visit(h, s, a, phi);
    });
  std::vector<LayerEstimate> layers;
  for (std::vector<double>& sum : sums) {
    for (int i = 0; i < d_; ++i)
      sum[static_cast<std::size_t>(std::int64_t{i} * (d_ + 1))] += settings_.steps.gamma;
    layers.push_back(LayerEstimate::of_covariance(std::move(sum), d_));
  }
  return layers;
}

// Matrix geometric resampling, M chains of N trajectories (Neu, Olkhovskaya; Luo, Wei, Lee).
std::vector<LayerEstimate> SimulatorLearner::resampled(Draws& draws) {
  std::vector<linalg::GeometricResampling> chains(static_cast<std::size_t>(H_),
                                                  linalg::GeometricResampling(d_, settings_.steps.gamma));
  for (std::int64_t m = 0; m < counts_.chains; ++m) {
    for (std::int64_t n = 0; n < counts_.terms; ++n)
      walk(draws,
           [&](int h, State, int, const double* phi) { chains[static_cast<std::size_t>(h)].draw(phi); });
    for (auto& chain : chains) chain.finish();
  }
  std::vector<LayerEstimate> layers;
  for (auto& chain : chains) {
    std::vector<double> mean(static_cast<std::size_t>(d_) * static_cast<std::size_t>(d_));
    chain.mean(mean.data(), true);
    layers.push_back(LayerEstimate::of_inverse(std::move(mean), d_));
  }
  return layers;
}

void SimulatorLearner::count_visit(int h, State s, int a, const double* phi) {
  Visits& v = visits_[static_cast<std::size_t>(h)];
  const auto [found, fresh] = v.place.try_emplace(
      s * static_cast<std::uint64_t>(A_) + static_cast<std::uint64_t>(a), v.counts.size());
  if (fresh) v.counts.emplace_back(0, phi);
  ++v.counts[found->second].first;
}

}  // namespace hardy::algorithms
