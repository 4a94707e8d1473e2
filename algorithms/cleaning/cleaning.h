// Cleaning by models: a dataset judged by what can be learnt from itself. Ensembles of small networks learn,
// on rows of which many are wrong,
//   forward   x_{t+1} - x_t  from  (x_t, a_t)
//   reward    r_t            from  (x_t, a_t, x_{t+1})
// in rounds: each round's forward models say which states and actions fit together (beliefs.h), and the next
// round learns from those that do. In the end each element of each row has a probability that it is wrong,
// and what is surely wrong gets the value that the models agree on: of a state its other copy, or what
// follows from the state before; of an action the one that leads most probably from its state to the next, by
// the forward models' slopes in it; of a reward its model's.
#pragma once

#include <cstdint>
#include <string>

#include "algorithms/cleaning/regression.h"
#include "datasets/corruption/judgement.h"
#include "engine/base/json.h"
#include "engine/run/observer.h"

namespace hardy::algorithms {

struct CleaningSettings {
  std::int64_t rounds = 3;
  std::int64_t members = 4, hidden = 128;
  std::int64_t steps = 12000;                  // of the forward models, all rounds together
  std::int64_t seed = 0, threads = 0;          // threads 0: the machine's; the result does not depend on them
  double sure = 0.9;                           // the probability from which an element is replaced
  std::string without = "leave --models out";  // what a user does whose file is refused
};

class Cleaning final : public datasets::Judge {
 public:
  explicit Cleaning(const CleaningSettings& settings, const run::Watch& watch = {})
      : settings_(settings), watch_(watch) {}

  // Errors: a file too small to learn from, values that are not finite, actions that are choices.
  // Memory: 4 bytes for each number of a row and copy of its state, and those of the slopes, (2 + 2 a) d
  // more.
  std::map<std::string, datasets::Judgement> judge(datasets::Reader& in) override;
  nlohmann::json describe() const override { return about_; }

 private:
  CleaningSettings settings_;
  run::Watch watch_;
  nlohmann::json about_;
};

}  // namespace hardy::algorithms
