// What `hardy bench METHOD` can time, by families of methods: each is a file that registers itself.
#pragma once

#include <string>
#include <vector>

namespace hardy::tools {

struct BenchFamily {
  bool (*has)(const std::string& method);
  int (*run)(const std::vector<std::string>& args);  // the command's words, METHOD among them
};
struct RegisterBenchFamily {
  RegisterBenchFamily(const std::string& name, BenchFamily family);
};
// The family that has a method, or null.
const BenchFamily* bench_family_of(const std::string& method);

}  // namespace hardy::tools
