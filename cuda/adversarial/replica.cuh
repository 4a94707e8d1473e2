// One replica of a regret learner, played by a team of threads that hold its tables in shared memory: the
// steps of algorithms/adversarial/steps, number for number in the CPU's order, each number by one thread of
// the team. So its bits depend neither on how many threads there are nor on who else plays.
#pragma once

#include <cuda_runtime.h>

#include <cmath>

#include "algorithms/adversarial/formulas.h"
#include "engine/base/random.h"
#include "engine/linalg/simplex_formulas.h"

namespace hardy::cuda {

using algorithms::DeviceRegret;
using algorithms::DeviceTables;

// The product is rounded before it is added to anything, as the CPU's is; nvcc would fuse the two.
inline __device__ double rounded(double a, double b) { return __dmul_rn(a, b); }

// e^x with the bits of engine/base/simd.h, so that exponential weights stay the CPU's, however long they
// play: x = n ln 2 + r, e^r by its series, times 2^n; 0 below -708, x <= 709.
inline __device__ double exponential(double x) {
  constexpr double factorials[] = {6227020800.0, 479001600.0, 39916800.0, 3628800.0, 362880.0,
                                   40320.0,      5040.0,      720.0,      120.0,     24.0,
                                   6.0,          2.0,         1.0,        1.0};
  const double safe = x < -708.0 ? -708.0 : x;
  const double shifted = std::fma(safe, 1.4426950408889634, 0x1.8p52), n = shifted - 0x1.8p52;
  double r = std::fma(n, -0x1.62e42fefa39efp-1, safe);
  r = std::fma(n, -0x1.abc9e3b39803fp-56, r);
  double sum = 1 / factorials[0];
#pragma unroll
  for (int i = 1; i < 14; ++i) sum = std::fma(sum, r, 1 / factorials[i]);
  const double scaled =
      __longlong_as_double((__double_as_longlong(shifted) << 52) + __double_as_longlong(sum));
  return x != x ? x : x < -708.0 ? 0.0 : scaled;
}

// A table of one replica: its neighbours in the block stand between its numbers.
struct Lane {
  using Number = double;
  double* from;
  int step;
  __device__ double& operator[](std::int64_t i) const { return from[static_cast<int>(i) * step]; }
  __device__ Lane at(int i) const { return {from + i * step, step}; }
  // As a view of linalg/simplex_formulas.h.
  __device__ void put(std::int64_t a, double x) const { (*this)[a] = x; }
  static __device__ double all(double x) { return x; }
  static __device__ double fma(double a, double b, double c) { return std::fma(a, b, c); }
  static __device__ double product(double a, double b) { return rounded(a, b); }
  static __device__ double exp(double x) { return exponential(x); }
  static __device__ bool any_greater(double a, double b) { return a > b; }
};

struct Team {
  int rank, size;
  // A team of one has nobody to wait for.
  __device__ void wait() const {
    if (size > 1) __syncthreads();
  }
  // f(i) for this thread's share of [0, n).
  template <class F>
  __device__ void share(int n, F f) const {
    for (int i = rank; i < n; i += size) f(i);
  }
  // f(h, i) for its share of [0, layers) x [0, n).
  template <class F>
  __device__ void share(int layers, int n, F f) const {
    int h = 0, i = rank;
    const auto settle = [&] {
      for (; i >= n && h < layers; i -= n) ++h;
    };
    for (settle(); h < layers; settle()) {
      f(h, i);
      i += size;
    }
  }
};

// A replica's uniform numbers, as algorithms/adversarial/steps/draws.h has them. Those of an episode's own
// trajectory may come from one sequence (g.sequence), of which every trajectory takes `each`.
class DeviceDraws {
 public:
  // From number `index` on of those for this purpose in episode k.
  __device__ DeviceDraws(const DeviceRegret& g, std::uint64_t seed, std::uint32_t purpose, std::int64_t k,
                         std::uint32_t index = 0)
      : sequence_(g.sequence),
        random_(seed, purpose, static_cast<std::uint64_t>(k)),
        state_(seed + static_cast<std::uint64_t>(k) * each(g) * kStep),
        index_(index) {
    if (index_ & 1) block_ = random_.block(index_ >> 1);
  }
  __device__ double next() {
    if (sequence_) {
      SplitMix64 here(state_);
      state_ += kStep;
      return here.uniform();
    }
    if ((index_ & 1) == 0) block_ = random_.block(index_ >> 1);
    return (index_++ & 1) == 0 ? uniform_of(block_[0], block_[1]) : uniform_of(block_[2], block_[3]);
  }
  // Numbers that a trajectory takes: of the start where it is drawn, of actions, of states.
  static __device__ std::uint32_t each(const DeviceRegret& g) {
    return 2 * static_cast<std::uint32_t>(g.H) - (g.certain_start >= 0 ? 1 : 0);
  }

