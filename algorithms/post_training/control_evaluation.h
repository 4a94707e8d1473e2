// How often a control policy succeeds from starts that training does not choose: sampled, and by its mode.
#pragma once

#include <memory>
#include <vector>

#include "algorithms/post_training/control_data.h"
#include "algorithms/post_training/control_policy.h"
#include "engine/base/stop.h"
#include "engine/run/metrics.h"

namespace hardy::algorithms {

// A rollout's own seed: draws at its step t are those of Random(rollout_seed(...), kExplore, t).
std::uint64_t rollout_seed(std::uint64_t seed, std::int64_t step, std::int64_t start, std::int64_t rollout);

class ControlEvaluation {
 public:
  // Of network "policy" in the store, which outlives this; `episodes` of each agent, from the starts that
  // `hardy eval` takes.
  ControlEvaluation(const ControlData& data, const PolicySpec& spec, const nn::ParameterStore& store,
                    const std::vector<std::uint64_t>& seeds, std::int64_t episodes, std::uint64_t seed);
  // One number an agent. By the mode: score/mean, return/mean, return/std, length/mean, greedy/mean (the
  // share that succeeds). Sampled: solve/mean. Draws are the same every time.
  run::MetricValues evaluate(ThreadTeam& team, StopToken stop = {});

 private:
  PolicySpec spec_;
  const nn::ParameterStore& store_;
  std::vector<std::uint64_t> seeds_;
  std::uint64_t seed_;
  double success_return_;
  std::int64_t episodes_;
  std::unique_ptr<envs::BatchEnvironment> env_;
};

}  // namespace hardy::algorithms
