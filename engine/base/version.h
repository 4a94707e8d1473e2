// Which release this is.
#pragma once

#include <string>

namespace hardy {

std::string version();  // "0.1.0"

}  // namespace hardy
