// What `hardy bench METHOD` times: a method's learner on random data of half-cheetah's sizes (17
// observations, 6 actions, the field's usual yardstick), without a simulator and without a file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "algorithms/learning/learner.h"
#include "algorithms/offline/method.h"
#include "algorithms/offline/offline_trainee.h"
#include "algorithms/online/interaction.h"
#include "engine/device/device.h"

namespace hardy::tools {

class BenchLearner {
 public:
  // method: with its defaults (riql: K = 5); an Error names the methods. rows: of the data;
  // SAC has as many of each agent's own. device: null for the CPU; outlives this.
  BenchLearner(const std::string& method, std::int64_t agents, std::int64_t rows, device::Device* device);

  algorithms::Learner& learner() { return sac_ ? *sac_ : trainee_->learner(); }
  // Products alone; a multiply-add is 2. 0: they are not counted for this method (bc, iql, riql, sac are).
  double gflop_per_agent_step() const { return gflop_; }

 private:
  double gflop_;
  algorithms::Replay replay_;                 // SAC's
  std::unique_ptr<algorithms::Learner> sac_;  // null for offline methods
  std::unique_ptr<algorithms::OfflineMethod> offline_;
  std::unique_ptr<algorithms::Trainee> trainee_;
};

}  // namespace hardy::tools
