#include "engine/ops/reshape.h"

namespace hardy::ops {
namespace {

using graph::Graph;
using graph::Node;
using graph::Tensor;

std::vector<Tensor> reshape_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  return {reshape(g, dy[0], g.shape(node.inputs[0]))};
}
constexpr graph::Op kReshape{.name = "reshape", .gradient = reshape_rule, .alias = true};

}  // namespace

Tensor reshape(Graph& g, Tensor x, const Shape& shape) {
  if (g.shape(x) == shape) return x;
  if (g.shape(x).elements() != shape.elements())
    g.shape_error("reshape", "does not fill " + shape.str(), {x});
  return g.apply(kReshape, {x}, g.type(x), shape);
}

Tensor unsqueeze(Graph& g, Tensor x, int axis) {
  const Shape from = g.shape(x);
  if (axis < 0) axis += from.rank() + 1;
  if (axis < 0 || axis > from.rank()) g.shape_error("unsqueeze", "there is no such axis", {x});
  Shape to;
  for (int i = 0; i <= from.rank(); ++i) {
    if (i == axis) to.push_back(1);
    if (i < from.rank()) to.push_back(from[i]);
  }
  return reshape(g, x, to);
}

Tensor squeeze(Graph& g, Tensor x, int axis) {
  const Shape from = g.shape(x);
  if (axis < 0) axis += from.rank();
  if (axis < 0 || axis >= from.rank() || from[axis] != 1) g.shape_error("squeeze", "the axis is not 1", {x});
  Shape to;
  for (int i = 0; i < from.rank(); ++i)
    if (i != axis) to.push_back(from[i]);
  return reshape(g, x, to);
}

}  // namespace hardy::ops
