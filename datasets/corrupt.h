// Corruption on purpose, as the offline literature does it (RIQL's released attack code): random noise
// on observations, actions, rewards or next observations of a share of the transitions, and its record.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "datasets/hdf5_file.h"
#include "datasets/transitions.h"

namespace hardy::datasets {

enum class Element { kObservations, kActions, kRewards, kDynamics };
std::string name_of(Element element);            // "observations", ...
Element element_named(const std::string& name);  // the singular is understood too
std::string column_of(Element element);          // the dataset's key: dynamics are next_observations

struct CorruptionSettings {
  std::vector<Element> elements;  // applied in the order observations, actions, rewards, dynamics
  double rate = 0.3;              // each row attacked with this probability
  double scale = 1.0;             // the noise's range
  std::uint64_t seed = 0;
  // "numpy": RandomState(seed) anew for each element, N mask draws, then the noise row by row: the
  // published masks and noise bit for bit. "philox": this engine's streams.
  std::string generator = "philox";
};

// What was done to one column: which rows, and what they held before.
struct Change {
  Element element;
  std::vector<std::int64_t> rows;
  std::vector<float> before;  // [rows.size(), width]
};

// Corrupts one column [rows, width] in place. std is the column's own population standard deviation,
// taken per dimension before the attack:
//   observations, actions, dynamics: x + U(-scale, scale) std;  rewards: replaced by U(-30 scale, 30 scale)
Change corrupt_column(Element element, std::span<float> column, int width,
                      const CorruptionSettings& settings);

// All elements of a set of transitions, in memory: what the published training pipeline does.
std::vector<Change> corrupt(Transitions& transitions, const CorruptionSettings& settings);

// A D4RL file's arrays: the same columns, over all N rows; next_observations are made from the
// following row where the file has none. Adds the record under /hardy.
void corrupt(Arrays& arrays, const CorruptionSettings& settings, const std::string& input_name,
             const std::string& input_sha256);
// Restores every array to what it was, bit for bit, and removes the record.
void undo(Arrays& arrays, const std::string& path);

// The record's manifest, or null.
nlohmann::json corruption_manifest(const Arrays& arrays);

}  // namespace hardy::datasets
