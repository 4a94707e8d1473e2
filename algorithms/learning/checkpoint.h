// A learner's whole state in an archive: networks with parameters, targets and the optimiser's moments,
// lasting values, counters.
//
//   header   learner: step, active, stop_reason, networks: a list of name, role (nn::Role), architecture
//            (nn::Architecture::describe) and tensors, a list of name and shape
//   tensors  learner/values: the networks' tensors one behind the other, each [agents, ...] beginning on 64
//            bytes; learner/first_moments, learner/second_moments: those of trainable ones alone, so too;
//            learner/state/NAME: one number an agent
//
// Format 1 knew no roles: `parameters`, a list of "q/w0 [1, 2, 14, 256]", and moments for all tensors.
#pragma once

#include <optional>
#include <string>

#include "algorithms/acting/actions.h"
#include "algorithms/learning/learner.h"
#include "engine/run/archive.h"

namespace hardy::algorithms {

inline constexpr int kCheckpointFormat = 2;

void save_learner(const Learner& learner, run::ArchiveWriter& file);
// An Error that names the tensor where the file is not of a learner that was built the same way.
void restore_learner(Learner& learner, const run::Archive& file, const std::string& path);

// What a file says of a learner, without a method to build one. The spans are the archive's memory.
struct SavedTensor {
  std::string name;
  Shape shape;
  std::span<const float> values, first_moments, second_moments;  // moments: of trainable ones
};
struct SavedNetwork {
  std::string name;
  nn::Role role = nn::Role::kTrainable;
  nn::ArchitecturePtr architecture;
  std::vector<SavedTensor> tensors;
};
struct SavedLearner {
  std::int64_t step = 0;
  std::vector<std::uint8_t> active;  // one an agent
  std::vector<std::string> stop_reason;
  std::vector<SavedNetwork> networks;

  const SavedNetwork* network(const std::string& name) const;  // null: there is none
};
SavedLearner saved_learner(const run::Archive& file, const std::string& path);

// The bounds that actions were scaled from, and what a checkpoint says of them: nothing where it was written
// before actions were scaled.
void save_bounds(const ActionBounds& bounds, run::ArchiveWriter& file);
std::optional<ActionBounds> saved_bounds(const run::Archive& file, const std::string& path);
// Refuses to go on with a learner that saw its actions otherwise than these bounds make them.
void require_bounds(const ActionBounds& bounds, const run::Archive& file, const std::string& path);

}  // namespace hardy::algorithms
