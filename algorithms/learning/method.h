// What a learning method is: its settings, its networks and its losses, and what it draws from. Sampling,
// optimisers, targets, interaction, checkpoints, evaluation and logging are shared and live elsewhere; a
// method is one file that registers itself.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "algorithms/acting/policy.h"
#include "algorithms/learning/data_source.h"
#include "algorithms/learning/learner.h"
#include "engine/base/registry.h"

namespace hardy::datasets {
struct Transitions;
}
namespace hardy::run {
class Schema;
}

namespace hardy::algorithms {

// Where a method's batches come from: the rows of a dataset, windows of consecutive rows of its episodes, or
// a replay that the method's own interaction fills.
enum class DrawsFrom { kRows, kWindows, kReplay };

// How a method that fills a replay goes about it; every field is an option of `hardy train`, these its
// defaults.
struct InteractionSettings {
  std::string environment = "hopper";
  std::int64_t steps = 200000, log_every = 1000;
  std::int64_t capacity = 0;        // replay rows an agent, the oldest are overwritten; 0: one for every step
  std::int64_t start_steps = 5000;  // uniform random actions, no learning
  std::int64_t update_every = 1;    // environment steps a learning step
};

class Method {
 public:
  virtual ~Method() = default;
  virtual void options(run::Schema& schema) = 0;    // binds the settings, and presets where there are any
  virtual void check() {}                           // settings that exclude one another
  virtual std::string notes() const { return ""; }  // a line for the run's log: derived values

  virtual DrawsFrom draws_from() const { return DrawsFrom::kRows; }
  virtual std::int64_t window() const { return 1; }  // the steps T of a window, where it draws them
  virtual std::int64_t batch_size() const = 0;
  // Whether its actions are choices, and tasks of numbers are not for it; otherwise the other way round.
  virtual bool chooses() const { return false; }
  // action_size: dimensions of the action, or the number of choices where it chooses.
  virtual PolicySpec policy(int observation_size, int action_size) const = 0;
  // The learning step from which on a schedule leaves nothing to learn with; 0: never.
  virtual std::int64_t schedule_end() const { return 0; }
  // The 2-norm that gradients are held to where the user says nothing; 0: they are left as they are.
  virtual double clip_norm() const { return 0; }
  // Adds networks and updates to the learner, whose batches come from the source.
  virtual void build(Learner& learner, const DataSource& data) const = 0;

  // --- of datasets
  virtual bool normalises_observations() const { return false; }
  // By their median and its distances instead of mean and standard deviation.
  virtual bool normalises_by_medians() const { return false; }
  // Whether rows weigh in its losses by how far they are believed (Batch::trust).
  virtual bool weighs_rows() const { return false; }
  // > 0: rows of episodes that returned more are imitated more (Batch::imitation), by their rank over this
  // (datasets::return_weights).
  virtual double return_temperature() const { return 0; }
  // Whether observations and actions are all that it learns from; then a file may lack the rest.
  virtual bool imitates() const { return false; }
  // The discount of its values, where they are sums of the data's rewards and of nothing else, such as
  // entropy; otherwise 0.
  virtual double discount() const { return 0; }
  // Whether it learns values of states and actions.
  virtual bool has_critic() const { return !imitates(); }
  // Whether it writes over actions and rewards of what it draws windows from: each agent has its own then.
  virtual bool corrects_data() const { return false; }
  // Puts into its policy what that holds of the data beside their normalisation; an Error where it cannot
  // learn from them. Returns a line for the run's log, or nothing.
  virtual std::string fit_policy(PolicySpec& /*policy*/, const datasets::Transitions& /*data*/) const {
    return "";
  }
  // Whether what it learned from a dataset it may go on learning by interacting, from the dataset's rows and
  // its own.
  virtual bool goes_online() const { return draws_from() == DrawsFrom::kRows && has_critic(); }
  // Leaves the rows that it learns from, all of them by default, and adds what it needs beside them (their
  // next actions); returns a line for the run's log, or nothing.
  virtual std::string choose_rows(datasets::Transitions& /*t*/) const { return ""; }

  // --- of interaction
  virtual InteractionSettings interaction() const { return {}; }
  // The share of actions at environment step t, after the first random ones, that are uniform draws instead
  // of the policy's.
  virtual double exploration(std::int64_t /*t*/) const { return 0; }
};

struct MethodEntry {
  std::string summary;
  std::function<std::unique_ptr<Method>()> make;
};
Registry<MethodEntry>& methods();
// where: what is to blame for a name that is none.
std::unique_ptr<Method> make_method(const std::string& name, const std::string& where = "");

// A method's file holds a static one: RegisterMethod<Bc> registration("bc", "behaviour cloning").
template <class M>
struct RegisterMethod {
  RegisterMethod(const std::string& name, const std::string& summary) {
    methods().add(name, {summary, []() -> std::unique_ptr<Method> { return std::make_unique<M>(); }});
  }
};

}  // namespace hardy::algorithms
