// A learner: one file in boxes/ that reads like the paper's box, made for a group of replicas, registered by
// name.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "algorithms/adversarial/steps/steps.h"

namespace hardy::algorithms {

struct RegretFigure {
  std::string name;
  double value = 0;
};

class RegretLearner {
 public:
  virtual ~RegretLearner() = default;
  // Episode k: chooses pi_k, plays, learns. Leaves the occupancies of what was played in the tables' q and u.
  virtual void episode(std::int64_t k) = 0;
  // What a reader of the results should know of it at the end of a run, beside its regret.
  virtual std::vector<RegretFigure> figures() const { return {}; }
};

struct RegretMethod {
  std::string name, summary;
  Scaling scaling = Scaling::kNone;
  std::unique_ptr<RegretLearner> (*make)(Steps&) = nullptr;
  bool lanes = true;       // false: replicas go one by one
  bool costs = true;       // keeps the table C
  bool covariance = true;  // uses Sigma-dagger
  bool magnitude = false;  // uses the compensator m, n^2 d operations a layer
};

template <class L>
std::unique_ptr<RegretLearner> make_regret_learner(Steps& steps) {
  return std::make_unique<L>(steps);
}

// A learner's file holds a static one of these.
struct RegisterRegretMethod {
  explicit RegisterRegretMethod(const RegretMethod& method);
};
std::vector<RegretMethod> regret_methods();
const RegretMethod& regret_method(const std::string& name);  // an Error with the nearest name

}  // namespace hardy::algorithms
