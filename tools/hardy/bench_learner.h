// What `hardy bench METHOD` times: a method's learner on random data of half-cheetah's sizes (17
// observations, 6 actions, the field's usual yardstick), without a simulator and without a file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "algorithms/learning/learner.h"
#include "algorithms/learning/method.h"
#include "algorithms/offline/offline_trainee.h"
#include "engine/device/device.h"

namespace hardy::tools {

class BenchLearner {
 public:
  // method: with its defaults (riql: K = 5); an Error names the methods. rows: of the data; a method that
  // draws from a replay has as many of each agent's own. device: null for the CPU; outlives this.
  BenchLearner(const std::string& method, std::int64_t agents, std::int64_t rows, device::Device* device);

  algorithms::Learner& learner() { return alone_ ? *alone_ : trainee_->learner(); }
  // Matrix products alone, those of its plan; a multiply-add is 2.
  double gflop_per_agent_step() { return 1e-9 * learner().flops() / static_cast<double>(learner().agents()); }

 private:
  std::unique_ptr<algorithms::Method> method_;
  std::unique_ptr<algorithms::Trainee> trainee_;  // with a dataset
  // With a replay, full and without an environment.
  datasets::Transitions replay_;
  std::vector<std::int32_t> choices_;
  std::int32_t rows_ = 0;
  std::unique_ptr<algorithms::Learner> alone_;
};

}  // namespace hardy::tools
