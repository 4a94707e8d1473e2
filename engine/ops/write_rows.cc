#include "engine/ops/write_rows.h"

#include <array>
#include <cstring>

#include "engine/base/threads.h"

namespace hardy::ops {
namespace {

using graph::Graph;
using graph::KernelCall;
using graph::Op;
using graph::Tensor;

void write_kernel(const KernelCall& call, ThreadTeam& team) {
  const Shape &cache = call.inputs[0].shape, &rows = call.inputs[1].shape;
  const std::int64_t U = cache[2], T = rows[2], sequences = rows[0] * rows[1];
  const std::size_t bytes =
      static_cast<std::size_t>(rows.elements() / (sequences * T)) * size_of(call.inputs[1].type);
  const auto *first = call.inputs[2].as<const std::int32_t>(),
             *last = call.inputs[3].as<const std::int32_t>();
  const auto* from = call.inputs[1].as<const std::byte>();
  auto* to = call.outputs[0].as<std::byte>();
  team.for_range(sequences * T, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t sequence = row / T, position = first[sequence] + row % T;
      if (position >= 0 && position < last[sequence] && position < U)
        std::memcpy(to + static_cast<std::size_t>(sequence * U + position) * bytes,
                    from + static_cast<std::size_t>(row) * bytes, bytes);
    }
  });
}

constexpr Op kWriteRows{.name = "write_rows", .cpu = write_kernel, .writes = true};

}  // namespace

Tensor write_rows(Graph& g, Tensor cache, Tensor rows, Tensor first, Tensor last) {
  const Shape &c = g.shape(cache), &r = g.shape(rows);
  bool fits = c.rank() >= 3 && r.rank() == c.rank() && g.type(rows) == g.type(cache);
  for (int axis = 0; fits && axis < c.rank(); ++axis) fits = axis == 2 || c[axis] == r[axis];
  for (const Tensor t : {first, last})
    fits = fits && g.type(t) == DType::kI32 && g.shape(t) == Shape{c[0], c[1]};
  if (!fits)
    g.shape_error(
        "write_rows",
        "a cache [A, S, U, ...] needs rows [A, S, T, ...] of its type, and first and last i32 [A, S]",
        {cache, rows, first, last});
  return g.apply(kWriteRows, {cache, rows, first, last}, g.type(cache), c);
}

}  // namespace hardy::ops
