// What a plan computes once: nodes that depend on constants alone, such as the seed of a gradient, scaled and
// stretched over a batch.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/graph/graph.h"

namespace hardy::graph {

struct Folded {
  std::vector<Node> nodes;                   // those left to run
  std::vector<std::vector<std::byte>> data;  // by root value: what it always is, where these read it
};

// nodes: the live ones of g, in order. root[v]: the value whose memory v shares. kept[root]: must be computed
// at each run all the same, for its memory is a caller's. Results over 2 MiB are left alone: recomputed
// block by block they cost less than reading them.
Folded fold_constants(const Graph& g, const std::vector<Node>& nodes, const std::vector<Tensor>& root,
                      const std::vector<char>& kept);

}  // namespace hardy::graph
