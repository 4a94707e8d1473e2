// One learner against one loss sequence, R replicas in a batch: seeds x settings. Everything reported is
// exact: the learner's loss is sum_k V^{pi_k}_k by policy evaluation, the comparator the best fixed policy by
// backward induction on summed losses. No sampled return enters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "algorithms/adversarial/regret_method.h"
#include "engine/base/threads.h"
#include "engine/comm/ranks.h"
#include "engine/device/device.h"
#include "engine/run/observer.h"

namespace hardy::algorithms {

struct RegretConfig : Game {
  std::string method = "ftrl_log_barrier";
  std::vector<std::uint64_t> seeds = {0};        // one replica for each seed
  std::vector<SettingsRequest> settings = {{}};  // times each of these: replica = setting * seeds + seed
  int curve_points = 50;
  int keep_trajectories = 2;
  bool hindsight = true;        // false: learner's loss alone (benchmarks)
  std::int64_t only_first = 0;  // play so many of the K episodes (to time them); 0: all
  bool simulator = false;       // the learner has a simulator and nothing else (simulator_run.h)
  // Plays all replicas there (regret_device.h), each by so many threads (0: as it sees fit); null: here.
  device::Device* device = nullptr;
  int device_threads = 0;
  bool device_memory = false;  // replicas' tables lie in its memory, whether or not a block could hold them
  // Processes that share the replicas; all have every result.
  comm::Ranks* ranks = &comm::alone();
};

struct ReplicaResult {
  std::uint64_t seed = 0;
  std::size_t setting = 0;  // index into RegretConfig::settings
  ResolvedSettings resolved;
  double learner_loss = 0, best_loss = 0, regret = 0;
  std::vector<double> curve;                      // regret after RegretResult::at[i] episodes
  std::vector<double> start_costs;                // C_0(s_0, .) [A] at the end; empty without a table C
  std::vector<std::vector<Visit>> first;          // trajectories of the first episodes [..][H]
  double least_eta_q = 0, largest_eta_bonus = 0;  // min eta Qhat, max eta B over the run
  std::vector<RegretFigure> figures;              // of its group's learner at the end
};

struct RegretResult {
  std::vector<std::int64_t> at;  // about 50 log-spaced k, the last one K
  std::vector<double> best;  // the best fixed policy's loss after at[i] episodes; empty if replicas differ
  std::vector<ReplicaResult> replicas;
  // How the learner sees its covariances, and what it reads for that: "exact (reads the transitions)", ...
  std::string covariance;
  std::int64_t simulator_calls = 0;       // all replicas
  std::int64_t trajectories = 0;          // simulated ones, all replicas
  std::string regret_notion, comparator;  // external on realised losses where the adversary adapts
  double seconds = 0;                     // of the episode loop
};

// Bytes of tables and scratch that run_regret will hold, and floating-point operations of one replica's
// episode.
struct RegretCost {
  std::int64_t bytes = 0;
  double flop_per_episode = 0, bytes_per_episode = 0;
  std::string text;  // "12.3 MB; 1.2e+09 FLOP an episode and replica"
};
RegretCost cost_of(const RegretConfig& config);

// Replicas are cut into groups of the machine's lanes, and groups are shared among the team's threads; an
// instance too large for that is run replica by replica with the team inside. A replica's bits do not depend
// on the others. Throws an Error before the first episode on anything that cannot be right, and
// Stopped where the watch's token asks for it between two episodes. The observer hears of the first group's
// episodes.
RegretResult run_regret(const RegretConfig& config, ThreadTeam& team, const run::Watch& watch = {});

// What stands in a result before anything is played: an entry a replica with what its settings resolve to,
// the curve's points, and what the regret is against.
RegretResult unplayed(const RegretConfig& config);
// Subtracts the best fixed policy's loss from the replicas' losses and curves: one backward induction on
// summed losses a point. Of an adaptive adversary the curves hold differences already.
void subtract_best(const RegretConfig& config, RegretResult& result);

// A failed run where the sum of the learner's losses after episode k is no number.
void require_finite_loss(double loss, const RegretConfig& config, std::uint64_t seed, std::int64_t k);

// floor(lowest * ratio^i) without repeats, from 1 to K.
std::vector<std::int64_t> log_spaced(std::int64_t episodes, int points);

}  // namespace hardy::algorithms
