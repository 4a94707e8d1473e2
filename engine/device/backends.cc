#include "engine/device/backends.h"

#include <dlfcn.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>

#include "engine/base/error.h"

namespace hardy::device {
namespace {

Registry<Backend>& registered() {
  static Registry<Backend> all("device", "--device");
  return all;
}

}  // namespace

RegisterBackend::RegisterBackend(const Backend& backend) { registered().add(backend.name, backend); }
const Registry<Backend>& backends() { return registered(); }

bool load_backend(const std::string& name) {
  if (registered().find(name)) return true;
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

std::unique_ptr<Device> open_device(const std::string& name, const Options& options) {
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
  if (const Backend* b = registered().find(backend)) {
    if (const std::string obstacle = b->obstacle(); !obstacle.empty()) throw Error(obstacle, where);
    const std::size_t count = b->devices().size();
    if (static_cast<std::size_t>(index) >= count)
      throw Error("there is no device " + std::to_string(index), where,
                  count == 1 ? "this machine has one: " + backend + ":0"
                             : "this machine has " + std::to_string(count) + ", counted from 0");
    return b->open(index, options);
  }
  if (backend == "cuda")
    throw Error(
        "the CUDA library was not built", where,
        "with Debian's nvidia-cuda-toolkit or NVIDIA's cuda-toolkit-13-0 installed: tools/build release "
        "--target hardy_cuda");
  throw Error("there is no such device", where, "known: cpu, cuda, cuda:N");
}

std::vector<std::unique_ptr<Device>> open_devices(const std::string& names, const Options& options) {
  std::vector<std::unique_ptr<Device>> all;
  const std::size_t colon = names.find(':');
  const std::string backend = names.substr(0, colon);
  if (count_of(names) < 2) {
    all.push_back(open_device(names, options));
    return all;
  }
  std::vector<std::string> said;
  for (std::size_t at = colon + 1, end = at; end != std::string::npos; at = end + 1) {
    end = names.find(',', at);
    const std::string name = backend + ":" + names.substr(at, end == std::string::npos ? end : end - at);
    if (std::ranges::find(said, name) != said.end())
      throw Error("names " + name + " twice", "--device " + names, "each device trains once");
    said.push_back(name);
    all.push_back(open_device(name, options));
  }
  return all;
}

std::unique_ptr<Group> make_group(std::span<Device* const> devices) {
  return registered().find(devices.front()->backend())->group(devices);
}

std::size_t count_of(const std::string& names) {
  if (names == "cpu") return 0;
  return names.find(':') == std::string::npos ? 1
                                              : 1 + static_cast<std::size_t>(std::ranges::count(names, ','));
}

namespace {

// Without a GPU.
void refuse_options_for_gpus(const Options& options) {
  for (const auto& [given, option] : {std::pair{options.products == Products::kTf32, "--tf32"},
                                      {options.products == Products::kThreeTf32, "--tf32x3"},
                                      {options.branches != Options{}.branches, "--branches"}})
    if (given) throw Error("is for GPUs", option, "leave it out, or add --device cuda");
}

}  // namespace

std::unique_ptr<Device> open_chosen_device(const std::string& name, const Options& options) {
  if (name != "cpu") return open_device(name, options);
  refuse_options_for_gpus(options);
  return nullptr;
}

std::vector<std::unique_ptr<Device>> open_chosen_devices(const std::string& names, const Options& options) {
  if (names != "cpu") return open_devices(names, options);
  refuse_options_for_gpus(options);
  return {};
}

}  // namespace hardy::device
