// What the actions of a dataset are: numbers, within bounds where the file says some, or choices.
#pragma once

#include <string>
#include <vector>

#include "datasets/store.h"

namespace hardy::datasets {

struct ActionSpace {
  bool discrete = false;
  std::string evidence;  // what says so: "int64 [1000]", "Discrete by the file's action_space"
  // The file's own bounds, one pair a dimension; empty where it says none, or one that is not finite.
  std::vector<float> low, high;
};

// Choices are actions of an integer type or boolean, and those that the file's action_space (Minari's
// metadata) calls Discrete, MultiDiscrete or MultiBinary, also as a part of a Dict or Tuple. Bounds come from
// a Box. An Error where the dataset has no actions.
ActionSpace action_space(const Reader& reader);

}  // namespace hardy::datasets
