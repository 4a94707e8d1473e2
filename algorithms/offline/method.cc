#include "algorithms/offline/method.h"

#include "engine/base/nearest.h"

namespace hardy::algorithms {
namespace {

struct Entry {
  std::string summary;
  std::unique_ptr<OfflineMethod> (*make)();
};
std::map<std::string, Entry>& registry() {
  static std::map<std::string, Entry> methods;
  return methods;
}

}  // namespace

std::map<std::string, std::string> OfflineMethod::preset(const std::string& name) const {
  throw Error("this method has no presets", "--preset " + name);
}

RegisterOfflineMethod::RegisterOfflineMethod(const std::string& name, const std::string& summary,
                                             std::unique_ptr<OfflineMethod> (*make)()) {
  registry()[name] = {summary, make};
}

std::unique_ptr<OfflineMethod> make_offline_method(const std::string& name) {
  const auto found = registry().find(name);
  if (found != registry().end()) return found->second.make();
  std::vector<std::string> names;
  for (const auto& [known, entry] : registry()) names.push_back(known);
  throw Error("there is no offline method '" + name + "'", "", suggestion(name, names));
}

std::vector<std::pair<std::string, std::string>> offline_methods() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [name, entry] : registry()) all.emplace_back(name, entry.summary);
  return all;
}

}  // namespace hardy::algorithms
