// Mirror arms: features (.3, 0), (.6, .8), (.6, -.8) and nu = (.7, +-.25), so that the first arm is always
// best
// (.21 against .42 +- .2) and the two rare ones have a strongly negative kernel between them: what one of
// them costs is an enormous negative estimate for the other.
//
// Alone (H = S = 1), or put into a larger MDP: there phi = (arm, x) / sqrt 2, with x(s,a) drawn in the
// m-simplex, P = x . laws, and losses half the arm's, half x's own.
#include <cmath>

#include "envs/linear_mdp/instance.h"
#include "envs/linear_mdp/instances/draw.h"

namespace hardy::envs {
namespace {

constexpr double kArms[3][2] = {{0.3, 0.0}, {0.6, 0.8}, {0.6, -0.8}};
constexpr double kMean = 0.7, kSwing = 0.25;

LinearEnvironment make(Parameters& p) {
  LinearEnvironment made;
  made.default_losses = "switching:period=K/4";
  LinearMdp& m = made.mdp;
  m.H = static_cast<int>(p.integer("H", 1, 1, 1000)), m.S = static_cast<int>(p.integer("S", 1, 1, 100000));
  m.A = 3;
  const int width = static_cast<int>(p.integer("m", 3, 1, 1000));
  SplitMix64 random(static_cast<std::uint64_t>(p.integer("seed", 1, 0, std::int64_t{1} << 62)));
  m.start.assign(static_cast<std::size_t>(m.S), 0.0);
  m.start[0] = 1;
  if (m.H == 1 && m.S == 1) {
    m.d = 2;
    for (const auto& arm : kArms) m.phi.insert(m.phi.end(), {arm[0], arm[1]});
    made.rows = {kMean, kSwing, kMean, -kSwing};
    return made;
  }
  const double root = std::sqrt(2.0);
  std::vector<double> x(static_cast<std::size_t>(width)), law(static_cast<std::size_t>(m.S));
  m.d = 2 + width;
  for (std::int64_t pair = 0; pair < m.H * m.pairs(); ++pair) {
    const auto& arm = kArms[pair % 3];
    m.phi.insert(m.phi.end(), {arm[0] / root, arm[1] / root});
    draw_law(random, width, 1, x.data());
    for (const double xi : x) m.phi.push_back(xi / root);
  }
  for (int h = 0; h + 1 < m.H; ++h)
    for (int i = 0; i < m.d; ++i) {
      if (i >= 2) draw_law(random, m.S, 1, law.data());
      for (const double share : law) m.mu.push_back(i >= 2 ? share * root : 0.0);
    }
  std::vector<double> own(static_cast<std::size_t>(width));
  for (double& u : own) u = random.uniform();
  for (const double sign : {1.0, -1.0})
    for (int h = 0; h < m.H; ++h) {
      made.rows.insert(made.rows.end(), {kMean / root, sign * kSwing / root});
      for (const double u : own) made.rows.push_back(u / root);
    }
  return made;
}

const RegisterLinearEnvironment registration({"mirror", "mirror arms, alone or in a larger MDP",
                                              "H=1, S=1, m=3, seed=1"},
                                             make);

}  // namespace
}  // namespace hardy::envs
