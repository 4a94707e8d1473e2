#include "algorithms/adversarial/steps/steps.h"

#include <algorithm>

#include "algorithms/adversarial/steps/lane_steps.h"
#include "algorithms/adversarial/steps/large_steps.h"
#include "engine/linalg/lanes.h"

namespace hardy::algorithms {

static_assert(linalg::kLanes <= kMostLanes);

Steps::Steps(const Game& g, std::span<const Lane> replicas, int lanes)
    : game(g), mdp(*g.instance.mdp), tables(mdp, lanes), rates(replicas, lanes), losses(g.instance, lanes) {
  const std::int64_t visits = std::int64_t{mdp.H} * lanes;
  played.states.resize(static_cast<std::size_t>(visits));
  played.actions.resize(static_cast<std::size_t>(visits));
  played.to_go = Numbers(visits);
}

void Steps::begin(std::int64_t k) {
  episode_ = k;
  losses.begin(k);
}

void Steps::end() {
  add_expected_loss();
  losses.end(episode_, tables, played);
}

void Steps::uniform_policies() { std::fill_n(tables.pi.at(0), tables.pi.size(), 1.0 / tables.A); }

std::unique_ptr<Steps> make_steps(const Game& game, std::span<const Lane> replicas, ThreadTeam& team,
                                  bool covariance) {
  if (replicas.size() > 1) return std::make_unique<LaneSteps<linalg::kLanes>>(game, replicas, covariance);
  if (is_large(*game.instance.mdp)) return std::make_unique<LargeSteps>(game, replicas, team, covariance);
  return std::make_unique<LaneSteps<1>>(game, replicas, covariance);
}

}  // namespace hardy::algorithms
