// The optimiser step of a control policy (sequence_update.h): sequences are episodes, and what stands behind
// an episode's end is masked.
#pragma once

#include <vector>

#include "algorithms/acting/policy.h"
#include "algorithms/post_training/sequence_update.h"

namespace hardy::algorithms {

// An episode as the network sees it.
struct ControlEpisode {
  std::vector<float> observations, drawn;  // [steps, obs], u [steps, act] (control_policy.h)
  std::vector<std::int32_t> choices;       // [steps], instead of u
  std::vector<float> log_prob;             // [steps] of rollouts
  std::int64_t steps = 0;
};

struct ControlRow {
  const ControlEpisode* episode;
  const std::vector<float>* behaviour;  // null: a demonstration
  float advantage, rollout_weight, demonstration_weight;
  float praise_weight = 0, imitation_weight = 0;  // SRFT's (batch.h)
  std::int64_t place = 0;                         // rows are computed in this order, however they come

  std::int64_t first() const { return 0; }
  std::int64_t length() const { return episode->steps; }
};

// A policy's parts in a learner.
struct ControlNetworks {
  Network net, log_std;  // log_std of a kGaussian head
};

class ControlUpdate final : public SequenceUpdate<ControlRow> {
 public:
  // Builds the update "policy" of the learner. reference: frozen, of the same kind; or none. steps: of the
  // longest episode; episodes: of a pass.
  ControlUpdate(Learner& learner, const PolicySpec& spec, const ControlNetworks& policy,
                const ControlNetworks* reference, const SequenceLoss& loss, const Descent& descent,
                std::int64_t steps, std::int64_t episodes = kPassSequences);

 private:
  void clear() override;
  void put(const ControlRow& row, std::size_t at) override;

  std::size_t steps_, obs_, act_;
  std::vector<float> observations_, drawn_;  // [A, S * T, ...]
  std::vector<std::int32_t> choices_;
};

}  // namespace hardy::algorithms