 private:
  static constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15u;  // of SplitMix64

  const bool sequence_;
  Random random_;
  PhiloxBlock block_{};
  std::uint64_t state_;
  std::uint32_t index_;
};

// D: d where it is known to the compiler, else 0.
template <int D>
class Replica {
 public:
  __device__ Replica(const DeviceRegret& game, const DeviceTables& tables, Team members, Lane memory,
                     std::int64_t index)
      : g(game), t(tables), team(members), all(memory), replica(index), eta(game.eta[index]) {}

  __device__ void begin() {
    team.share(H() * n(), [&](int i) { C()[i] = g.C[i * g.replicas + replica], B()[i] = 0; });
    if (team.rank == 0) loss = g.learner_loss[replica];
    least = g.least_eta_q[replica], largest = g.largest_eta_bonus[replica];
    team.wait();
  }
  // keep: whether this replica's results are wanted: a block that is not full plays its last one again.
  __device__ void end(bool keep) {
    team.wait();  // with what Qhat and B were
    if (keep) team.share(H() * n(), [&](int i) { g.C[i * g.replicas + replica] = C()[i]; });
    if (keep && team.rank == 0) g.learner_loss[replica] = loss;
    Qhat()[team.rank] = least, B()[team.rank] = largest;  // a team is no larger than a table
    team.wait();
    if (!keep || team.rank != 0) return;
    for (int i = 1; i < team.size; ++i) {
      least = linalg::lesser(least, Qhat()[i]);
      largest = linalg::greater(largest, B()[i]);
    }
    g.least_eta_q[replica] = least, g.largest_eta_bonus[replica] = largest;
  }

  __device__ void step(algorithms::BoxStep which, std::int64_t k, const double* losses, bool keep) {
    using algorithms::BoxStep;
    switch (which) {
      case BoxStep::kUniformPolicies:
        team.share(H() * n(), [&](int i) { pi()[i] = 1.0 / A(); });
        return team.wait();
      case BoxStep::kLogBarrierPolicies:
        return policies<linalg::LogBarrier>();
      case BoxStep::kEntropicPolicies:
        return policies<linalg::Entropy>();
      case BoxStep::kOccupancies:
        return occupancies();
      case BoxStep::kPlay:
        return play(k, losses, keep);
      case BoxStep::kCovariance:
        return covariance(k);
      case BoxStep::kEstimate:
        return estimate();
      case BoxStep::kReduceMagnitude:
        return reduce_magnitude(k);
      case BoxStep::kBonus:
        return bonus();
      case BoxStep::kDilate:
        return dilate();
      case BoxStep::kTrueValues:
        return true_values(losses);
      case BoxStep::kFollow:
        return follow();
    }
  }

  // Adds V^{pi_k}_k = <u, nu_k> or <q, l_k>. The others go on: before they write what it reads they wait.
  __device__ void add_expected_loss(const double* losses) {
    if (team.rank != 0) return;
    const Lane weight = g.linear ? u() : q();
    const int size = H() * (g.linear ? d() : n());
    double total = 0;
    for (int i = 0; i < size; ++i) total = std::fma(losses[i], weight[i], total);
    loss += total;
  }

  double loss = 0;  // of the first of a team

 private:
  // The sizes, and tables of this replica.
  __device__ int H() const { return g.H; }
  __device__ int S() const { return g.S; }
  __device__ int A() const { return g.A; }
  __device__ int d() const { return D ? D : g.d; }
  __device__ int n() const { return g.S * g.A; }
  __device__ Lane C() const { return all.at(t.C); }
  __device__ Lane pi() const { return all.at(t.pi); }
  __device__ Lane q() const { return all.at(t.q); }
  __device__ Lane Qhat() const { return all.at(t.Qhat); }
  __device__ Lane B() const { return all.at(t.B); }
  __device__ Lane factor() const { return all.at(t.factor); }
  __device__ Lane inverse() const { return all.at(t.inverse); }
  __device__ Lane u() const { return all.at(t.u); }
  __device__ Lane kernel() const { return all.at(t.kernel); }
  __device__ Lane rho() const { return all.at(t.rho); }
  __device__ Lane mean() const { return all.at(t.mean); }
  __device__ Lane product() const { return all.at(t.product); }
  __device__ Lane to_go() const { return all.at(t.to_go); }
  __device__ Lane visited() const { return all.at(t.visited); }
  __device__ Lane whitened() const { return all.at(t.whitened); }
  __device__ Lane shares() const { return all.at(t.shares); }
  __device__ const double* features(int h, int p) const { return g.phi + (h * n() + p) * d(); }

