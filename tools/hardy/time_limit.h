// --time-limit of the commands that look at a dataset's episodes.
#pragma once

#include <cstdint>

#include "engine/run/schema.h"

namespace hardy::tools {

inline run::Schema& time_limit_option(run::Schema& schema, std::int64_t* steps) {
  return schema.option(
      "time-limit", steps,
      "steps after which a file without timeouts cuts an episode; 0: as its metadata or D4RL's task of its "
      "name says, else nowhere",
      0, 1000000000);
}

}  // namespace hardy::tools
