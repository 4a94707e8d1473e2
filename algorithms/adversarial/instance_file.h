// Instances as HDF5 files, which envs::make_instance() reads too once this stands beside it. Datasets, all
// float64 unless said:
//
//   phi    [H][S][A][d]     features                          required
//   mu     [H-1][d][S]      P_h(s'|s,a) = phi . mu_h(s')       this,
//   P      [H-1][S][A][S]   transition rows                    or this, or both (they must agree)
//   nu     [K][H][d]        losses phi . nu_k,h, cycled        this,
//   losses [K][H][S][A]     losses as tables, cycled           or this
//   start  [S]              law of the first state; optional: state 0
#pragma once

#include <filesystem>

#include "envs/linear_mdp/instance.h"

namespace hardy::algorithms {

envs::LinearEnvironment read_linear_environment(const std::filesystem::path& path);
// Writes losses of the episodes 0..rows-1.
void write_instance(const std::filesystem::path& path, const envs::Instance& instance, std::int64_t rows);

}  // namespace hardy::algorithms
