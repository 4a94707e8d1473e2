// One replica of a regret learner, played by a team of threads: the steps of algorithms/adversarial/steps,
// number for number in the CPU's order.
#pragma once

#include "cuda/adversarial/factors.cuh"
#include "cuda/adversarial/magnitude.cuh"
#include "cuda/adversarial/resampled.cuh"
#include "cuda/adversarial/trajectories.cuh"

namespace hardy::cuda {

// What a thread keeps of its replica from step to step: the sum of losses (the first of a team does), the
// extremes of what it has seen, and eta.
struct RunningNumbers {
  double eta, loss = 0, least = 0, largest = 0;
};

template <int Width, bool kAlone>
class Replica {
  using Here = Place<Width, kAlone>;
  using Numbers = typename Here::Numbers;
  using Factors = DeviceFactors<Here, Width, kAlone>;
  using Resampled = DeviceResampled<Here>;

 public:
  __device__ Replica(Here place, RunningNumbers& running)
      : r(place), g(place.g), team(place.team), own(running) {}

  __device__ void begin() {
    const Numbers C = r.C(), B = r.B();
    team.share(r.H() * r.n(), [&](int i) {
      C[i] = g.C[i * g.replicas + r.replica];
      B[i] = 0;
    });
    if (team.rank == 0) own.loss = g.learner_loss[r.replica];
    own.least = g.least_eta_q[r.replica], own.largest = g.largest_eta_bonus[r.replica];
    team.wait();
  }
  // keep: whether this replica's results are wanted: a block that is not full plays its last one again.
  __device__ void end(bool keep) {
    team.wait();  // with what Qhat and B were
    const Numbers C = r.C(), Qhat = r.Qhat(), B = r.B();
    if (keep) team.share(r.H() * r.n(), [&](int i) { g.C[i * g.replicas + r.replica] = C[i]; });
    if (keep && team.rank == 0) g.learner_loss[r.replica] = own.loss;
    Qhat[team.rank] = own.least, B[team.rank] = own.largest;  // a team is no larger than a table
    team.wait();
    if (!keep || team.rank != 0) return;
    for (int i = 1; i < team.size; ++i) {
      own.least = linalg::lesser(own.least, Qhat[i]);
      own.largest = linalg::greater(own.largest, B[i]);
    }
    g.least_eta_q[r.replica] = own.least, g.largest_eta_bonus[r.replica] = own.largest;
  }

