#include "algorithms/adversarial/regret_method.h"

#include "engine/base/registry.h"

namespace hardy::algorithms {
namespace {

Registry<RegretMethod>& registry() {
  static Registry<RegretMethod> learners("regret method", "--method");
  return learners;
}

}  // namespace

RegisterRegretMethod::RegisterRegretMethod(const RegretMethod& method) {
  registry().add(method.name, method);
}

const RegretMethod& regret_method(const std::string& name) { return registry().get(name); }

std::vector<RegretMethod> regret_methods() {
  std::vector<RegretMethod> all;
  for (const auto& [name, method] : registry()) all.push_back(method);
  return all;
}

}  // namespace hardy::algorithms
