// What this binary was built from, for run directories and --version.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace hardy::run {

// {"version","source","compiler","type","arch","sanitizers"}
nlohmann::json build_info();

}  // namespace hardy::run