  __device__ __forceinline__ void step(algorithms::BoxStep which, std::int64_t k, const double* losses,
                                       bool keep) {
    using algorithms::BoxStep;
    switch (which) {
      case BoxStep::kUniformPolicies: {
        const Numbers pi = r.pi();
        team.share(r.H() * r.n(), [&](int i) { pi[i] = 1.0 / r.A(); });
        return team.wait();
      }
      case BoxStep::kLogBarrierPolicies:
        return policies<linalg::LogBarrier>();
      case BoxStep::kEntropicPolicies:
        return policies<linalg::Entropy>();
      case BoxStep::kOccupancies:
        return occupancies();
      case BoxStep::kPlay:
        return DeviceTrajectories<Here>(r).play(k, losses, keep);
      case BoxStep::kCovariance:
        return covariance(k);
      case BoxStep::kEstimate:
        return with_estimator([&](const auto& sigma) { estimate(sigma); });
      case BoxStep::kReduceMagnitude:
        if (g.sampled && g.compensating)
          DeviceTrajectories<Here>(r).sample(g.magnitude, k, g.compensating[r.replica]);
        return with_estimator([&](const auto& sigma) { reduce_magnitude(sigma); });
      case BoxStep::kBonus:
        return with_estimator([&](const auto& sigma) { bonus(sigma); });
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
    const Numbers weight = g.linear ? r.u() : r.q();
    own.loss += chain<Here::kAhead>(
        r.H() * (g.linear ? r.d() : r.n()), 0.0, [&](int i) { return weight[i]; },
        [&](int i) { return losses[i]; });
  }

 private:
  template <class F>
  __device__ void with_estimator(F f) {
    if (g.terms != nullptr)
      f(Resampled(r));
    else
      f(Factors(r));
  }

  template <class Method>
  __device__ void policies() {
    const int A = r.A();
    team.share(r.H() * r.S(), [&](int s) {
      const Numbers cost[] = {r.C().at(s * A)}, p[] = {r.pi().at(s * A)};
      if (A == 2)
        Method::template solve<2, 1>(cost, p, 2, own.eta);
      else if (A == 3)
        Method::template solve<3, 1>(cost, p, 3, own.eta);
      else if (A == 4)
        Method::template solve<4, 1>(cost, p, 4, own.eta);
      else
        Method::template solve<0, 1>(cost, p, A, own.eta);
    });
    team.wait();
  }

  __device__ void occupancies() {
    const int H = r.H(), S = r.S(), A = r.A(), d = r.d(), n = r.n();
    const Numbers rho = r.rho();
    team.share(S, [&](int s) { rho[s] = g.start[s]; });
    team.wait();
    for (int h = 0; h < H; ++h) {
      const Numbers here = r.q().at(h * n), policy = r.pi().at(h * n), sum = r.u().at(h * d);
      team.share(S, A, [&](int s, int a) { here[s * A + a] = rho[s] * policy[s * A + a]; });
      team.wait();
      const double* const phi = r.features(h, 0);
      team.share(d, [&](int i) {
        sum[i] = chain<Here::kAhead>(
            n, 0.0, [&](int p) { return here[p]; },
            [&](int p) { return phi[static_cast<std::int64_t>(p) * d + i]; });
      });
      if (h + 1 == H) break;
      const int rows = g.low_rank ? d : n;
      const double* const row = g.back + static_cast<std::int64_t>(h) * rows * S;
      const Numbers weight = g.low_rank ? sum : here;
      if (g.low_rank) team.wait();
      team.share(S, [&](int s) {
        double total = 0;
#pragma unroll(Here::kUnroll)
        for (int i = 0; i < rows; ++i)
          total = std::fma(weight[i], row[static_cast<std::int64_t>(i) * S + s], total);
        rho[s] = total;
      });
      team.wait();
    }
    team.wait();
  }

  __device__ void covariance(std::int64_t k) {
    if (g.terms != nullptr) return Resampled(r).update(k);
    if (g.sampled) DeviceTrajectories<Here>(r).sample(g.covariance, k, g.sampled[r.replica]);
    Factors(r).update();
  }

  // Qhat = phi . Sd phi(s_h, a_h) L_h.
  template <class Estimator>
  __device__ void estimate(const Estimator& sigma) {
    sigma.solve();
    const Numbers Qhat = r.Qhat();
    team.share(r.H(), r.n(), [&](int h, int p) { Qhat[h * r.n() + p] = kappa(h, p) * r.to_go()[h]; });
    team.wait();
  }
  __device__ double kappa(int h, int p) const {
    const Numbers v = r.kernel(h);
    double sum = 0;
#pragma unroll(Here::kUnroll)
    for (int i = 0; i < r.d(); ++i) sum = std::fma(r.feature(h, p, i), v[i], sum);
    return sum;
  }

  // Qhat -= H (kappa)_-, += m.
  template <class Estimator>
  __device__ void reduce_magnitude(const Estimator& sigma) {
    const DeviceMagnitude<Here, Width, kAlone, Estimator> magnitude(r, sigma);
    for (int h = 0; h < r.H(); ++h) {
      const Numbers Q = r.Qhat().at(h * r.n());
      magnitude.of_layer(h, [&](int p, double sum) {
        const double negative = linalg::lesser(kappa(h, p), 0.0);
        Q[p] = Q[p] - rounded(r.H(), negative) + rounded(sum, r.H());
      });
    }
  }

  // b = beta (n + E_pi n), where B will stand.
  template <class Estimator>
  __device__ void bonus(const Estimator& sigma) {
    if (!g.has_bonus) return;
    const int A = r.A(), n = r.n();
    const Numbers B = r.B(), pi = r.pi();
    if constexpr (kAlone) {
      for (int h = 0; h < r.H(); ++h) {
        sigma.prepare(h);
        team.share(n, [&](int p) { B[h * n + p] = sigma.form(h, p); });
        team.wait();
      }
    } else {
      team.share(r.H(), n, [&](int h, int p) { B[h * n + p] = sigma.form(h, p); });
      team.wait();
    }
    const double beta = g.beta[r.replica];
    team.share(r.H() * r.S(), [&](int s) {
      const Numbers norm = B.at(s * A);
      const double of_policy = mean_over_actions(pi.at(s * A), norm);
      for (int a = 0; a < A; ++a) norm[a] = beta * (norm[a] + of_policy);
    });
    team.wait();
  }
  __device__ double mean_over_actions(Numbers policy, Numbers x) const {
    double sum = 0;
    for (int a = 0; a < r.A(); ++a) sum = std::fma(policy[a], x[a], sum);
    return sum;
  }

  // What a law over the next layer's states makes of `mean`: P_h(.|p) . mean. Of a product, after
  // pull_back().
  __device__ double ahead(int h, int p) const {
    double sum = 0;
    if (g.low_rank) {
      const Numbers x = r.product();
#pragma unroll(Here::kUnroll)
      for (int i = 0; i < r.d(); ++i) sum = std::fma(r.feature(h, p, i), x[i], sum);
    } else {
      const Numbers x = r.mean();
      const double* const row = g.back + (static_cast<std::int64_t>(h) * r.n() + p) * r.S();
#pragma unroll 4
      for (int i = 0; i < r.S(); ++i) sum = std::fma(row[i], x[i], sum);
    }
    return sum;
  }
  __device__ void pull_back(int h) {
    team.wait();  // for mean
    if (!g.low_rank) return;
    const double* const mu = g.back + static_cast<std::int64_t>(h) * r.d() * r.S();
    const Numbers mean = r.mean(), product = r.product();
    team.share(r.d(), [&](int i) {
      const double* const row = mu + static_cast<std::int64_t>(i) * r.S();
      // Products are the same whichever factor comes first.
      product[i] = chain<Here::kAhead>(
          r.S(), 0.0, [&](int s) { return mean[s]; }, [&](int s) { return row[s]; });
    });
    team.wait();
  }

  // B_h = b_h + (1 + 1/H) P_h E_pi B_h+1.
  __device__ void dilate() {
    if (!g.has_bonus) return;
    const int A = r.A(), n = r.n();
    const double growth = 1 + 1.0 / r.H();
    const Numbers mean = r.mean();
    for (int h = r.H() - 1; h-- > 0;) {
      const Numbers policy = r.pi().at((h + 1) * n), above = r.B().at((h + 1) * n), out = r.B().at(h * n);
      team.share(r.S(), [&](int s) { mean[s] = mean_over_actions(policy.at(s * A), above.at(s * A)); });
      pull_back(h);
      team.share(n, [&](int p) { out[p] = std::fma(growth, ahead(h, p), out[p]); });
      team.wait();
    }
  }

  // Qhat_h = l_k,h + P_h V_h+1.
  __device__ void true_values(const double* losses) {
    const int A = r.A(), n = r.n();
    const Numbers mean = r.mean();
    const DeviceTrajectories<Here> at(r);
    for (int h = r.H(); h-- > 0;) {
      if (h + 1 < r.H()) pull_back(h);
      const Numbers Q = r.Qhat().at(h * n), policy = r.pi().at(h * n);
      team.share(n, [&](int p) { Q[p] = (h + 1 < r.H() ? ahead(h, p) : 0.0) + at.loss_at(h, p, losses); });
      team.wait();
      team.share(r.S(), [&](int s) { mean[s] = mean_over_actions(policy.at(s * A), Q.at(s * A)); });
    }
    team.wait();
  }

  __device__ void follow() {
    const Numbers C = r.C(), Qhat = r.Qhat(), B = r.B();
    team.share(r.H() * r.n(), [&](int i) {
      own.least = linalg::lesser(own.least, own.eta * Qhat[i]);
      own.largest = linalg::greater(own.largest, own.eta * B[i]);
      C[i] += Qhat[i] - B[i];
    });
    team.wait();
  }

  const Here r;
  const DeviceRegret& g;
  const Team team;
  RunningNumbers& own;
};

}  // namespace hardy::cuda
