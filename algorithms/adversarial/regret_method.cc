#include "algorithms/adversarial/regret_method.h"

#include <limits>

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/base/registry.h"
#include "engine/base/text.h"

namespace hardy::algorithms {
namespace {

Registry<RegretMethod>& registry() {
  static Registry<RegretMethod> learners("regret method", "--method");
  return learners;
}

}  // namespace

ResolvedSettings resolve(const RegretMethod& method, const SettingsRequest& request, const Sizes& sizes) {
  if (method.scaling != Scaling::kOwn) return resolve(method.scaling, request, sizes);
  const auto at = [&](const std::string& law, const char* what) {
    return StepLaw(law, method.name + "'s " + what).at(sizes);
  };
  return resolve(
      method.scaling, request, sizes,
      {at(method.steps.eta, "eta"), at(method.steps.beta, "beta"), at(method.steps.gamma, "gamma")});
}

double theory_exponent(const RegretMethod& method, const SettingsRequest& request) {
  const bool given = request.preset == "explicit" || request.eta || request.beta || request.gamma;
  if (given) return std::numeric_limits<double>::quiet_NaN();
  if (method.scaling == Scaling::kOwn && method.steps.exponent > 0) return method.steps.exponent;
  return theory_exponent(method.scaling);
}

std::map<std::string, double> keys_of(const RegretMethod& method, const std::map<std::string, StepLaw>& given,
                                      const Sizes& sizes) {
  std::map<std::string, double> values;
  std::vector<std::string> names;
  for (const RegretKey& key : method.keys) {
    names.push_back(key.name);
    const auto found = given.find(key.name);
    const StepLaw law = found != given.end() ? found->second : StepLaw(key.law, method.name + ":" + key.name);
    const double value = law.at(sizes);
    if (!(value >= key.low && value <= key.high))
      throw Error(key.name + " = " + to_text(value) + " at K = " + std::to_string(sizes.K), method.name,
                  "from " + to_text(key.low) + " to " + to_text(key.high) + " would be right");
    values[key.name] = value;
  }
  for (const auto& [name, law] : given)
    if (!values.contains(name))
      throw Error("the method has no key '" + name + "'", method.name, suggestion(name, names));
  return values;
}

RegisterRegretMethod::RegisterRegretMethod(const RegretMethod& method) {
  for (const RegretKey& key : method.keys)  // what parse_method() gives every method
    for (const char* taken : {"preset", "c_eta", "c_beta", "c_gamma", "eta", "beta", "gamma", "covariance",
                              "M", "N", "reuse", "label"})
      if (key.name == taken)
        throw Error("a key of its own is named '" + key.name + "'", method.name, "every method has that one");
  registry().add(method.name, method);
}

const RegretMethod& regret_method(const std::string& name) { return registry().get(name); }

const SimulatorForm& simulator_form(const RegretMethod& method, const std::string& where) {
  if (method.simulator) return *method.simulator;
  std::string known;
  for (const auto& [name, other] : registry())
    if (other.simulator) known += (known.empty() ? "" : ", ") + name;
  throw Error("'" + method.name + "' needs tables and does not go through a simulator alone", where,
              "known: " + known);
}

std::vector<RegretMethod> regret_methods() {
  std::vector<RegretMethod> all;
  for (const auto& [name, method] : registry()) all.push_back(method);
  return all;
}

}  // namespace hardy::algorithms
