// Trajectories of a replica's policies: the one that it plays, and those that estimates are made of.
#pragma once

#include "cuda/adversarial/place.cuh"
#include "engine/base/random.h"

namespace hardy::cuda {

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

// The first i with x < law[i], the last of `size` where there is none. law is a sum of entries that may be
// below zero by rounding, so it is read in its order; eight at a time, because memory is far.
inline __device__ int draw(const double* law, int size, double x) {
  constexpr int kTogether = 8;
  int i = 0;
  for (; i + kTogether < size; i += kTogether) {
    double reached[kTogether];
#pragma unroll
    for (int r = 0; r < kTogether; ++r) reached[r] = law[i + r];
#pragma unroll
    for (int r = 0; r < kTogether; ++r)
      if (!(x >= reached[r])) return i + r;
  }
  while (i < size - 1 && x >= law[i]) ++i;
  return i;
}

template <class Place>
class DeviceTrajectories {
 public:
  explicit __device__ DeviceTrajectories(const Place& place) : r(place) {}

  // The episode's: where it was, and L_h.
  __device__ void play(std::int64_t k, const double* losses, bool keep) const {
    const DeviceRegret& g = r.g;
    const int H = r.H();
    DeviceDraws draws(g, g.seeds[r.replica], g.play, k);
    const auto visit = [&](int h, int p) {
      r.visited()[h] = p;
      r.to_go()[h] = loss_at(h, p, losses);
      if (keep && k < g.kept) g.visits[(k * H + h) * g.replicas + r.replica] = p;
    };
    if (g.law != nullptr || H == 1) {
      if (r.team.rank == 0) walk(draws, visit);
    } else {
      walk_together(draws, visit);
    }
    if (r.team.rank == 0)
      for (int h = H - 1; h-- > 0;) r.to_go()[h] += r.to_go()[h + 1];
    r.team.wait();
  }

  // visit(h, p) for each step of a trajectory of pi.
  template <class Visit>
  __device__ void walk(DeviceDraws& draws, Visit visit) const {
    int s = start(draws);
    for (int h = 0; h < r.H(); ++h) {
      const int p = pair(h, s, draws.next());
      visit(h, p);
      if (h + 1 < r.H()) s = next_state(h, p, draws.next());
    }
  }

  // Into shares(): the share of `trajectories` fresh ones that visit each pair. Counts are exact, whoever
  // counts first.
  __device__ void sample(std::uint32_t purpose, std::int64_t k, std::int64_t trajectories) const {
    const DeviceRegret& g = r.g;
    const int all = r.H() * r.n();
    const auto shares = r.shares();
    r.team.share(all, [&](int i) { shares[i] = 0; });
    r.team.wait();
    for (std::int64_t m = r.team.rank; m < trajectories; m += r.team.size) {
      DeviceDraws draws(g, g.seeds[r.replica], purpose, k,
                        static_cast<std::uint32_t>(m) * DeviceDraws::each(g));
      walk(draws, [&](int h, int p) { atomicAdd(&shares[h * r.n() + p], 1.0); });
    }
    r.team.wait();
    const double share = 1.0 / static_cast<double>(trajectories);
    r.team.share(all, [&](int i) {
      double sum = 0;  // as the CPU adds them up
      for (double visits = shares[i]; visits > 0; visits -= 1) sum += share;
      shares[i] = sum;
    });
    r.team.wait();
  }

  // l_k,h(p).
  __device__ double loss_at(int h, int p, const double* losses) const {
    if (!r.g.linear) return losses[h * r.n() + p];
    const double *const phi = r.features(h, p), *const nu = losses + h * r.d();
    double sum = 0;
    for (int i = 0; i < r.d(); ++i) sum += rounded(phi[i], nu[i]);
    return sum;
  }

 private:
  __device__ int start(DeviceDraws& draws) const {
    return r.g.certain_start >= 0 ? r.g.certain_start : draw(r.g.start_law, r.S(), draws.next());
  }
  __device__ int pair(int h, int s, double x) const {
    const auto policy = r.pi().at((h * r.S() + s) * r.A());
    double reached = 0;
    int a = 0;
    for (; a < r.A() - 1; ++a) {
      reached += policy[a];
      if (x < reached) break;
    }
    return s * r.A() + a;
  }
  __device__ int next_state(int h, int p, double x) const {
    const DeviceRegret& g = r.g;
    if (g.law != nullptr) return draw(g.law + (static_cast<std::int64_t>(h) * r.n() + p) * r.S(), r.S(), x);
    double reached = 0;
    int s = 0;
    for (; s < r.S() - 1; ++s) {
      const double probability = law_at(h, p, s);
      reached = s == 0 ? probability : probability + reached;
      if (!(x >= reached)) break;
    }
    return s;
  }
  // P_h(s|p) by mu, where no table holds it.
  __device__ double law_at(int h, int p, int s) const {
    const double *const phi = r.features(h, p), *const mu = r.g.back +
                                                            static_cast<std::int64_t>(h) * r.d() * r.S() + s;
    double sum = 0;
#pragma unroll 8
    for (int i = 0; i < r.d(); ++i) sum += rounded(phi[i], mu[static_cast<std::int64_t>(i) * r.S()]);
    return sum;
  }

  // A trajectory of the first of the team, whom the others give the laws that no table holds.
  template <class Visit>
  __device__ void walk_together(DeviceDraws& draws, Visit visit) const {
    const bool first = r.team.rank == 0;
    const auto law = r.mean();
    int s = first ? start(draws) : 0;
    for (int h = 0; h < r.H(); ++h) {
      if (first) visit(h, pair(h, s, draws.next()));
      if (h + 1 == r.H()) break;
      r.team.wait();
      const int p = static_cast<int>(r.visited()[h]);
      r.team.share(r.S(), [&](int to) { law[to] = law_at(h, p, to); });
      r.team.wait();
      if (!first) continue;
      const double x = draws.next();
      double reached = law[0];
      for (s = 0; s < r.S() - 1 && x >= reached; ++s) reached = law[s + 1] + reached;
    }
  }

  const Place& r;
};

}  // namespace hardy::cuda