  template <class Method>
  __device__ void policies() {
    team.share(H() * S(), [&](int s) {
      const Lane cost[] = {C().at(s * A())}, p[] = {pi().at(s * A())};
      if (A() == 2)
        Method::template solve<2, 1>(cost, p, 2, eta);
      else if (A() == 3)
        Method::template solve<3, 1>(cost, p, 3, eta);
      else if (A() == 4)
        Method::template solve<4, 1>(cost, p, 4, eta);
      else
        Method::template solve<0, 1>(cost, p, A(), eta);
    });
    team.wait();
  }

  __device__ void occupancies() {
    team.share(S(), [&](int s) { rho()[s] = g.start[s]; });
    team.wait();
    for (int h = 0; h < H(); ++h) {
      const Lane here = q().at(h * n()), policy = pi().at(h * n()), sum = u().at(h * d());
      team.share(S(), A(), [&](int s, int a) { here[s * A() + a] = rho()[s] * policy[s * A() + a]; });
      team.wait();
      const double* const phi = features(h, 0);
      team.share(d(), [&](int i) {
        double total = 0;
        for (int p = 0; p < n(); ++p) total = std::fma(here[p], phi[p * d() + i], total);
        sum[i] = total;
      });
      if (h + 1 == H()) break;
      const int rows = g.low_rank ? d() : n();
      const double* const row = g.back + static_cast<std::int64_t>(h) * rows * S();
      const Lane weight = g.low_rank ? sum : here;
      if (g.low_rank) team.wait();
      team.share(S(), [&](int s) {
        double total = 0;
        for (int i = 0; i < rows; ++i) total = std::fma(weight[i], row[i * S() + s], total);
        rho()[s] = total;
      });
      team.wait();
    }
    team.wait();
  }

  __device__ double loss_at(int h, int p, const double* losses) const {
    if (!g.linear) return losses[h * n() + p];
    const double *const phi = features(h, p), *const nu = losses + h * d();
    double sum = 0;
    for (int i = 0; i < d(); ++i) sum += rounded(phi[i], nu[i]);
    return sum;
  }

  // visit(h, p) for each step of a trajectory of pi.
  template <class Visit>
  __device__ void walk(DeviceDraws& draws, Visit visit) const {
    const auto draw = [](const double* law, int size, double x) {
      int i = 0;
      while (i < size - 1 && x >= law[i]) ++i;
      return i;
    };
    int s = g.certain_start >= 0 ? g.certain_start : draw(g.start_law, S(), draws.next());
    for (int h = 0; h < H(); ++h) {
      const Lane policy = pi().at((h * S() + s) * A());
      const double x = draws.next();
      double reached = 0;
      int a = 0;
      for (; a < A() - 1; ++a) {
        reached += policy[a];
        if (x < reached) break;
      }
      const int p = s * A() + a;
      visit(h, p);
      if (h + 1 < H()) s = draw(g.law + static_cast<std::int64_t>(h * n() + p) * S(), S(), draws.next());
    }
  }

  __device__ void play(std::int64_t k, const double* losses, bool keep) {
    if (team.rank == 0) {
      DeviceDraws draws(g, g.seeds[replica], g.play, k);
      walk(draws, [&](int h, int p) {
        visited()[h] = p;
        to_go()[h] = loss_at(h, p, losses);
        if (keep && k < g.kept) g.visits[(k * H() + h) * g.replicas + replica] = p;
      });
      for (int h = H() - 1; h-- > 0;) to_go()[h] += to_go()[h + 1];
    }
    team.wait();
  }

  // The share of `trajectories` fresh ones that visit each pair. Counts are exact, whoever counts first.
  __device__ void sample(std::uint32_t purpose, std::int64_t k, std::int32_t trajectories) {
    team.share(H() * n(), [&](int i) { shares()[i] = 0; });
    team.wait();
    team.share(trajectories, [&](int m) {
      DeviceDraws draws(g, g.seeds[replica], purpose, k,
                        static_cast<std::uint32_t>(m) * DeviceDraws::each(g));
      walk(draws, [&](int h, int p) { atomicAdd(&shares()[h * n() + p], 1.0); });
    });
    team.wait();
    const double share = 1.0 / trajectories;
    team.share(H() * n(), [&](int i) {
      double sum = 0;  // as the CPU adds them up
      for (double visits = shares()[i]; visits > 0; visits -= 1) sum += share;
      shares()[i] = sum;
    });
    team.wait();
  }

