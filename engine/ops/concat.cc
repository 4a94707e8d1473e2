#include "engine/ops/concat.h"

#include <cstring>

#include "engine/ops/attributes.h"
#include "engine/ops/rows.h"

namespace hardy::ops {
namespace {

using graph::Buffer;
using graph::Graph;
using graph::KernelCall;
using graph::Node;
using graph::Op;
using graph::Tensor;

constexpr std::size_t kMostOperands = 16;

// A tensor seen as rows: one for each index before the axis, holding the axis and all after it.
struct Rows {
  std::byte* data;
  std::int64_t count;
  std::size_t bytes, element;  // of a row; of one step along the axis
  Rows(const Buffer& b, int axis)
      : data(b.as<std::byte>()),
        count(b.shape.product(0, axis)),
        bytes(static_cast<std::size_t>(b.shape.product(axis, b.shape.rank())) * size_of(b.type)),
        element(static_cast<std::size_t>(b.shape.product(axis + 1, b.shape.rank())) * size_of(b.type)) {}
  std::byte* row(std::int64_t i) const { return data + static_cast<std::size_t>(i) * bytes; }
};

void concat_kernel(const KernelCall& call, ThreadTeam& team) {
  const int axis = call.attribute<Concat>().axis;
  const Rows to(call.outputs[0], axis);
  for_rows(to.count, static_cast<std::int64_t>(to.bytes / 4), team, [&](std::int64_t r) {
    std::byte* at = to.row(r);
    for (const Buffer& input : call.inputs) {
      const Rows from(input, axis);
      std::memcpy(at, from.row(r), from.bytes);
      at += from.bytes;
    }
  });
}

void slice_kernel(const KernelCall& call, ThreadTeam& team) {
  const auto range = call.attribute<Range>();
  const Rows from(call.inputs[0], range.axis), to(call.outputs[0], range.axis);
  const std::size_t skip = static_cast<std::size_t>(range.begin) * from.element;
  for_rows(to.count, static_cast<std::int64_t>(to.bytes / 4), team,
           [&](std::int64_t r) { std::memcpy(to.row(r), from.row(r) + skip, to.bytes); });
}

// The slice's gradient: its elements in their place, zeros (all bits 0) around them.
void pad_kernel(const KernelCall& call, ThreadTeam& team) {
  const auto range = call.attribute<Range>();
  const Rows from(call.inputs[0], range.axis), to(call.outputs[0], range.axis);
  const std::size_t before = static_cast<std::size_t>(range.begin) * from.element,
                    after = to.bytes - before - from.bytes;
  for_rows(to.count, static_cast<std::int64_t>(to.bytes / 4), team, [&](std::int64_t r) {
    std::memset(to.row(r), 0, before);
    std::memcpy(to.row(r) + before, from.row(r), from.bytes);
    std::memset(to.row(r) + before + from.bytes, 0, after);
  });
}

extern const Op kPad;
std::vector<Tensor> concat_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  const int axis = node.attribute<Concat>().axis;
  std::vector<Tensor> gradients;
  std::int64_t at = 0;
  for (Tensor t : node.inputs) {
    const std::int64_t n = g.shape(t)[axis];
    gradients.push_back(slice(g, dy[0], axis, at, at + n));
    at += n;
  }
  return gradients;
}
std::vector<Tensor> slice_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  const Tensor x = node.inputs[0];
  return {g.apply(kPad, {dy[0]}, g.type(x), g.shape(x), node.attribute<Range>())};
}
std::vector<Tensor> pad_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  const auto range = node.attribute<Range>();
  return {slice(g, dy[0], range.axis, range.begin, range.begin + g.shape(node.inputs[0])[range.axis])};
}

const Op kPad{.name = "pad", .gradient = pad_rule, .cpu = pad_kernel};
constexpr Op kSlice{.name = "slice", .gradient = slice_rule, .cpu = slice_kernel};

}  // namespace

const Op kConcat{.name = "concat", .gradient = concat_rule, .cpu = concat_kernel};

Tensor concat(Graph& g, std::span<const Tensor> operands, int axis) {
  if (operands.empty() || operands.size() > kMostOperands)
    g.shape_error("concat", "takes 1 to " + std::to_string(kMostOperands) + " operands", operands);
  Shape out = g.shape(operands[0]);
  if (axis < 0) axis += out.rank();
  if (axis < 0 || axis >= out.rank()) g.shape_error("concat", "there is no such axis", operands);
  out[axis] = 0;
  for (Tensor t : operands) {
    Shape rest = g.shape(t);
    const bool same_rank = rest.rank() == out.rank();
    if (same_rank) rest[axis] = out[axis];
    if (!(rest == out) || g.type(t) != g.type(operands[0]))
      g.shape_error("concat", "the operands differ in type or outside axis " + std::to_string(axis),
                    operands);
    out[axis] += g.shape(t)[axis];
  }
  const std::pair<DType, Shape> result{g.type(operands[0]), out};
  const Concat attributes{axis};
  return g.apply(kConcat, operands, std::span(&result, 1), &attributes, sizeof attributes)[0];
}

Tensor slice(Graph& g, Tensor x, int axis, std::int64_t begin, std::int64_t end) {
  Shape shape = g.shape(x);
  if (axis < 0) axis += shape.rank();
  if (axis < 0 || axis >= shape.rank()) g.shape_error("slice", "there is no such axis", {x});
  if (begin < 0 || end <= begin || end > shape[axis])
    g.shape_error("slice",
                  "[" + std::to_string(begin) + ", " + std::to_string(end) + ") is no range of axis " +
                      std::to_string(axis),
                  {x});
  if (begin == 0 && end == shape[axis]) return x;
  shape[axis] = end - begin;
  return g.apply(kSlice, {x}, g.type(x), shape, Range{axis, begin});
}

}  // namespace hardy::ops
