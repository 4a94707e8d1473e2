// Combination lock: state 0 is on the path, state 1 off it for good; at step h only action h mod A stays on
// it. On the path a step costs .6, off it .5, and the right action of the last step costs nothing: the prize
// is worth the dearer path, but whoever looks one step ahead leaves it.
#include "envs/linear_mdp/instances/one_hot.h"

namespace hardy::envs {
namespace {

LinearEnvironment make(Parameters& p) {
  LinearEnvironment made;
  LinearMdp& m = made.mdp;
  m.H = static_cast<int>(p.integer("H", 4, 1, 1000)), m.A = static_cast<int>(p.integer("A", 3, 2, 100));
  m.S = 2;
  const std::int64_t n = m.pairs();
  m.transitions.resize(static_cast<std::size_t>((m.H - 1) * n * 2));
  for (int h = 0; h + 1 < m.H; ++h)
    for (std::int64_t pair = 0; pair < n; ++pair)
      m.transitions[static_cast<std::size_t>((h * n + pair) * 2 + (pair == h % m.A ? 0 : 1))] = 1;
  one_hot_features(m);
  made.rows.resize(static_cast<std::size_t>(m.H * n));
  for (std::int64_t i = 0; i < m.H * n; ++i) made.rows[static_cast<std::size_t>(i)] = i % n < m.A ? 0.6 : 0.5;
  made.rows[static_cast<std::size_t>((m.H - 1) * n + (m.H - 1) % m.A)] = 0;
  made.default_losses = "fixed";
  return made;
}

const RegisterLinearEnvironment registration({"lock", "combination lock with one-hot features", "H=4, A=3"},
                                             make);

}  // namespace
}  // namespace hardy::envs
