// Windows of T consecutive steps of one episode, as sequence models learn from them (Decision Transformer,
// Chen et al. 2021, arXiv 2106.01345): a window for every row, which begins there and ends T steps later or
// with the episode. A shorter one is padded behind its end with zeros, and masked (the released code pads it
// in front, with actions of -10: as masks hide padding and positions are those in the episode, the same).
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/transitions.h"

namespace hardy::datasets {

struct Windows {
  std::int32_t rows = 0;   // N windows
  std::int64_t steps = 0;  // of T
  int observation_size = 0, action_size = 0;
  // [N, T]: the rows below that a window holds; N, the row of zeros, where it is padding. 4 T bytes a row.
  std::vector<std::int32_t> positions;
  std::vector<std::int32_t> lengths;  // [N]: 1 to T steps that are not padding
  // [N]: 0 and 3 lengths, the first and the end of a window's tokens where a step is three of them.
  std::vector<std::int32_t> token_starts, token_ends;
  // [N + 1, ...], the last row zeros:
  std::vector<float> observations, actions, rewards;
  std::vector<float> returns_to_go;     // the sum of the rewards from this step to its episode's end
  std::vector<std::int32_t> timesteps;  // counted from its episode's first row, 0
  std::vector<float> valid;             // 1, and 0 of padding
};

// Consecutive rows are steps of an episode up to where episode_end is set; the last row ends one. An Error
// where T < 1 or there are more rows than an i32 counts.
Windows windows_of(const Transitions& transitions, std::int64_t steps);

}  // namespace hardy::datasets
