#include "engine/graph/device_kernels.h"

#include <map>

#include "engine/base/registry.h"

namespace hardy::graph {
namespace {

Registry<DeviceKernel>& table(const std::string& backend) {
  static std::map<std::string, Registry<DeviceKernel>> tables;
  return tables.try_emplace(backend, "kernel", backend).first->second;
}

std::map<std::string, Chains>& all_chains() {
  static std::map<std::string, Chains> all;
  return all;
}

}  // namespace

RegisterChains::RegisterChains(const std::string& backend, Chains chains) {
  all_chains()[backend] = std::move(chains);
}
const Chains& find_chains(const std::string& backend) { return all_chains()[backend]; }

std::string kernel_key(const Op& op) {
  std::string key = op.name;
  for (const int operand : op.derivatives)
    if (operand >= 0) key += "/d" + std::to_string(operand);
  return key;
}

RegisterKernel::RegisterKernel(const std::string& backend, const std::string& key, DeviceKernel kernel) {
  table(backend).add(key, kernel);
}

DeviceKernel find_kernel(const std::string& backend, const std::string& key) {
  const DeviceKernel* kernel = table(backend).find(key);
  return kernel ? *kernel : nullptr;
}

std::vector<std::string> kernel_keys(const std::string& backend) { return table(backend).names(); }

}  // namespace hardy::graph
