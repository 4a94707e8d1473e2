#include "engine/base/memory.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <limits>

#include "engine/base/error.h"

namespace hardy {

MachineMemory machine_memory() {
  MachineMemory m;
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  for (std::uint64_t kilobytes = 0; file >> name >> kilobytes; std::getline(file, unit)) {
    if (name == "MemTotal:") m.total = kilobytes * 1024;
    if (name == "MemAvailable:") m.available = kilobytes * 1024;
  }
  return m;
}

std::uint64_t bytes_of(std::initializer_list<std::int64_t> factors) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t product = 1;
  for (const std::int64_t factor : factors)
    if (factor == 0) return 0;
  for (const std::int64_t factor : factors) {
    const auto f = static_cast<std::uint64_t>(factor);
    if (product > most / f) return most;
    product *= f;
  }
  return product;
}

std::uint64_t bytes_together(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  return a > most - b ? most : a + b;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 7> kUnits{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  char text[64];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

void require_memory(std::uint64_t bytes, const std::string& what, const std::string& where,
                    const std::string& fix) {
  const MachineMemory m = machine_memory();
  if (m.available == 0 || bytes <= m.available) return;
  const bool more = bytes == std::numeric_limits<std::uint64_t>::max();
  throw Error(what + " takes " + (more ? "more than " : "") + bytes_text(bytes) + ", and this machine has " +
                  bytes_text(m.available) + " free of " + bytes_text(m.total),
              where, fix);
}

}  // namespace hardy
