// A network of a learner: what it is made of (engine/nn/network.h), and where its parameters lie.
#pragma once

#include <string>
#include <vector>

#include "engine/nn/network.h"
#include "engine/nn/parameters.h"

namespace hardy::algorithms {

struct Network {
  std::string name;
  nn::ArchitecturePtr architecture;
  nn::Role role = nn::Role::kTrainable;
  std::vector<int> tensors;  // in the parameters' layout, in the architecture's order
};

}  // namespace hardy::algorithms
