// A dataset's rows from first to last, every column of a transition at once, each decoded a single time: what
// statistics and checks see of a file that is larger than memory.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "datasets/store.h"

namespace hardy::datasets {

// Rows [first, first + rows) of the columns that a D4RL file has, as float64; empty where the file lacks one.
struct RowPiece {
  std::int64_t first = 0, rows = 0;
  bool last = false;  // the file's last piece
  std::vector<double> observations, next_observations, actions, rewards, terminals, timeouts;
};

// The columns that are walked over, all of `rows` rows; null: left out.
struct WalkedColumns {
  const Column *observations = nullptr, *next_observations = nullptr, *actions = nullptr, *rewards = nullptr,
               *terminals = nullptr, *timeouts = nullptr;
  std::int64_t rows = 0;
};
WalkedColumns columns_of(const Reader& reader);  // those of a file that check_d4rl accepts

// see(piece), in order. Pieces are of up to 65,536 rows (fewer where rows are long: 32 MiB), since what lies
// on the edge of two pieces is decoded twice.
void walk(Reader& reader, const WalkedColumns& columns, const std::function<void(const RowPiece&)>& see);

}  // namespace hardy::datasets