  // Sigma = gamma I + sum weight phi phi^T of every layer, and its Cholesky factor: below the diagonal in
  // `factor`, 1 / L_ii in `inverse`.
  __device__ void covariance(std::int64_t k) {
    if (g.sampled) sample(g.covariance, k, g.sampled[replica]);
    const Lane weights = g.sampled ? shares() : q();
    const double ridge = g.gamma[replica];
    const int triangle = d() * (d() + 1) / 2;
    team.share(H(), triangle, [&](int h, int e) {
      int i = 0;
      while ((i + 1) * (i + 2) / 2 <= e) ++i;
      const int j = e - i * (i + 1) / 2;
      const Lane weight = weights.at(h * n());
      const double* const phi = features(h, 0);
      double sum = i == j ? ridge : 0;
      for (int p = 0; p < n(); ++p)
        sum = std::fma(weight[p], rounded(phi[p * d() + i], phi[p * d() + j]), sum);
      factor()[h * triangle + e] = sum;
    });
    team.wait();
    const auto rest = [](Lane row, Lane above, int j) {
      double sum = row[j];
      for (int i = 0; i < j; ++i) sum = std::fma(-row[i], above[i], sum);
      return sum;
    };
    for (int j = 0; j < d(); ++j) {
      team.share(H(), [&](int h) {
        const Lane row = factor().at(h * triangle + j * (j + 1) / 2);
        inverse()[h * d() + j] = 1.0 / std::sqrt(rest(row, row, j));
      });
      team.wait();
      team.share(H(), d() - 1 - j, [&](int h, int below) {
        const int i = j + 1 + below;
        const Lane layer = factor().at(h * triangle), row = layer.at(i * (i + 1) / 2);
        row[j] = rest(row, layer.at(j * (j + 1) / 2), j) * inverse()[h * d() + j];
      });
      team.wait();
    }
  }

  // y = L_h^{-1} phi.
  template <class Y>
  __device__ void whiten(int h, const double* phi, Y y) const {
    const Lane layer = factor().at(h * (d() * (d() + 1) / 2)), diagonal = inverse().at(h * d());
    for (int i = 0; i < d(); ++i) {
      const Lane row = layer.at(i * (i + 1) / 2);
      double sum = phi[i];
      for (int j = 0; j < i; ++j) sum = std::fma(-row[j], y[j], sum);
      y[i] = sum * diagonal[i];
    }
  }

  // Qhat = phi . Sd phi(s_h, a_h) L_h.
  __device__ void estimate() {
    team.share(H(), [&](int h) {
      const Lane v = kernel().at(h * d()), layer = factor().at(h * (d() * (d() + 1) / 2)),
                 diagonal = inverse().at(h * d());
      whiten(h, features(h, static_cast<int>(visited()[h])), v);
      for (int i = d(); i-- > 0;) {
        double sum = v[i];
        for (int j = i + 1; j < d(); ++j) sum = std::fma(-layer[j * (j + 1) / 2 + i], v[j], sum);
        v[i] = sum * diagonal[i];
      }
    });
    team.wait();
    team.share(H(), n(), [&](int h, int p) { Qhat()[h * n() + p] = kappa(h, p) * to_go()[h]; });
    team.wait();
  }
  __device__ double kappa(int h, int p) const {
    const double* const phi = features(h, p);
    const Lane v = kernel().at(h * d());
    double sum = 0;
    for (int i = 0; i < d(); ++i) sum = std::fma(phi[i], v[i], sum);
    return sum;
  }

