#include "engine/graph/device_kernels.h"

#include <map>

#include "engine/base/error.h"

namespace hardy::graph {
namespace {

std::map<std::string, DeviceKernel>& table(const std::string& backend) {
  static std::map<std::string, std::map<std::string, DeviceKernel>> tables;
  return tables[backend];
}

}  // namespace

std::string kernel_key(const Op& op) {
  std::string key = op.name;
  for (const int operand : op.derivatives)
    if (operand >= 0) key += "/d" + std::to_string(operand);
  return key;
}

RegisterKernel::RegisterKernel(const std::string& backend, const std::string& key, DeviceKernel kernel) {
  if (!table(backend).emplace(key, kernel).second)
    throw Error("two kernels are registered for one op", backend + " " + key);
}

DeviceKernel find_kernel(const std::string& backend, const std::string& key) {
  const auto& kernels = table(backend);
  const auto found = kernels.find(key);
  return found == kernels.end() ? nullptr : found->second;
}

std::vector<std::string> kernel_keys(const std::string& backend) {
  std::vector<std::string> keys;
  for (const auto& [key, kernel] : table(backend)) keys.push_back(key);
  return keys;
}

}  // namespace hardy::graph
