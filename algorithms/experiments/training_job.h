// From a method's name and a command line to a run: what `hardy train` and `hardy resume` share.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "algorithms/experiments/training.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {

// One method with all its options bound to a schema, ready to be parsed and then begun.
class TrainingJob {
 public:
  virtual ~TrainingJob() = default;
  virtual run::Schema& schema() = 0;
  virtual TrainingSettings settings() const = 0;  // steps: of all phases
  // The key whose value makes `steps` the last of them all, and that value, for a run that is to train
  // further.
  virtual std::pair<std::string, std::string> ends_at(std::int64_t steps) const {
    return {"steps", std::to_string(steps)};
  }
  virtual const std::string& environment() const = 0;
  // What can be found wrong of the settings without reading data; prepare() begins with it.
  virtual void check() = 0;
  // Processes that are to train it together; whatever of it they cannot is refused. Before prepare(), which
  // all of them call; then the first one trains (train) and the others do along with it (train_along).
  virtual void across(comm::Ranks& ranks) = 0;
  // Who hears how far prepare() is where that is long work; the observer lives until then. Nobody by default.
  virtual void prepares_before(run::Observer& /*observer*/) {}
  // Reads data and builds the trainee; all bad input is found here, before a run directory exists.
  // Describes what it learns from in `about` ("dataset", "notes").
  virtual std::unique_ptr<Trainee> prepare(nlohmann::json& about) = 0;
  // What was asked for instead of a run: a text to be printed; "" for a run.
  virtual std::string explanation() const { return ""; }
};

// The job of a registered method (algorithms/learning/method.h), from a dataset or by interacting, as the
// method declares what it draws from, or of a post-training one. An Error with the nearest name.
std::unique_ptr<TrainingJob> make_training_job(const std::string& method);
std::vector<std::pair<std::string, std::string>> training_methods();  // name, what it is

}  // namespace hardy::algorithms
