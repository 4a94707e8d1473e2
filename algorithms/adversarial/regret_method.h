// A learner: one file in boxes/ that reads like the paper's box, made for a group of replicas, registered by
// name.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "algorithms/adversarial/step_law.h"
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

// A number of a method's own, given behind its name as "mine:share=0.1", and its default: numbers, or laws of
// the sizes (step_law.h).
struct RegretKey {
  std::string name, law, summary;
  double low = 0, high = 1e12;
};

// The unit sizes of a method whose scaling is kOwn, as laws.
struct OwnSteps {
  std::string eta, beta = "0", gamma = "1";
  double exponent = 0;  // the x of R ~ K^x that its theory shows; 0: none
};

// How a method goes where it holds a simulator and no tables (simulated/learner.h).
struct SimulatorForm {
  bool barrier = false;  // log-barrier FTRL; else exponential weights
  bool reduced = false;  // magnitude-reduced estimates
};

struct RegretMethod {
  std::string name, summary;
  Scaling scaling = Scaling::kNone;
  std::unique_ptr<RegretLearner> (*make)(Steps&) = nullptr;
  bool lanes = true;                                      // false: replicas go one by one
  bool costs = true;                                      // keeps the table C
  bool covariance = true;                                 // uses Sigma-dagger
  bool magnitude = false;                                 // uses the compensator m, n^2 d operations a layer
  OwnSteps steps = {};                                    // of Scaling::kOwn
  std::vector<RegretKey> keys = {};                       // its learner reads them as steps.game.key(NAME)
  std::optional<SimulatorForm> simulator = std::nullopt;  // none: it needs tables
  // Every episode calls the same Steps, which hold all that the learner keeps: a device may play it.
  bool fixed_steps = false;
};

// resolve() of settings.h by the method's scaling, or by its own laws.
ResolvedSettings resolve(const RegretMethod& method, const SettingsRequest& request, const Sizes& sizes);
// The x of R ~ K^x that theory shows for the method at the sizes that are asked for: of its own or theory's
// laws, however multiplied. NaN where sizes are given instead, or nobody has shown one.
double theory_exponent(const RegretMethod& method, const SettingsRequest& request);
// The method's own keys at these sizes: those that are given, the others' defaults. An Error on one that it
// does not have, or on a value that is out of its bounds.
std::map<std::string, double> keys_of(const RegretMethod& method, const std::map<std::string, StepLaw>& given,
                                      const Sizes& sizes);

template <class L>
std::unique_ptr<RegretLearner> make_regret_learner(Steps& steps) {
  return std::make_unique<L>(steps);
}

// A learner's file holds a static one of these; so does one out of tree that `hardy --plugin` loads
// (docs/own_studies.md).
struct RegisterRegretMethod {
  explicit RegisterRegretMethod(const RegretMethod& method);
};
std::vector<RegretMethod> regret_methods();
const RegretMethod& regret_method(const std::string& name);  // an Error with the nearest name
// Its form; where it has none an Error that says which methods have one. where: the key that asked for it.
const SimulatorForm& simulator_form(const RegretMethod& method, const std::string& where);

}  // namespace hardy::algorithms
