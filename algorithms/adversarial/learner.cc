#include "algorithms/adversarial/learner.h"

#include <map>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/nearest.h"

namespace hardy::algorithms {
namespace {

using Entry = std::pair<RegretMethod, LearnerMakers>;
std::map<std::string, Entry>& registry() {
  static std::map<std::string, Entry> learners;
  return learners;
}

const Entry& entry(const std::string& name) {
  const auto found = registry().find(name);
  if (found != registry().end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, value] : registry()) names.push_back(known);
  throw Error("there is no regret method '" + name + "'", "--method", suggestion(name, names));
}

}  // namespace

RegisterLearner::RegisterLearner(const RegretMethod& method, const LearnerMakers& makers) {
  registry()[method.name] = {method, makers};
}

const LearnerMakers& learner_makers(const std::string& name) { return entry(name).second; }
const RegretMethod& regret_method(const std::string& name) { return entry(name).first; }

std::vector<RegretMethod> regret_methods() {
  std::vector<RegretMethod> all;
  for (const auto& [name, value] : registry()) all.push_back(value.first);
  return all;
}

}  // namespace hardy::algorithms
