#include "algorithms/adversarial/learner.h"

#include <utility>

#include "engine/base/registry.h"

namespace hardy::algorithms {
namespace {

using Entry = std::pair<RegretMethod, LearnerMakers>;
Registry<Entry>& registry() {
  static Registry<Entry> learners("regret method", "--method");
  return learners;
}

}  // namespace

RegisterLearner::RegisterLearner(const RegretMethod& method, const LearnerMakers& makers) {
  registry().add(method.name, {method, makers});
}

const LearnerMakers& learner_makers(const std::string& name) { return registry().get(name).second; }
const RegretMethod& regret_method(const std::string& name) { return registry().get(name).first; }

std::vector<RegretMethod> regret_methods() {
  std::vector<RegretMethod> all;
  for (const auto& [name, value] : registry()) all.push_back(value.first);
  return all;
}

}  // namespace hardy::algorithms
