// A registered method with some of its settings, as `hardy train` makes it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "algorithms/learning/method.h"
#include "engine/run/schema.h"

namespace hardy::test {

using Values = std::map<std::string, std::string>;

inline std::unique_ptr<algorithms::Method> method_with(const std::string& name, const Values& values) {
  auto method = algorithms::make_method(name);
  run::Schema schema("train " + name);
  method->options(schema);
  schema.apply(values, "test");
  method->check();
  return method;
}

// `values` over `usual` ones.
inline Values over(Values usual, const Values& values) {
  for (const auto& [key, value] : values) usual[key] = value;
  return usual;
}

}  // namespace hardy::test
