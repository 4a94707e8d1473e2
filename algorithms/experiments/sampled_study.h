// `hardy regret --evaluation sampled`: learners where states cannot be listed, so that neither values nor the
// best fixed policy can be computed. What is reported is the losses of the trajectories that were played.
#pragma once

#include "tools/hardy/regret_study.h"

namespace hardy::tools {

class SampledStudy {
 public:
  explicit SampledStudy(const RegretOptions& options);  // everything is checked before anything runs

  // A line for every run: episodes, simulator calls, memory, at most.
  std::string cost() const;
  nlohmann::json run(const std::function<void(const std::string&)>& say) const;

 private:
  struct Cell {
    std::string env, loss_process;
    MethodChoice method;
    std::int64_t episodes = 0, samples = 0;
    algorithms::ResolvedSettings settings;
  };
  nlohmann::json run_cell(const Cell& cell, ThreadTeam& team) const;

  RegretOptions options_;
  std::vector<Cell> cells_;
};

std::string sampled_text(const nlohmann::json& results);

}  // namespace hardy::tools
