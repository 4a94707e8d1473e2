// Which rows of a dataset a method learns from, where that is not all of them.
#pragma once

#include "datasets/transitions.h"

namespace hardy::datasets {

struct BestEpisodes {
  std::int64_t episodes = 0, of = 0, rows = 0, of_rows = 0;  // that stay, of how many
  double least_return = 0;                                   // of those that stay
};
// Keeps the episodes of the highest returns, sum_t discount^t r_t: a share of them, rounded down, one at
// least; of equal ones the earlier. Rows keep their order.
BestEpisodes keep_best_episodes(Transitions& t, double share, double discount);

}  // namespace hardy::datasets
