#include "engine/graph/device.h"

#include <dlfcn.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <map>

#include "engine/base/error.h"

namespace hardy::graph {
namespace {

std::map<std::string, DeviceKernel>& table(const std::string& backend) {
  static std::map<std::string, std::map<std::string, DeviceKernel>> tables;
  return tables[backend];
}
std::vector<Backend>& registered() {
  static std::vector<Backend> all;
  return all;
}

std::string gibibytes(std::size_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f GiB", static_cast<double>(bytes) / (1 << 30));
  return text;
}

}  // namespace

void Device::require(std::size_t bytes) const {
  const DeviceInfo now = info();
  if (bytes > now.memory_free_bytes)
    throw Error("too little memory: " + gibibytes(bytes) + " are needed, " +
                    gibibytes(now.memory_free_bytes) + " of " + gibibytes(now.memory_bytes) + " are free",
                "--device " + now.name, "fewer agents, a smaller batch, network or dataset need less");
}

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

RegisterBackend::RegisterBackend(const Backend& backend) { registered().push_back(backend); }
const std::vector<Backend>& backends() { return registered(); }

bool load_backend(const std::string& name) {
  for (const Backend& b : registered())
    if (b.name == name) return true;
  if (name.empty() || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") != std::string::npos)
    return false;
  Dl_info here{};
  if (dladdr(reinterpret_cast<const void*>(&load_backend), &here) == 0) return false;
  std::string file = "libhardy_" + name + ".so";
  std::ranges::replace(file, '-', '_');
  const std::filesystem::path path = std::filesystem::absolute(here.dli_fname).parent_path() / file;
  if (!std::filesystem::exists(path)) return false;
  if (!dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL))
    throw Error(std::string("cannot be loaded: ") + dlerror(), path.string());
  return true;
}

std::unique_ptr<Device> open_device(const std::string& name, const DeviceOptions& options) {
  const std::string where = "--device " + name;
  const std::size_t colon = name.find(':');
  const std::string backend = name.substr(0, colon);
  int index = 0;
  if (colon != std::string::npos) {
    const char* end = name.data() + name.size();
    const auto [at, error] = std::from_chars(name.data() + colon + 1, end, index);
    if (error != std::errc() || at != end || index < 0)
      throw Error("'" + name.substr(colon + 1) + "' is no device index", where, "e.g. " + backend + ":0");
  }
  load_backend(backend);
  std::string known = "cpu, cuda, cuda:N";
  for (const Backend& b : registered()) {
    if (b.name != backend) continue;
    if (const std::string obstacle = b.obstacle(); !obstacle.empty()) throw Error(obstacle, where);
    const std::size_t count = b.devices().size();
    if (static_cast<std::size_t>(index) >= count)
      throw Error("there is no device " + std::to_string(index), where,
                  count == 1 ? "this machine has one: " + backend + ":0"
                             : "this machine has " + std::to_string(count) + ", counted from 0");
    return b.open(index, options);
  }
  if (backend == "cuda")
    throw Error(
        "the CUDA library was not built", where,
        "with Debian's nvidia-cuda-toolkit or NVIDIA's cuda-toolkit-13-0 installed: tools/build release "
        "--target hardy_cuda");
  throw Error("there is no such device", where, "known: " + known);
}

std::unique_ptr<Device> open_chosen_device(const std::string& name, const DeviceOptions& options) {
  if (name != "cpu") return open_device(name, options);
  if (options.tf32) throw Error("is for GPUs", "--tf32", "leave it out, or add --device cuda");
  return nullptr;
}

}  // namespace hardy::graph
