// The numbers of a group of replicas side by side, the lane innermost, by the papers' names.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "algorithms/adversarial/game.h"
#include "algorithms/adversarial/steps/numbers.h"

namespace hardy::algorithms {

// As many lanes as any machine has: learners of one's own are compiled against these headers for whatever
// processor their compiler was told, and must see every number where this library has it. For the same reason
// no header that they include may ask for the machine's vectors (engine/base/simd.h).
inline constexpr int kMostLanes = 8;
using PerLane = std::array<double, kMostLanes>;

struct Tables {
  Tables(const envs::LinearMdp& m, int lanes_)
      : lanes(lanes_),
        H(m.H),
        S(m.S),
        A(m.A),
        d(m.d),
        n(m.pairs()),
        u(std::int64_t{H} * d * lanes),
        kernel(std::int64_t{H} * d * lanes) {
    for (Numbers* x : {&C, &pi, &q, &Qhat, &forms, &b, &B}) *x = Numbers(H * n * lanes);
  }

  const int lanes, H, S, A, d;
  const std::int64_t n;                 // pairs of a layer
  Numbers C, pi, q, Qhat, forms, b, B;  // [H][S][A][lanes]; forms: n(s,a) = phi Sd phi
  Numbers u;                            // [H][d][lanes], sum_{s,a} q phi
  Numbers kernel;                       // [H][d][lanes]: Sd_h phi(s_h, a_h)

  std::int64_t table(int h) const { return h * n * lanes; }  // where layer h of a table begins
  std::int64_t pair(int h, int s, int a) const { return table(h) + (std::int64_t{s} * A + a) * lanes; }
};

// The last trajectory of each lane.
struct Played {
  std::vector<int> states, actions;  // [H][lanes]
  Numbers to_go;                     // [H][lanes]: L_h = sum_{i >= h} l_i
};

struct Rates {
  Rates(std::span<const Lane> lanes, int width) {
    for (std::size_t w = 0; w < static_cast<std::size_t>(width); ++w) {
      const StepSizes& steps = lanes[std::min(w, lanes.size() - 1)].steps;
      eta[w] = steps.eta, gamma[w] = steps.gamma, beta[w] = steps.beta;
      has_bonus = has_bonus || steps.beta > 0;
    }
  }
  alignas(64) PerLane eta{}, gamma{}, beta{};
  bool has_bonus = false;  // in any lane
};

// What a run keeps of a group.
struct Record {
  alignas(64) PerLane learner_loss{}, least_eta_q{}, largest_eta_bonus{};
  std::int64_t simulator_calls = 0, trajectories = 0;
};

}  // namespace hardy::algorithms
