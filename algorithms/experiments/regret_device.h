// Regret runs on a device: all replicas of a run side by side there, from the first episode to the last. The
// host hands over losses, for many episodes at a time, and takes back curves and sums.
#pragma once

#include "algorithms/experiments/regret_run.h"

namespace hardy::algorithms {

// An Error that names it where something of the run is not for config.device: who plays, against what, or
// more replicas than its memory holds.
void require_playable_there(const RegretConfig& config);

// Plays the first `episodes` of K on config.device. result: unplayed(config), whose replicas get what
// run_regret leaves in them; best policies' losses are not subtracted. Counts simulated trajectories and
// calls. The watch's token may stop it (Stopped) between two launches, a tenth of a second or so apart.
void play_on_device(const RegretConfig& config, std::int64_t episodes, RegretResult& result,
                    const run::Watch& watch);

}  // namespace hardy::algorithms
