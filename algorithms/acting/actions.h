// The actions that continuous methods see. Networks speak in [-1, 1]: a dataset's or a replay's actions are
// brought there before learning, and a policy's outputs are stretched back to the task's bounds when it acts.
#pragma once

#include <cstdint>
#include <string>

#include "algorithms/acting/bounds.h"
#include "datasets/action_space.h"
#include "datasets/transitions.h"
#include "envs/environment.h"

namespace hardy::algorithms {

// The bounds of a file that no task goes with: its own action_space where it says one, otherwise [-1, 1] for
// each dimension that lies therein, and the least and the largest action for the others.
ActionBounds bounds_of(const datasets::Transitions& t, const datasets::ActionSpace& space);

// What of a dataset lies outside of the bounds, beyond rounding (1e-6 of half the range).
struct OutsideActions {
  std::int64_t rows = 0;          // with at least one such value
  std::int64_t row = 0, dim = 0;  // the furthest outside, and its value
  float value = 0;
};
OutsideActions outside_of(const ActionBounds& bounds, const datasets::Transitions& t);
// Those values moved to the nearest bound.
void clip_actions(const ActionBounds& bounds, datasets::Transitions& t);

// Whether a file's numbers look like indices: one dimension, whole numbers from 0 to at most 1000, not all 0.
bool look_like_choices(const datasets::Transitions& t);

// Methods whose policies give numbers within bounds refuse tasks and files of choices. An Error says what
// the task or the file has; `who` cannot use it ("bc", "this policy").
void require_continuous(const envs::EnvSpec& spec, const std::string& who);
void require_continuous(const datasets::ActionSpace& space, const std::string& path, const std::string& who);

}  // namespace hardy::algorithms
