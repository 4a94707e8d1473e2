// hardy devices: what --device may name on this machine.
#include <cstdio>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/device/backends.h"
#include "engine/run/json_text.h"
#include "engine/run/schema.h"
#include "tools/hardy/command.h"
#include "tools/hardy/cuda_backend.h"
#include "tools/hardy/machine.h"

namespace hardy::tools {

std::string cuda_obstacle() {
  try {
    if (!device::load_backend("cuda")) {
      const std::string nvcc = path_of_nvcc();
      return nvcc.empty() ? "the CUDA library was not built; install nvidia-cuda-toolkit and build again"
                          : "the CUDA library was not built; build it with " + nvcc +
                                ": tools/build release --target hardy_cuda";
    }
  } catch (const Error& e) {
    return e.message();
  }
  if (const device::Backend* cuda = device::backends().find("cuda")) return cuda->obstacle();
  return "the CUDA library registers no device";
}

namespace {

int devices(const std::vector<std::string>& args) {
  bool json = false;
  run::Schema schema("devices", "What --device may name on this machine.");
  schema.option("json", &json, "print one JSON list");
  if (!parse_or_help(schema, args)) return 0;
  const Machine m = look_at_machine();
  std::vector<device::Info> all{
      {"cpu", m.processor + ", " + std::to_string(m.cores) + " cores", m.memory_bytes, m.memory_free_bytes}};
  const std::string obstacle = cuda_obstacle();
  for (const auto& [name, b] : device::backends())
    for (const device::Info& d : b.devices()) all.push_back(d);
  nlohmann::json list = nlohmann::json::array();
  for (const device::Info& d : all) {
    list.push_back({{"name", d.name},
                    {"about", d.about},
                    {"memory_bytes", d.memory_bytes},
                    {"memory_free_bytes", d.memory_free_bytes}});
    const auto gibibytes = [](std::size_t bytes) { return static_cast<double>(bytes) / (1 << 30); };
    if (!json)
      std::printf("  %-10s %s; %.1f GiB, %.1f free\n", d.name.c_str(), d.about.c_str(),
                  gibibytes(d.memory_bytes), gibibytes(d.memory_free_bytes));
  }
  if (json)
    std::printf("%s\n", run::json_text(list).c_str());
  else if (!obstacle.empty())
    std::printf("  no GPU: %s\n", obstacle.c_str());
  return 0;
}

const RegisterCommand registration({"devices", "what --device may name on this machine", devices});

}  // namespace
}  // namespace hardy::tools
