// `hardy eval PATH --offline --dataset F`: what policies are worth by data alone.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "algorithms/offline/fitted_q.h"

namespace hardy::tools {

struct OfflineEvalOptions {
  bool offline = false;
  std::string dataset, view = "lossless";
  std::int64_t threads = 0;
  double kept = 0.9;  // of the rows, in the trimmed TD error
  algorithms::FittedQSettings fit;

  void options(run::Schema& schema);
};

// run: the folder whose agents' policies the files are, in order; "" of a file by itself.
int eval_offline(const std::vector<std::filesystem::path>& files, const std::filesystem::path& run,
                 const OfflineEvalOptions& options, std::uint64_t seed, bool json);

// The same of all policies of a grid's ended cells, and how well it orders them.
bool is_grid(const std::filesystem::path& folder);
int eval_grid_offline(const std::filesystem::path& folder, const OfflineEvalOptions& options,
                      std::uint64_t seed, bool json);

}  // namespace hardy::tools
