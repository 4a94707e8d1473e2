// Softmax and its logarithm over the last axis.
#pragma once

#include "engine/graph/graph.h"

namespace hardy::ops {

graph::Tensor softmax(graph::Graph& g, graph::Tensor x);      // e^x_i / sum_j e^x_j
graph::Tensor log_softmax(graph::Graph& g, graph::Tensor x);  // x_i - log sum_j e^x_j

}  // namespace hardy::ops
