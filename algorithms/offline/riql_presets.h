// The published settings of RIQL, by environment, attacked element and kind of attack.
#pragma once

#include <map>
#include <string>

namespace hardy::algorithms {

// "hopper/dynamics/random" -> {critics, alpha, sigma}; "default" for data without corruption flags; "hardy"
// for the setting of this engine that needs no table: what cleaning by models says, as repairs and as
// weights, a robust loss that believes rows which end their episode, and a policy that is a running mean. An
// Error with the nearest name otherwise.
std::map<std::string, std::string> riql_preset(const std::string& name);

}  // namespace hardy::algorithms
