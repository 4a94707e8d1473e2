// Where a plan's intermediates live: one arena, placed by liveness.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/graph/branches.h"
#include "engine/graph/schedule.h"

namespace hardy::graph {

inline constexpr std::ptrdiff_t kNoPlace = -1;

struct Placement {
  std::vector<std::ptrdiff_t> offset;  // by root value; kNoPlace where the arena does not hold it
  std::vector<char> scratch;           // by root value: lives inside one chain, block by block
  std::size_t bytes = 0;
};

// kept[root]: has memory outside the arena (inputs, parameters, constants, outputs). A place is used again by
// a step that all its earlier uses precede.
Placement place(const Graph& g, const std::vector<Step>& steps, const std::vector<Tensor>& root,
                const std::vector<char>& kept, bool in_place, const Order& order = {},
                std::size_t alignment = 64);

}  // namespace hardy::graph
