// A device plays whole runs of the boxes: what it is told, as plain numbers that both compilers take. A
// learner is the sequence of steps that its episode() calls (steps/recorded_steps.h); each replica is played
// by a few threads, or by a block of them, which hold its tables in shared memory where they fit; a launch
// goes through as many episodes as the host hands losses for (experiments/regret_device.h).
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

// d that a device takes: a thread keeps that many numbers of its own, in registers, for which the compiler
// knows one of a few sizes that d fits in.
inline constexpr int kMostDeviceFeatures = 64;
constexpr int device_width(int d) { return d <= 16 ? 16 : d <= 32 ? 32 : 64; }

// Replicas of small instances stand side by side in a block; else it plays one.
inline constexpr int kMostBesideFeatures = 8, kMostBesidePairs = 128;

// Numbers that a block of one replica has in shared memory for what all of its threads read: a layer's
// factor, or so many vectors of features and their weights.
inline constexpr int kDeviceRows = 64;
constexpr int device_work(int width) { return kDeviceRows * (width + 1); }

inline constexpr int kDevicePaths = 32;  // trajectories of matrix geometric resampling that are kept at once

// Pointers are to device memory; a replica's numbers stand beside those of the next replica, [...][replicas].
struct DeviceRegret {
  // The instance (envs/linear_mdp/linear_mdp.h).
  int H = 0, S = 0, A = 0, d = 0;
  bool low_rank = false;   // P is a product: `back` holds mu [H-1][d][S]; else P [H-1][S][A][S]
  int certain_start = -1;  // or the state that every episode starts in
  const double *phi = nullptr, *start = nullptr, *start_law = nullptr;  // [H][S][A][d], [S], its sums
  const double* columns = nullptr;                                      // phi again, [H][d][S][A]
  const double *law = nullptr, *back = nullptr;  // sums of P's rows [H-1][S][A][S], null where mu is all

  // The learner.
  BoxSteps before, episode;                  // once, and for each k
  bool has_bonus = false, whitened = false;  // whitened: of reduce_magnitude
  std::int64_t replicas = 0;
  const std::uint64_t* seeds = nullptr;                            // [replicas]
  const double *eta = nullptr, *beta = nullptr, *gamma = nullptr;  // [replicas]
  bool sequence = false;  // trajectories draw from one splitmix64 sequence a replica, and nothing else does
  std::uint32_t play = 0, covariance = 0, magnitude = 0;  // DrawFor of each
  // Trajectories that stand for the occupancies in Sigma and in m; null: the occupancies themselves. m of
  // no trajectories takes Sigma's. terms: by matrix geometric resampling, so many trajectories a chain.
  const std::int64_t *sampled = nullptr, *compensating = nullptr, *terms = nullptr;  // [replicas]
  std::int64_t most_sampled = 0;                                                     // of all replicas

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

  double* memory = nullptr;  // [replicas][DeviceTables::numbers] for tables; null: they are shared memory
  int threads = 0;           // a replica; 0: as the backend sees fit. Bits do not depend on it

  constexpr int pairs() const { return S * A; }
  constexpr int triangle() const { return d * (d + 1) / 2; }
};

// Where a replica's tables stand: numbers from its beginning.
struct DeviceTables {
  int C = 0, pi = 0, q = 0, Qhat = 0, B = 0;            // [H][S][A] each
  int factor = 0, inverse = 0;                          // [H][d (d + 1) / 2]: lower triangles by rows; [H][d]
  int u = 0, kernel = 0;                                // [H][d]
  int rho = 0, mean = 0, product = 0;                   // [S], [S], [d]
  int to_go = 0, visited = 0;                           // [H]; s A + a
  int whitened = 0, shares = 0;                         // [S][A][d], [H][S][A] where they are needed
  int sigma_dagger = 0, chain = 0, sum = 0, total = 0;  // of resampling: [H][d][d], three transposed
  int paths = 0;                                        // and its trajectories' s A + a, [kDevicePaths][H]
  std::int64_t numbers = 0;                             // in all; below 2^31 is what the others can say

  explicit constexpr DeviceTables(const DeviceRegret& g) {
    const auto next = [this](std::int64_t size) {
      const auto begin = static_cast<int>(numbers);
      numbers += size;
      return begin;
    };
    const std::int64_t H = g.H, n = g.pairs(), d = g.d;
    const bool resampled = g.terms != nullptr;
    C = next(H * n), pi = next(H * n), q = next(H * n), Qhat = next(H * n), B = next(H * n);
    factor = next(resampled ? 0 : H * g.triangle()), inverse = next(resampled ? 0 : H * d);
    u = next(H * d), kernel = next(H * d);
    rho = next(g.S), mean = next(g.S), product = next(d);
    to_go = next(H), visited = next(H);
    whitened = next(g.whitened ? n * d : 0);
    shares = next(g.sampled && (!resampled || g.whitened) ? H * n : 0);
    const std::int64_t matrices = resampled ? H * d * d : 0;
    sigma_dagger = next(matrices), chain = next(matrices), sum = next(matrices), total = next(matrices);
    paths = next(resampled ? kDevicePaths * H : 0);
  }
};

// Shared memory of a block that plays one replica, bytes: with its tables, or (memory) without them.
constexpr std::int64_t device_shared_bytes(const DeviceRegret& g) {
  return 8 * (device_work(device_width(g.d)) + (g.memory ? 0 : DeviceTables(g).numbers));
}
constexpr bool plays_beside(const DeviceRegret& g) {
  return g.d <= kMostBesideFeatures && g.pairs() <= kMostBesidePairs && g.memory == nullptr;
}

// What a backend brings: the launch, and the bytes of shared memory that a block may have.
inline constexpr device::LaunchName<const DeviceRegret&> kPlayRegret{"regret/play"};
inline constexpr device::LaunchName<std::int64_t&> kRegretRoom{"regret/room"};

}  // namespace hardy::algorithms
