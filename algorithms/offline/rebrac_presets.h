// The published coefficients of ReBRAC, by task and dataset.
#pragma once

#include <map>
#include <string>

namespace hardy::algorithms {

// "hopper/medium-replay" -> {actor-bc-coef, critic-bc-coef}. An Error with the nearest name otherwise.
std::map<std::string, std::string> rebrac_preset(const std::string& name);

}  // namespace hardy::algorithms
