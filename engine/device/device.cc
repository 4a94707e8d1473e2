#include "engine/device/device.h"

#include <cstdio>

#include "engine/base/error.h"

namespace hardy::device {
namespace {

std::string gibibytes(std::size_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f GiB", static_cast<double>(bytes) / (1 << 30));
  return text;
}

}  // namespace

void Device::require(std::size_t bytes) const {
  const Info now = info();
  if (bytes > now.memory_free_bytes)
    throw Error("too little memory: " + gibibytes(bytes) + " are needed, " +
                    gibibytes(now.memory_free_bytes) + " of " + gibibytes(now.memory_bytes) + " are free",
                "--device " + now.name, "fewer agents, a smaller batch, network or dataset need less");
}

}  // namespace hardy::device
