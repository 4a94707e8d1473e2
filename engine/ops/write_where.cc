#include "engine/ops/write_where.h"

#include <algorithm>
#include <array>

#include "engine/base/threads.h"

namespace hardy::ops {
namespace {

using graph::Graph;
using graph::KernelCall;
using graph::Op;
using graph::Tensor;

void write_kernel(const KernelCall& call, ThreadTeam& team) {
  const Shape &table = call.inputs[0].shape, &values = call.inputs[2].shape;
  const std::int64_t N = table[1], n = table[2], B = values[1];
  team.run(table[0], [&](std::int64_t agent) {
    const std::int32_t* index = call.inputs[1].as<const std::int32_t>() + agent * B;
    const float *from = call.inputs[2].as<const float>() + agent * B * n,
                *which = call.inputs[3].as<const float>() + agent * B;
    float *to = call.outputs[0].as<float>() + agent * N * n,
          *change = call.outputs[1].as<float>() + agent * B * n;
    for (std::int64_t b = 0; b < B; ++b)
      for (std::int64_t k = 0; k < n; ++k) {
        float& place = to[index[b] * n + k];
        const float value = which[b] > 0 ? from[b * n + k] : place;
        change[b * n + k] = value - place;
        place = value;
      }
  });
}

void add_kernel(const KernelCall& call, ThreadTeam& team) {
  const Shape& table = call.inputs[0].shape;
  const std::int64_t N = table[1], B = call.inputs[1].shape[1];
  team.run(table[0], [&](std::int64_t agent) {
    const std::int32_t *index = call.inputs[1].as<const std::int32_t>() + agent * B,
                       *count = call.inputs[2].as<const std::int32_t>() + agent * B;
    const float* change = call.inputs[3].as<const float>() + agent * B;
    float* to = call.outputs[0].as<float>() + agent * N;
    for (std::int64_t b = 0; b < B; ++b)
      if (change[b] != 0)
        for (std::int64_t row = index[b] - count[b]; row <= index[b]; ++row) to[row] += change[b];
  });
}

constexpr Op kWriteWhere{.name = "write_where", .cpu = write_kernel, .writes = true};
constexpr Op kAddBefore{.name = "add_before", .cpu = add_kernel, .writes = true};

bool is(const Graph& g, Tensor t, DType type, const Shape& shape) {
  return g.type(t) == type && g.shape(t) == shape;
}

}  // namespace

Written write_where(Graph& g, Tensor table, Tensor index, Tensor values, Tensor which) {
  const Shape t = g.shape(table), v = g.shape(values);
  if (t.rank() != 3 || v.rank() != 3 || v[0] != t[0] || v[2] != t[2] || g.type(table) != DType::kF32 ||
      g.type(values) != DType::kF32 || !is(g, index, DType::kI32, Shape{t[0], v[1]}) ||
      !is(g, which, DType::kF32, Shape{t[0], v[1]}))
    g.shape_error("write_where",
                  "a table f32 [A, N, n] needs index i32 [A, B], values [A, B, n] and which [A, B]",
                  {table, index, values, which});
  const std::array operands{table, index, values, which};
  const std::array outputs{std::pair{DType::kF32, t}, std::pair{DType::kF32, v}};
  const std::vector<Tensor> all = g.apply(kWriteWhere, operands, outputs, nullptr, 0);
  return {all[0], all[1]};
}

Tensor add_before(Graph& g, Tensor table, Tensor index, Tensor count, Tensor change) {
  const Shape t = g.shape(table), c = g.shape(change);
  if (t.rank() != 3 || t[2] != 1 || c.rank() != 3 || c[0] != t[0] || c[2] != 1 ||
      g.type(table) != DType::kF32 || g.type(change) != DType::kF32 ||
      !is(g, index, DType::kI32, Shape{t[0], c[1]}) || !is(g, count, DType::kI32, Shape{t[0], c[1]}))
    g.shape_error("add_before", "a table f32 [A, N, 1] needs index and count i32 [A, B] and change [A, B, 1]",
                  {table, index, count, change});
  return g.apply(kAddBefore, {table, index, count, change}, DType::kF32, t);
}

}  // namespace hardy::ops