  // Qhat -= H (kappa)_-, += m.
  __device__ void reduce_magnitude(std::int64_t k) {
    if (g.sampled && g.compensating) sample(g.magnitude, k, g.compensating[replica]);
    for (int h = 0; h < H(); ++h) {
      const Lane weight = (g.sampled ? shares() : q()).at(h * n());
      team.share(n(), [&](int p) { whiten(h, features(h, p), whitened().at(p * d())); });
      team.wait();
      team.share(n(), [&](int p) {
        const Lane y = whitened().at(p * d());
        double sum = 0;
        for (int m = 0; m < n(); ++m) {
          if (m == p) continue;  // y . y >= 0 adds nothing
          const Lane other = whitened().at(m * d());
          double dot = 0;
          for (int i = 0; i < d(); ++i) dot = std::fma(y[i], other[i], dot);
          sum = std::fma(weight[m], linalg::lesser(dot, 0.0), sum);
        }
        const double negative = linalg::lesser(kappa(h, p), 0.0);
        Qhat()[h * n() + p] = Qhat()[h * n() + p] - rounded(H(), negative) + rounded(sum, H());
      });
      team.wait();
    }
  }

  // b = beta (n + E_pi n), n = |L^{-1} phi|^2, where B will stand.
  __device__ void bonus() {
    if (!g.has_bonus) return;
    team.share(H(), n(), [&](int h, int p) {
      double y[D ? D : algorithms::kMostDeviceFeatures];
      whiten(h, features(h, p), static_cast<double*>(y));
      double form = 0;
      for (int i = 0; i < d(); ++i) form = std::fma(y[i], y[i], form);
      B()[h * n() + p] = form;
    });
    team.wait();
    const double beta = g.beta[replica];
    team.share(H() * S(), [&](int s) {
      const Lane norm = B().at(s * A());
      const double of_policy = mean_over_actions(pi().at(s * A()), norm);
      for (int a = 0; a < A(); ++a) norm[a] = beta * (norm[a] + of_policy);
    });
    team.wait();
  }
  __device__ double mean_over_actions(Lane policy, Lane x) const {
    double sum = 0;
    for (int a = 0; a < A(); ++a) sum = std::fma(policy[a], x[a], sum);
    return sum;
  }

  // What a law over the next layer's states makes of `mean`: P_h(.|p) . mean. Of a product, after
  // pull_back().
  __device__ double ahead(int h, int p) const {
    const double* const row =
        g.low_rank ? features(h, p) : g.back + static_cast<std::int64_t>(h * n() + p) * S();
    const Lane x = g.low_rank ? product() : mean();
    const int size = g.low_rank ? d() : S();
    double sum = 0;
    for (int i = 0; i < size; ++i) sum = std::fma(row[i], x[i], sum);
    return sum;
  }
  __device__ void pull_back(int h) {
    team.wait();  // for mean
    if (!g.low_rank) return;
    const double* const mu = g.back + static_cast<std::int64_t>(h) * d() * S();
    team.share(d(), [&](int i) {
      double sum = 0;
      for (int s = 0; s < S(); ++s) sum = std::fma(mu[i * S() + s], mean()[s], sum);
      product()[i] = sum;
    });
    team.wait();
  }

  // B_h = b_h + (1 + 1/H) P_h E_pi B_h+1.
  __device__ void dilate() {
    if (!g.has_bonus) return;
    const double growth = 1 + 1.0 / H();
    for (int h = H() - 1; h-- > 0;) {
      const Lane policy = pi().at((h + 1) * n()), above = B().at((h + 1) * n()), out = B().at(h * n());
      team.share(S(), [&](int s) { mean()[s] = mean_over_actions(policy.at(s * A()), above.at(s * A())); });
      pull_back(h);
      team.share(n(), [&](int p) { out[p] = std::fma(growth, ahead(h, p), out[p]); });
      team.wait();
    }
  }

  // Qhat_h = l_k,h + P_h V_h+1.
  __device__ void true_values(const double* losses) {
    for (int h = H(); h-- > 0;) {
      if (h + 1 < H()) pull_back(h);
      const Lane Q = Qhat().at(h * n()), policy = pi().at(h * n());
      team.share(n(), [&](int p) { Q[p] = (h + 1 < H() ? ahead(h, p) : 0.0) + loss_at(h, p, losses); });
      team.wait();
      team.share(S(), [&](int s) { mean()[s] = mean_over_actions(policy.at(s * A()), Q.at(s * A())); });
    }
    team.wait();
  }

  __device__ void follow() {
    team.share(H() * n(), [&](int i) {
      least = linalg::lesser(least, eta * Qhat()[i]);
      largest = linalg::greater(largest, eta * B()[i]);
      C()[i] += Qhat()[i] - B()[i];
    });
    team.wait();
  }

  const DeviceRegret& g;
  const DeviceTables& t;
  const Team team;
  const Lane all;
  const std::int64_t replica;
  const double eta;
  double least = 0, largest = 0;
};

}  // namespace hardy::cuda
