// The kernel that runs: its name, its grid, the block it is at.
#pragma once

#include <string>

#include "cuda/emulation/device/launch.h"

namespace hardy::emulation {

struct Launch {
  std::string name;    // demangled
  std::string symbol;  // as the linker knows it
  unsigned long long block_number = 0;
};
const Launch* running_launch();  // null: no device code runs
uint3 block_index(unsigned long long block_number);

}  // namespace hardy::emulation
