// Random linear MDPs through simplex features: phi(s,a) in the d-simplex, mu_h(i,.) laws over states, nu in
// [0,1]^d. Always valid, and phi Sigma^{-1} phi' takes both signs. Drawn from one splitmix64 sequence in the
// order phi[h][s][a], mu[h][i], nu[k][h][i]. even=1: the first state is drawn evenly (else it is state 0).
#include <algorithm>

#include "envs/linear_mdp/instance.h"
#include "envs/linear_mdp/instances/draw.h"

namespace hardy::envs {
namespace {

LinearEnvironment make(Parameters& p) {
  LinearEnvironment made;
  LinearMdp& m = made.mdp;
  SplitMix64 random(static_cast<std::uint64_t>(p.integer("seed", 1, 0, std::int64_t{1} << 62)));
  m.H = static_cast<int>(p.integer("H", 3, 1, 1000)), m.S = static_cast<int>(p.integer("S", 4, 1, 1000000));
  m.A = static_cast<int>(p.integer("A", 3, 1, 10000)), m.d = static_cast<int>(p.integer("d", 3, 1, 4096));
  const std::int64_t K = p.integer("K", 8, 1, 100000000);
  const double concentration = p.number("concentration", 1, 0.01, 1e6);  // 0.1: nearly one-hot
  const bool rare = p.integer("rare", 0, 0, 1) == 1;  // the last coordinate belongs to the last action alone
  const bool even = p.integer("even", 0, 0, 1) == 1;
  require_numbers(p, m.H * m.pairs() * m.d + std::int64_t{m.H - 1} * m.d * m.S + K * m.H * m.d);
  m.phi.resize(static_cast<std::size_t>(m.H * m.pairs() * m.d));
  for (std::int64_t pair = 0; pair < m.H * m.pairs(); ++pair) {
    double* x = m.phi.data() + pair * m.d;
    draw_law(random, m.d, concentration, x);
    if (!rare || m.d == 1 || pair % m.A == m.A - 1) continue;
    double rest = 0;
    for (int i = 0; i + 1 < m.d; ++i) rest += x[i];
    for (int i = 0; i + 1 < m.d; ++i) x[i] /= rest;
    x[m.d - 1] = 0;
  }
  m.mu.resize(static_cast<std::size_t>(m.H - 1) * static_cast<std::size_t>(m.d) *
              static_cast<std::size_t>(m.S));
  for (std::int64_t row = 0; row < std::int64_t{m.H - 1} * m.d; ++row)
    draw_law(random, m.S, 1, m.mu.data() + row * m.S);
  made.rows.resize(static_cast<std::size_t>(K * m.H * m.d));
  for (double& x : made.rows) x = random.uniform();
  m.start.assign(static_cast<std::size_t>(m.S), 0.0);
  m.start[0] = 1;
  if (even) std::fill(m.start.begin(), m.start.end(), 1.0 / m.S);  // with H = 1: a contextual bandit
  return made;
}

const RegisterLinearEnvironment registration(
    {"simplex", "random linear MDP with features in the simplex",
     "seed=1, H=3, S=4, A=3, d=3, K=8, concentration=1, rare=0, even=0"},
    make);

}  // namespace
}  // namespace hardy::envs
