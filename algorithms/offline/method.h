// What an offline method is: its settings, its networks and its losses. Sampling, optimisers, targets,
// checkpoints, evaluation and logging are shared and live elsewhere; a method is one file that
// registers itself.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "algorithms/acting/policy.h"
#include "algorithms/learning/learner.h"
#include "algorithms/learning/transition_source.h"

namespace hardy::run {
class Schema;
}

namespace hardy::algorithms {

class OfflineMethod {
 public:
  virtual ~OfflineMethod() = default;
  virtual void options(run::Schema& schema) = 0;  // binds the settings
  virtual std::map<std::string, std::string> preset(
      const std::string& name) const;               // throws on unknown names
  virtual void check() {}                           // settings that exclude one another
  virtual std::string notes() const { return ""; }  // a line for the run's log: derived values
  virtual std::int64_t batch_size() const = 0;
  virtual bool normalises_observations() const = 0;
  // Whether observations and actions are all that it learns from; then a file may lack the rest.
  virtual bool imitates() const { return false; }
  // The step from which on a schedule leaves nothing to learn with; 0: never.
  virtual std::int64_t schedule_end() const { return 0; }
  virtual PolicySpec policy(int observation_size, int action_size) const = 0;
  // Adds networks and updates to the learner, whose batches come from the data.
  virtual void build(Learner& learner, const TransitionSource& data) const = 0;
};

struct RegisterOfflineMethod {
  RegisterOfflineMethod(const std::string& name, const std::string& summary,
                        std::unique_ptr<OfflineMethod> (*make)());
};
std::unique_ptr<OfflineMethod> make_offline_method(
    const std::string& name);                                        // an Error with the nearest name
std::vector<std::pair<std::string, std::string>> offline_methods();  // name, summary

}  // namespace hardy::algorithms
