// Every replica's regret at log-spaced episodes, of every K of a study, as files for others' programs.
#pragma once

#include <filesystem>

#include "algorithms/experiments/regret_results.h"

namespace hardy::algorithms {

// Whether write_curves() knows a format by this name's ending: .csv or .npz.
bool is_curves_file(const std::filesystem::path& path);

// Of results that keep them (RegretStudySettings::keep_curves); whole or not at all.
//   .csv   env,method,K,seed,episode,regret: a line a replica and point
//   .npz   ENV/LABEL/K/episode [points], ENV/LABEL/K/seed [replicas], ENV/LABEL/K/regret [replicas, points]
// An Error where the name ends otherwise.
void write_curves(const std::filesystem::path& path, const RegretResults& results);

}  // namespace hardy::algorithms
