// A random tabular MDP, one-hot: P's rows uniform on the simplex, losses uniform in [0,1].
#include "envs/linear_mdp/instances/draw.h"
#include "envs/linear_mdp/instances/one_hot.h"

namespace hardy::envs {
namespace {

LinearEnvironment make(Parameters& p) {
  LinearEnvironment made;
  LinearMdp& m = made.mdp;
  SplitMix64 random(static_cast<std::uint64_t>(p.integer("seed", 1, 0, std::int64_t{1} << 62)));
  m.H = static_cast<int>(p.integer("H", 3, 1, 1000)), m.S = static_cast<int>(p.integer("S", 4, 1, 200));
  m.A = static_cast<int>(p.integer("A", 3, 1, 100));
  const std::int64_t K = p.integer("K", 8, 1, 1000000);
  const std::int64_t n = m.pairs();
  require_numbers(p, m.H * n * n + 2 * (m.H - 1) * n * m.S + K * m.H * n);  // phi, P and mu, losses
  m.transitions.resize(static_cast<std::size_t>((m.H - 1) * m.pairs() * m.S));
  for (std::size_t row = 0; row < m.transitions.size(); row += static_cast<std::size_t>(m.S))
    draw_law(random, m.S, 1, m.transitions.data() + row);
  one_hot_features(m);
  made.rows.resize(static_cast<std::size_t>(K * m.H * m.d));
  for (double& x : made.rows) x = random.uniform();
  return made;
}

const RegisterLinearEnvironment registration({"tabular", "random tabular MDP with one-hot features",
                                              "seed=1, H=3, S=4, A=3, K=8"},
                                             make);

}  // namespace
}  // namespace hardy::envs
