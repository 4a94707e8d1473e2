// A device plays whole runs of the boxes: what it is told, as plain numbers that both compilers take. A
// learner is the sequence of steps that its episode() calls (steps/recorded_steps.h); each replica is played
// by a few threads, which hold its tables in shared memory; a launch goes through as many episodes as the
// host hands losses for (experiments/regret_device.h).
#pragma once

#include <cstdint>

#include "engine/device/launch.h"

namespace hardy::algorithms {

// The steps of steps/steps.h that a device has.
enum class BoxStep : std::int8_t {
  kUniformPolicies,
  kLogBarrierPolicies,
  kEntropicPolicies,
  kOccupancies,
  kPlay,
  kCovariance,
  kEstimate,
  kReduceMagnitude,
  kBonus,
  kDilate,
  kTrueValues,
  kFollow
};
struct BoxSteps {
  static constexpr int kMost = 16;
  BoxStep step[kMost] = {};
  int count = 0;
  bool operator==(const BoxSteps&) const = default;
};

// d that a device takes: a thread keeps that many numbers of its own.
inline constexpr int kMostDeviceFeatures = 32;

// Pointers are to device memory; a replica's numbers stand beside those of the next replica, [...][replicas].
struct DeviceRegret {
  // The instance (envs/linear_mdp/linear_mdp.h).
  int H = 0, S = 0, A = 0, d = 0;
  bool low_rank = false;   // P is a product: `back` holds mu [H-1][d][S]; else P [H-1][S][A][S]
  int certain_start = -1;  // or the state that every episode starts in
  const double *phi = nullptr, *start = nullptr, *start_law = nullptr;  // [H][S][A][d], [S], its sums
  const double *law = nullptr, *back = nullptr;                         // sums of P's rows [H-1][S][A][S]

  // The learner.
  BoxSteps before, episode;                  // once, and for each k
  bool has_bonus = false, whitened = false;  // whitened: of reduce_magnitude
  std::int64_t replicas = 0;
  const std::uint64_t* seeds = nullptr;                            // [replicas]
  const double *eta = nullptr, *beta = nullptr, *gamma = nullptr;  // [replicas]
  bool sequence = false;  // trajectories draw from one splitmix64 sequence a replica, and nothing else does
  std::uint32_t play = 0, covariance = 0, magnitude = 0;  // DrawFor of each
  // Trajectories that stand for the occupancies in Sigma and in m; null: the occupancies themselves. m of
  // no trajectories takes Sigma's.
  const std::int32_t *sampled = nullptr, *compensating = nullptr;  // [replicas]

  // Episodes [first, last) with their losses: nu [H][d], or l [H][S][A].
  std::int64_t first = 0, last = 0;
  bool linear = true;
  const double* losses = nullptr;     // rows
  const std::int32_t* row = nullptr;  // of each episode from `first` on; null: one after the other

  // What is kept: of a launch for the next one, and for the host. Where k + 1 = at[i] the sum of losses goes
  // to curve[i]; i counts from `point`.
  double *C = nullptr, *learner_loss = nullptr;                 // [H][S][A][replicas], [replicas]
  double *least_eta_q = nullptr, *largest_eta_bonus = nullptr;  // [replicas]
  const std::int64_t* at = nullptr;                             // [points]
  int point = 0, points = 0;
  double* curve = nullptr;         // [points][replicas]
  std::int64_t kept = 0;           // first trajectories
  std::int32_t* visits = nullptr;  // s A + a: [kept][H][replicas]

  int threads = 0;  // a replica; 0: as the backend sees fit. Bits do not depend on it

  constexpr int pairs() const { return S * A; }
  constexpr int triangle() const { return d * (d + 1) / 2; }
};

// Where a replica's tables stand in its shared memory: numbers from its beginning.
struct DeviceTables {
  int C, pi, q, Qhat, B;   // [H][S][A] each
  int factor, inverse;     // [H][d (d + 1) / 2]: lower triangles by rows; [H][d]
  int u, kernel;           // [H][d]
  int rho, mean, product;  // [S], [S], [d]
  int to_go, visited;      // [H]; s A + a
  int whitened, shares;    // [S][A][d], [H][S][A] where they are needed
  int numbers;             // in all

  explicit constexpr DeviceTables(const DeviceRegret& g) : DeviceTables() {
    int end = 0;
    const auto next = [&end](int size) {
      const int begin = end;
      end += size;
      return begin;
    };
    const int n = g.pairs();
    C = next(g.H * n), pi = next(g.H * n), q = next(g.H * n), Qhat = next(g.H * n), B = next(g.H * n);
    factor = next(g.H * g.triangle()), inverse = next(g.H * g.d);
    u = next(g.H * g.d), kernel = next(g.H * g.d);
    rho = next(g.S), mean = next(g.S), product = next(g.d);
    to_go = next(g.H), visited = next(g.H);
    whitened = next(g.whitened ? n * g.d : 0);
    shares = next(g.sampled ? g.H * n : 0);
    numbers = end;
  }

 private:
  constexpr DeviceTables()
      : C(0),
        pi(0),
        q(0),
        Qhat(0),
        B(0),
        factor(0),
        inverse(0),
        u(0),
        kernel(0),
        rho(0),
        mean(0),
        product(0),
        to_go(0),
        visited(0),
        whitened(0),
        shares(0),
        numbers(0) {}
};

// What a backend brings: the launch, and the bytes of shared memory that a block may have.
inline constexpr device::LaunchName<const DeviceRegret&> kPlayRegret{"regret/play"};
inline constexpr device::LaunchName<std::int64_t&> kRegretRoom{"regret/room"};

}  // namespace hardy::algorithms
