// Your own loss process on your own Markov decision process, through the C++ API:
//   c++ -std=c++20 -IP/include/hardy own_losses.cc -LP/lib -Wl,-rpath,P/lib -lhardy -lhardy_core -o
//   own_losses
//   ./own_losses 4096
// where P is the prefix that hardy was installed to (cmake --install build/release --prefix P).
// Two roads to a goal; the adversary blocks one of them, the other one after a while, and so on.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>

#include "algorithms/experiments/regret_run.h"
#include "envs/linear_mdp/losses.h"

namespace {

using namespace hardy;

// States: 0 the fork, 1 the left road, 2 the right road. At the fork action 0 goes left, action 1 right, and
// one time in ten the other way; on a road, action 1 is the shortcut. Features are one-hot.
envs::LinearMdp two_roads() {
  envs::LinearMdp m;
  m.name = "two roads";
  m.H = 2, m.S = 3, m.A = 2, m.d = 6;
  m.phi.assign(static_cast<std::size_t>(m.H * m.S * m.A * m.d), 0.0);
  for (int h = 0; h < m.H; ++h)
    for (int i = 0; i < m.d; ++i) m.phi[static_cast<std::size_t>((h * m.d + i) * m.d + i)] = 1;
  m.transitions = {0, .9, .1, 0, .1, .9, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0};  // [H-1][S][A][S]
  m.start = {1, 0, 0};
  m.finish();  // checks sizes, norms, probabilities
  return m;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::int64_t episodes = argc > 1 ? std::atoll(argv[1]) : 4096;
  const auto mdp = std::make_shared<const envs::LinearMdp>(two_roads());
  algorithms::RegretConfig run;
  run.instance.mdp = mdp;
  // nu [H][d] of episode k: where the road is blocked the shortcut costs more than the long way.
  run.instance.losses = envs::losses_from(*mdp, true, [=](std::int64_t k, std::span<double> nu) {
    const bool left_blocked = (4 * k / episodes) % 2 == 0;
    const double rows[] = {.1, .1,
                           0,  0,
                           0,  0,  //
                           0,  0,
                           .5, left_blocked ? .9 : .1,
                           .6, left_blocked ? .1 : .8};
    std::copy(std::begin(rows), std::end(rows), nu.begin());
  });
  run.episodes = episodes;
  run.seeds = {1, 2, 3, 4, 5, 6, 7, 8};
  run.settings[0].c_eta = 4;
  ThreadTeam team(2);
  for (const char* method : {"ftrl_log_barrier", "exp_weights_magnitude_reduced", "uniform"}) {
    run.method = method;
    double regret = 0;
    for (const auto& replica : algorithms::run_regret(run, team).replicas) regret += replica.regret / 8;
    std::printf("%-30s regret %8.1f\n", method, regret);
  }
} catch (const std::exception& e) {
  std::fprintf(stderr, "own_losses: %s\n", e.what());
  return 1;
}
