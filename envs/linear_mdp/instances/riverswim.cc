// RiverSwim (Strehl, Littman 2008), layered: left is sure and gains a little at the bank, right swims against
// the current towards the large gain. Losses are 1 - gain.
#include <algorithm>

#include "envs/linear_mdp/instances/one_hot.h"

namespace hardy::envs {
namespace {

LinearEnvironment make(Parameters& p) {
  LinearEnvironment made;
  LinearMdp& m = made.mdp;
  m.H = static_cast<int>(p.integer("H", 12, 1, 1000)), m.S = static_cast<int>(p.integer("S", 6, 2, 200));
  m.A = 2;
  const int last = m.S - 1;
  m.transitions.assign(static_cast<std::size_t>((m.H - 1) * m.pairs() * m.S), 0.0);
  for (int h = 0; h + 1 < m.H; ++h)
    for (int s = 0; s < m.S; ++s) {
      double* left = m.transitions.data() + ((h * m.pairs()) + s * 2) * m.S;
      double* right = left + m.S;
      left[std::max(s - 1, 0)] = 1;
      right[std::max(s - 1, 0)] += s == 0 ? 0.4 : s == last ? 0.4 : 0.05;
      right[s] += s == 0 ? 0.0 : 0.6;
      right[std::min(s + 1, last)] += s == 0 ? 0.6 : s == last ? 0.0 : 0.35;
    }
  one_hot_features(m);
  made.rows.assign(static_cast<std::size_t>(m.H * m.pairs()), 1.0);
  for (int h = 0; h < m.H; ++h) {
    made.rows[static_cast<std::size_t>(h * m.pairs())] = 1 - 0.005;
    made.rows[static_cast<std::size_t>((h + 1) * m.pairs() - 1)] = 0;
  }
  made.default_losses = "fixed";
  return made;
}

const RegisterLinearEnvironment registration({"riverswim", "a chain against the current, one-hot features",
                                              "H=12, S=6"},
                                             make);

}  // namespace
}  // namespace hardy::envs
