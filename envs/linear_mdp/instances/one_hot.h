// Tabular MDPs as linear ones: phi(s,a) is the unit vector of the pair, d = S A, mu's rows are P's.
#pragma once

#include "envs/linear_mdp/instance.h"

namespace hardy::envs {

// Expects H, S, A and transitions; fills in d, phi, mu and, where it is empty, the start (state 0).
inline void one_hot_features(LinearMdp& m) {
  const std::int64_t n = m.pairs();
  m.d = static_cast<int>(n);
  m.phi.assign(static_cast<std::size_t>(m.H * n * n), 0.0);
  for (int h = 0; h < m.H; ++h)
    for (std::int64_t p = 0; p < n; ++p) m.phi[static_cast<std::size_t>((h * n + p) * n + p)] = 1;
  m.mu = m.transitions;
  if (!m.start.empty()) return;
  m.start.assign(static_cast<std::size_t>(m.S), 0.0);
  m.start[0] = 1;
}

}  // namespace hardy::envs
