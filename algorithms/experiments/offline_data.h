// The dataset of an offline run, from its settings to what is learned from: read, checked, cut into
// transitions, corrupted in memory, judged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "algorithms/experiments/prepared_data.h"
#include "datasets/corruption/corrupt.h"
#include "engine/run/observer.h"
#include "envs/environment.h"

namespace hardy::algorithms {

struct DataSettings {
  std::string dataset, view = "lossless";
  std::int64_t time_limit = 0;       // after which a file without timeouts cuts; 0: what is known of it
  std::vector<std::string> corrupt;  // elements
  datasets::CorruptionSettings corruption;  // its rate, scale and generator
  std::int64_t corrupt_seed = 0;
  std::string clean = "none";  // models, scores
};

// Who learns from them.
struct DataUser {
  std::string method;                 // its name
  bool imitates = false;              // needs observations and actions alone
  std::int64_t threads = 0;           // that judge; 0: all cores
  run::Observer* observer = nullptr;  // hears how far judging is
};

// `task`: where the run is evaluated, whose episodes have a length. Errors name the file and the key.
PreparedData load_data(const DataSettings& settings, const std::optional<envs::EnvSpec>& task,
                       const DataUser& user);

// All that load_data() depends on; where columns are missing also on whether the method needs them.
nlohmann::json description_of(const DataSettings& settings, const std::optional<envs::EnvSpec>& task);

// The run's line about what judging found, its summary's "cleaning".
std::string cleaning_note(const DataSettings& settings, const nlohmann::json& cleaning);

}  // namespace hardy::algorithms
