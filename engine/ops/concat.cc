#include "engine/ops/concat.h"

#include <cstring>

#include "engine/base/threads.h"

namespace hardy::ops {
namespace {

using graph::Graph;
using graph::KernelCall;
using graph::Node;
using graph::Tensor;

struct Range {
  std::int64_t begin, end;
};

struct Rows {  // a tensor as bytes: rows of `width` bytes
  std::byte* data;
  std::size_t width, element;
  std::int64_t count;
  explicit Rows(const graph::Buffer& b)
      : data(b.as<std::byte>()), width(static_cast<std::size_t>(b.shape.back()) * size_of(b.type)),
        element(size_of(b.type)), count(b.shape.elements() / std::max<std::int64_t>(1, b.shape.back())) {}
  std::byte* row(std::int64_t i) const { return data + static_cast<std::size_t>(i) * width; }
};

void concat_kernel(const KernelCall& call, ThreadTeam& team) {
  const Rows a(call.inputs[0]), b(call.inputs[1]), y(call.outputs[0]);
  team.for_range(y.count, 1024, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      std::memcpy(y.row(i), a.row(i), a.width);
      std::memcpy(y.row(i) + a.width, b.row(i), b.width);
    }
  });
}

void slice_kernel(const KernelCall& call, ThreadTeam& team) {
  const Rows x(call.inputs[0]), y(call.outputs[0]);
  const std::size_t skip = static_cast<std::size_t>(call.attribute<Range>().begin) * x.element;
  team.for_range(y.count, 1024, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) std::memcpy(y.row(i), x.row(i) + skip, y.width);
  });
}

// dy [..., end - begin] -> dx [..., n], zero outside the range.
void pad_kernel(const KernelCall& call, ThreadTeam& team) {
  const Rows dy(call.inputs[0]), dx(call.outputs[0]);
  const std::size_t skip = static_cast<std::size_t>(call.attribute<Range>().begin) * dx.element;
  team.for_range(dx.count, 1024, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      std::memset(dx.row(i), 0, dx.width);
      std::memcpy(dx.row(i) + skip, dy.row(i), dy.width);
    }
  });
}

std::vector<Tensor> concat_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  const std::int64_t m = g.shape(node.inputs[0]).back(), n = g.shape(node.inputs[1]).back();
  return {slice(g, dy[0], 0, m), slice(g, dy[0], m, m + n)};
}

std::vector<Tensor> pad_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  const auto range = node.attribute<Range>();
  return {slice(g, dy[0], range.begin, range.end)};
}
constexpr graph::Op kPad{.name = "pad", .gradient = pad_rule, .cpu = pad_kernel};
std::vector<Tensor> slice_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  const Tensor x = node.inputs[0];
  return {g.apply(kPad, {dy[0]}, g.type(x), g.shape(x), node.attribute<Range>())};
}

constexpr graph::Op kConcat{.name = "concat", .gradient = concat_rule, .cpu = concat_kernel};
constexpr graph::Op kSlice{.name = "slice", .gradient = slice_rule, .cpu = slice_kernel};

}  // namespace

Tensor concat(Graph& g, Tensor a, Tensor b) {
  Shape shape = g.shape(a);
  const Shape& other = g.shape(b);
  bool fits = shape.rank() == other.rank() && g.type(a) == g.type(b);
  for (int axis = 0; fits && axis + 1 < shape.rank(); ++axis) fits = shape[axis] == other[axis];
  if (!fits) g.shape_error("concat", "the operands must agree in all axes but the last", {a, b});
  shape[shape.rank() - 1] += other.back();
  return g.apply(kConcat, {a, b}, g.type(a), shape);
}

Tensor slice(Graph& g, Tensor x, std::int64_t begin, std::int64_t end) {
  Shape shape = g.shape(x);
  if (begin < 0 || end > shape.back() || begin >= end)
    g.shape_error("slice", "[" + std::to_string(begin) + ", " + std::to_string(end) + ") is not within the last axis", {x});
  shape[shape.rank() - 1] = end - begin;
  return g.apply(kSlice, {x}, g.type(x), shape, Range{begin, end});
}

}  // namespace hardy::ops
