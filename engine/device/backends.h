// Where devices come from: backends register at start, or lie as libraries beside this one and are loaded
// when a device of theirs is asked for. An engine that was built without one simply lacks it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/registry.h"
#include "engine/device/device.h"
#include "engine/device/group.h"

namespace hardy::device {

struct Backend {
  std::string name;                                                    // "cuda"
  std::vector<Info> (*devices)();                                      // what is seen
  std::string (*obstacle)();                                           // why none can be used; "" if one can
  std::unique_ptr<Device> (*open)(int index, const Options& options);  // index < devices().size()
  std::unique_ptr<Group> (*group)(std::span<Device* const> devices);   // of its own, that open gave
};
struct RegisterBackend {
  explicit RegisterBackend(const Backend& backend);  // an Error where the name is taken
};
const Registry<Backend>& backends();
// Loads libhardy_<name>.so where it lies beside this library and the backend is not there yet; false where
// there is none. An Error where it cannot be loaded.
bool load_backend(const std::string& name);

// "cuda" (its first device), "cuda:1". An Error: no such backend (and what adds it), no device, no such
// index.
std::unique_ptr<Device> open_device(const std::string& name, const Options& options = {});
// Of one backend, in this order: "cuda:0,1"; each of the names that open_device knows is one. An Error that
// names the device, or says that it is there twice.
std::vector<std::unique_ptr<Device>> open_devices(const std::string& names, const Options& options = {});
std::size_t count_of(const std::string& names);  // how many they are, whether there or not; of "cpu" none
// What a command's --device chose: null for "cpu", where options that are for GPUs are an Error.
std::unique_ptr<Device> open_chosen_device(const std::string& name, const Options& options);
std::vector<std::unique_ptr<Device>> open_chosen_devices(const std::string& names, const Options& options);

}  // namespace hardy::device
