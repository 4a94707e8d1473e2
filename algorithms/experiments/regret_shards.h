// Studies that are parts of a larger one (RegretStudySettings::shard), put together: replicas of the same K
// side by side, one K after the other.
#pragma once

#include <string>
#include <vector>

#include "algorithms/experiments/regret_results.h"

namespace hardy::algorithms {

// What one shard says of its method, and what it was played on.
struct RegretShard {
  EnvironmentResults study;  // without methods
  MethodResults method;
};
// The shards of one line of a comparison.
struct RegretLine {
  std::string label;
  std::vector<RegretShard> shards;
};

// One study of the K that all lines have, and growth over them as `hardy regret` fits it. Notes say which K
// and lines are not all there. Of lines without a common K: a study without methods.
EnvironmentResults together(const std::string& name, const std::vector<RegretLine>& lines,
                            std::vector<std::string>& notes, std::uint64_t seed = 0, int resamples = 2000);

}  // namespace hardy::algorithms
