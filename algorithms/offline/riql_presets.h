// The published settings of RIQL, by environment, attacked element and kind of attack.
#pragma once

#include <map>
#include <string>

namespace hardy::algorithms {

// "hopper/dynamics/random" -> {critics, alpha, sigma}; "default" for data without corruption flags.
// An Error with the nearest name otherwise.
std::map<std::string, std::string> riql_preset(const std::string& name);

}  // namespace hardy::algorithms
