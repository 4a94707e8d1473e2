#include "algorithms/learning/method.h"

namespace hardy::algorithms {

Registry<MethodEntry>& methods() {
  static Registry<MethodEntry> all("method", "");
  return all;
}

std::unique_ptr<Method> make_method(const std::string& name, const std::string& where) {
  if (const MethodEntry* entry = methods().find(name)) return entry->make();
  throw Error("there is no method '" + name + "'", where, suggestion(name, methods().names()));
}

}  // namespace hardy::algorithms
