// How far an instance is from what the theory of linear MDPs asks for. Any table can be played, and a learner
// with features runs on it without complaint; its bounds then say nothing.
#pragma once

#include "envs/linear_mdp/instance.h"

namespace hardy::envs {

struct Linearity {
  double transitions = 0;  // max |P - phi mu| over all layers and the best mu: least squares, layer by layer
  double q = 0;  // max |Q - phi theta| over the best theta, of the uniform policy and of the best fixed
                 // one, under the losses of the first, the middle and the last episode
  double largest() const { return transitions > q ? transitions : q; }
};
inline constexpr double kLinearEnough = 1e-6;

// episodes: K. Of an adaptive adversary its first losses. The residual is computed from what is given: with
// mu transitions are linear by construction.
Linearity linearity_of(const Instance& instance, std::int64_t episodes);

}  // namespace hardy::envs
