// Checkpoints written before networks were described in fields.
#pragma once

#include "algorithms/learning/checkpoint.h"

namespace hardy::algorithms {

// The networks of a file of format 1, from its list of parameters' names and shapes: layers of width w0, b0,
// w1, ... with ReLU between them, as all were, and single vectors. Their tensors have no values yet.
std::vector<SavedNetwork> networks_of_format_1(const nlohmann::json& learner, const std::string& path);

}  // namespace hardy::algorithms
