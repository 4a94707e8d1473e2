// Which rows of a dataset a method learns from, where that is not all of them.
#pragma once

#include "datasets/transitions.h"

namespace hardy::datasets {

struct BestEpisodes {
  std::int64_t episodes = 0, of = 0, rows = 0, of_rows = 0;  // that stay, of how many
  double least_return = 0;                                   // of those that stay
};
// Keeps the episodes of the highest returns, sum_t discount^t r_t: a share of them, rounded down, one at
// least; of equal ones the earlier. Rows keep their order. An Error names an episode whose return is not
// finite.
BestEpisodes keep_best_episodes(Transitions& t, double share, double discount);

// A weight of each row, of mean 1: exp(p / temperature) with p in (0, 1] the share of the rows whose episodes
// returned (sum_t r_t) no more than its own does. No weight is above 1 / (temperature (1 - exp(-1
// / temperature))), whatever the returns are. Weighting by returns is Hong et al.'s (ICLR 2023, arXiv
// 2306.13085), whose exp(return / temperature) hangs on the one largest return. An Error as above.
std::vector<float> return_weights(const Transitions& t, double temperature);

// Fills t.next_actions, a row's being the following row's action of its episode; a terminal row has its own,
// which nobody may look at. Other rows without one, where a time limit or the file's end cuts an episode, are
// left out; returns how many. An Error where none is left.
std::int64_t add_next_actions(Transitions& t);

}  // namespace hardy::datasets
