// What the commands say of GPUs.
#pragma once

#include <string>

namespace hardy::tools {

// Why no GPU can be used here, and what would help; "" if one can.
std::string cuda_obstacle();

}  // namespace hardy::tools
