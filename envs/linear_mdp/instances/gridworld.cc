// A gridworld by soft aggregation, linear by construction: the cells are covered by m x m bumps; phi(s,a) is
// how much each bump holds of the cell that the move aims at, mu_i the law of cells under bump i, P = phi mu.
// Losses rise with the distance from a goal corner; two corners take turns under switching losses.
#include <algorithm>
#include <cmath>

#include "envs/linear_mdp/instance.h"

namespace hardy::envs {
namespace {

LinearEnvironment make(Parameters& p) {
  LinearEnvironment made;
  LinearMdp& m = made.mdp;
  const int side = static_cast<int>(p.integer("side", 5, 2, 300)),
            bumps = static_cast<int>(p.integer("m", 3, 2, 60));
  const double width = p.number("width", 0.35, 0.01, 10);  // of a bump, in distances between bumps
  m.H = static_cast<int>(p.integer("H", 8, 1, 1000));
  m.S = side * side, m.A = 4, m.d = bumps * bumps;
  const auto centre = [&](int i) { return static_cast<double>(i) * (side - 1) / (bumps - 1); };
  const double scale = width * (side - 1) / (bumps - 1);
  const auto bump = [&](int i, int x, int y) {
    const double dx = x - centre(i % bumps), dy = y - centre(i / bumps);
    return std::exp(-(dx * dx + dy * dy) / (2 * scale * scale)) + 1e-12;
  };
  constexpr int kMoves[4][2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
  std::vector<double> phi, mu;
  for (int s = 0; s < m.S; ++s)
    for (const auto& move : kMoves) {
      const int x = std::clamp(s % side + move[0], 0, side - 1),
                y = std::clamp(s / side + move[1], 0, side - 1);
      double sum = 0;
      for (int i = 0; i < m.d; ++i) sum += bump(i, x, y);
      for (int i = 0; i < m.d; ++i) phi.push_back(bump(i, x, y) / sum);
    }
  for (int i = 0; i < m.d; ++i) {
    double sum = 0;
    for (int s = 0; s < m.S; ++s) sum += bump(i, s % side, s / side);
    for (int s = 0; s < m.S; ++s) mu.push_back(bump(i, s % side, s / side) / sum);
  }
  for (int h = 0; h < m.H; ++h) m.phi.insert(m.phi.end(), phi.begin(), phi.end());
  for (int h = 0; h + 1 < m.H; ++h) m.mu.insert(m.mu.end(), mu.begin(), mu.end());
  for (const int goal : {bumps - 1, m.d - bumps})  // the corners beside the start's
    for (int h = 0; h < m.H; ++h)
      for (int i = 0; i < m.d; ++i) {
        const int dx = i % bumps - goal % bumps, dy = i / bumps - goal / bumps;
        made.rows.push_back(std::hypot(dx, dy) / (std::sqrt(2.0) * (bumps - 1)));
      }
  m.start.assign(static_cast<std::size_t>(m.S), 0.0);
  m.start[0] = 1;
  made.default_losses = "fixed";
  return made;
}

const RegisterLinearEnvironment registration({"gridworld",
                                              "a grid by soft aggregation, linear by construction",
                                              "side=5, m=3, width=0.35, H=8"},
                                             make);

}  // namespace
}  // namespace hardy::envs
