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
  algorithms::FittedQSettings fit;

  void options(run::Schema& schema);
};

int eval_offline(const std::vector<std::filesystem::path>& files, const OfflineEvalOptions& options,
                 std::uint64_t seed, bool json);

}  // namespace hardy::tools
