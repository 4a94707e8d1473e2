// SAC as the shared training loop drives it: a step is an environment step of every agent.
#pragma once

#include "algorithms/experiments/training.h"
#include "algorithms/online/interaction.h"

namespace hardy::algorithms {

class SacTrainee final : public Trainee {
 public:
  SacTrainee(const std::string& environment, const SacSettings& sac, const InteractionSettings& settings,
             std::vector<std::uint64_t> seeds, device::Device* device = nullptr)
      : interaction_(environment, sac, settings, std::move(seeds), device), capacity_(settings.capacity) {}

  void step(ThreadTeam& team) override { interaction_.iterate(team); }
  std::int64_t steps_done() const override { return interaction_.steps_done(); }
  Learner& learner() override { return interaction_.learner(); }
  PolicySpec policy() const override { return interaction_.policy(); }
  void save(run::ArchiveWriter& file) const override;
  void restore(const run::Archive& file) override;

 private:
  Interaction interaction_;
  std::int64_t capacity_;
};

}  // namespace hardy::algorithms
