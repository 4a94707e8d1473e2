#include "algorithms/adversarial/simulated/policies.h"

#include <algorithm>
#include <string>

#include "algorithms/adversarial/steps/draws.h"
#include "engine/base/error.h"
#include "engine/linalg/simplex.h"
#include "engine/linalg/small.h"

namespace hardy::algorithms {
namespace {

using envs::State;

constexpr std::int64_t kRowBytes = 200;  // of a row beside its numbers, with its place in the table

// Numbers of one path: a function of the seed, what for, the episode, and where the path begins.
Random path_numbers(std::uint64_t seed, std::int64_t episode, int h, State s, int a, std::uint64_t copy) {
  SplitMix64 mix(seed ^ (static_cast<std::uint64_t>(h) << 56));
  mix = SplitMix64(mix.bits() ^ s);
  mix = SplitMix64(mix.bits() ^ static_cast<std::uint64_t>(a) ^ (copy << 32));
  return {mix.bits(), static_cast<std::uint32_t>(DrawFor::kBonus), static_cast<std::uint64_t>(episode)};
}

}  // namespace

SimulatedPolicies::SimulatedPolicies(const envs::Simulator& simulator, const SimulatorSettings& settings,
                                     const std::vector<LayerEstimate>& estimates)
    : simulator_(simulator),
      settings_(settings),
      estimates_(estimates),
      H_(simulator.H()),
      A_(simulator.A()),
      d_(simulator.d()),
      rows_(static_cast<std::size_t>(H_)),
      scratch_(static_cast<std::size_t>(linalg::forms_scratch<1>(d_))) {}

std::int64_t SimulatedPolicies::states() const {
  std::int64_t all = 0;
  for (const auto& layer : rows_) all += static_cast<std::int64_t>(layer.size());
  return all;
}

int SimulatedPolicies::draw(const double* pi, double u) const {
  double reached = 0;
  int a = 0;
  for (; a < A_ - 1; ++a) {
    reached += pi[a];
    if (u < reached) break;
  }
  return a;
}

SimulatedPolicies::Row& SimulatedPolicies::row(int h, State s) {
  const auto [found, fresh] = rows_[static_cast<std::size_t>(h)].try_emplace(s);
  if (fresh) {
    found->second.costs.assign(static_cast<std::size_t>(A_), 0.0);
    found->second.bonus.assign(static_cast<std::size_t>(A_), 0.0);
    found->second.phi.resize(static_cast<std::size_t>(A_) * static_cast<std::size_t>(d_));
    simulator_.features(h, s, found->second.phi);
    bytes_ += kRowBytes + std::int64_t{8} * A_ * (d_ + 2);
  }
  return found->second;
}

SimulatedPolicies::Row& SimulatedPolicies::ready(std::int64_t k, int h, State s) {
  Row& r = row(h, s);
  for (; r.count <= k; ++r.count) {
    if (r.count > 0) follow(r, r.count - 1, h, s);
    const std::size_t at = r.policies.size();
    r.policies.resize(at + static_cast<std::size_t>(A_));
    bytes_ += 8 * A_;
    const linalg::SimplexBatch problem{
        1, A_, 1, &settings_.steps.eta, r.costs.data(), r.policies.data() + at};
    settings_.form.barrier ? linalg::log_barrier(problem) : linalg::entropic(problem);
  }
  if (bytes_ > settings_.most_bytes)
    throw Error::failed_run("the rows of touched states take more than " +
                                std::to_string(settings_.most_bytes) + " bytes by episode " +
                                std::to_string(k),
                            "--memory", "raise it, or play fewer episodes, or a smaller H");
  return r;
}

SimulatedPolicies::Here SimulatedPolicies::at(std::int64_t k, int h, State s) {
  const Row& r = ready(k, h, s);
  return {r.policies.data() + k * A_, r.phi.data()};
}

const std::vector<double>& SimulatedPolicies::costs(int h, State s) { return row(h, s).costs; }

// C(s,a) += Qhat_j(s,a) - B_j(s,a).
void SimulatedPolicies::follow(Row& r, std::int64_t j, int h, State s) {
  const LayerEstimate& e = estimate(j, h);
  const double eta = settings_.steps.eta;
  for (int a = 0; a < A_; ++a) {
    const double Q = e.q(r.phi.data() + std::int64_t{a} * d_);
    const double B = settings_.steps.beta > 0 ? bonus_path(j, h, s, a, 0) : 0.0;
    r.costs[static_cast<std::size_t>(a)] += Q - B;
    least_eta_q_ = std::min(least_eta_q_, eta * Q);
    largest_eta_bonus_ = std::max(largest_eta_bonus_, eta * B);
  }
}

double SimulatedPolicies::bonus_path(std::int64_t j, int h, State s, int a, std::uint64_t copy) {
  ++paths_;
  const Random random = path_numbers(settings_.seed, j, h, s, a, copy);
  double value = bonus(j, h, s, a), growth = 1;
  std::uint64_t index = 0;
  for (int i = h; i + 1 < H_; ++i) {
    s = simulator_.step(i, s, a, random.uniform64(index++));
    a = draw(at(j, i + 1, s).pi, random.uniform64(index++));
    growth *= 1 + 1.0 / H_;
    value += growth * bonus(j, i + 1, s, a);
  }
  return value;
}

// b_j,h(s,a) = beta (n(s,a) + E_{a' ~ pi_j} n(s,a')); a path that comes to a state again in the same episode
// finds it there.
double SimulatedPolicies::bonus(std::int64_t j, int h, State s, int a) {
  Row& r = ready(j, h, s);
  if (r.bonus_of != j) {
    estimate(j, h).norms(r.phi.data(), A_, scratch_.data(), r.bonus.data());
    const double* const pi = r.policies.data() + j * A_;
    double mean = 0;
    for (int other = 0; other < A_; ++other) mean += pi[other] * r.bonus[static_cast<std::size_t>(other)];
    for (double& n : r.bonus) n = settings_.steps.beta * (n + mean);
    r.bonus_of = j;
  }
  return r.bonus[static_cast<std::size_t>(a)];
}

}  // namespace hardy::algorithms
