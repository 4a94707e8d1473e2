// Dropout (Srivastava et al. 2014) by draws that are counted: the same for any device, thread count or
// resume.
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

// x [A, ...] where its element is kept, over the share that is, and 0 elsewhere. An agent's i-th element is
// kept where the i-th 16 bits of its draws are at least round(65536 rate): 0 <= rate < 1 to that precision.
// seeds, step: as engine/ops/random.h has them; each pass goes on where the one before stopped. site: which
// dropout of its graph this is, 0 to 899: each has a stream of its own (those from 100 on).
graph::Tensor dropout(graph::Graph& g, graph::Tensor x, double rate, graph::Tensor seeds, graph::Tensor step,
                      std::int64_t site);

inline constexpr std::uint32_t kDropoutStreams = 100;

}  // namespace hardy::ops
