// What this build is, for --version, run directories and file headers.
#pragma once

#include <string>

namespace hardy {

std::string version();         // "0.1.0"
std::string source_version();  // short git revision the build was configured from, or "unknown"

}  // namespace hardy
