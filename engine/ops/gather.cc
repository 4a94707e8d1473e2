#include "engine/ops/gather.h"

#include <cstring>

#include "engine/base/threads.h"
#include "engine/ops/attributes.h"

namespace hardy::ops {
namespace {

using graph::Graph;
using graph::KernelCall;
using graph::Node;
using graph::Op;
using graph::Tensor;

void gather_kernel(const KernelCall& call, ThreadTeam& team) {
  const Shape &table = call.inputs[0].shape, &index = call.inputs[1].shape;
  const std::int64_t batch = index[1], d = table.back(), rows = table[table.rank() - 2];
  const std::size_t bytes = static_cast<std::size_t>(d) * size_of(call.inputs[0].type);
  const auto* from = call.inputs[0].as<const std::byte>();
  const auto* at = call.inputs[1].as<const std::int32_t>();
  auto* to = call.outputs[0].as<std::byte>();
  team.for_range(index[0] * batch, 512, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t row = at[i] + (table.rank() == 3 ? i / batch * rows : 0);
      std::memcpy(to + static_cast<std::size_t>(i) * bytes, from + static_cast<std::size_t>(row) * bytes,
                  bytes);
    }
  });
}

// A row of the table sums what was drawn from it in the order of the draws: threads take columns.
template <class T>
void scatter(const KernelCall& call, ThreadTeam& team) {
  const Shape &table = call.outputs[0].shape, &index = call.inputs[1].shape;
  const std::int64_t batch = index[1], d = table.back(), rows = table[table.rank() - 2],
                     all = table.elements() / d;
  const T* dy = call.inputs[0].as<const T>();
  const auto* at = call.inputs[1].as<const std::int32_t>();
  T* dx = call.outputs[0].as<T>();
  team.for_range(d, 32, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = 0; row < all; ++row) std::fill(dx + row * d + begin, dx + row * d + end, T(0));
    for (std::int64_t i = 0; i < index.elements(); ++i) {
      const std::int64_t row = at[i] + (table.rank() == 3 ? i / batch * rows : 0);
      for (std::int64_t k = begin; k < end; ++k) dx[row * d + k] += dy[i * d + k];
    }
  });
}
void scatter_kernel(const KernelCall& call, ThreadTeam& team) {
  (call.outputs[0].type == DType::kF64 ? scatter<double> : scatter<float>)(call, team);
}

std::vector<Tensor> scatter_rule(Graph& g, const Node& node, std::span<const Tensor> d) {
  return {gather_rows(g, d[0], node.inputs[1]), Tensor{}};
}
constexpr Op kScatter{.name = "scatter_rows", .gradient = scatter_rule, .cpu = scatter_kernel};
std::vector<Tensor> gather_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  const Tensor table = node.inputs[0];
  return {g.apply(kScatter, {dy[0], node.inputs[1]}, g.type(table), g.shape(table)), Tensor{}};
}
void columns_kernel(const KernelCall& call, ThreadTeam& team) {
  const auto columns = call.attribute<GatherColumns>();
  const Shape& index = call.inputs[0].shape;
  const auto* at = call.inputs[0].as<const std::int32_t>();
  team.for_range(index.elements(), 512, [&](std::int64_t begin, std::int64_t end) {
    std::size_t table = 1;
    for (std::size_t o = 0; o < call.outputs.size(); ++o) {
      const std::int64_t width = call.outputs[o].shape.back();
      std::int64_t skip = 0;
      for (int part = 0; part < columns.tables[o]; ++part, ++table) {
        const graph::Buffer& from = call.inputs[table];
        const Shape& s = from.shape;
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int64_t row = at[i] + (s.rank() == 3 ? i / index[1] * s[1] : 0);
          std::memcpy(call.outputs[o].as<std::uint32_t>() + i * width + skip,
                      from.as<const std::uint32_t>() + row * s.back(),
                      static_cast<std::size_t>(s.back()) * 4);
        }
        skip += s.back();
      }
    }
  });
}

}  // namespace

const Op kGatherRows{.name = "gather_rows", .gradient = gather_rule, .cpu = gather_kernel};
const Op kGatherColumns{.name = "gather_columns", .cpu = columns_kernel};

Tensor gather_rows(Graph& g, Tensor table, Tensor index) {
  const Shape &t = g.shape(table), &i = g.shape(index);
  if (g.type(index) != DType::kI32 || i.rank() != 2)
    g.shape_error("gather_rows", "the index must be i32 [A, B]", {table, index});
  if (!(t.rank() == 2 || (t.rank() == 3 && t[0] == i[0])))
    g.shape_error("gather_rows", "the table must be [N, d] or [A, N, d]", {table, index});
  return g.apply(kGatherRows, {table, index}, g.type(table), Shape{i[0], i[1], t.back()});
}

}  // namespace hardy::ops
