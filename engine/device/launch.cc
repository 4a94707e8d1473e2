#include "engine/device/launch.h"

#include <map>

#include "engine/base/error.h"
#include "engine/base/registry.h"

namespace hardy::device {
namespace {

struct Entry {
  const std::type_info* type;
  AnyLaunch launch;
};
Registry<Entry>& table(const std::string& backend) {
  static std::map<std::string, Registry<Entry>> tables;
  return tables.try_emplace(backend, "work outside of graphs", backend).first->second;
}

}  // namespace

void register_launch(const std::string& backend, const std::string& name, const std::type_info& type,
                     AnyLaunch launch) {
  table(backend).add(name, {&type, launch});
}

AnyLaunch find_any_launch(const Device& device, const std::string& name, const std::type_info& type) {
  const Entry* entry = table(device.backend()).find(name);
  if (!entry) throw Error("has nothing to launch for " + name, device.info().name);
  if (*entry->type != type)
    throw Error("was built with other arguments of " + name, "the library of " + device.info().name,
                "build it anew, with this one");
  return entry->launch;
}

std::vector<std::string> launch_names(const std::string& backend) { return table(backend).names(); }

}  // namespace hardy::device
