#include "engine/ops/linear_packed.h"

#include <array>

#include "engine/base/threads.h"
#include "engine/ops/gemm.h"

namespace hardy::ops {
namespace {

using graph::Graph, graph::KernelCall, graph::Op, graph::Tensor;

void multiply(const KernelCall& call, ThreadTeam& team) {
  const Shape &x = call.inputs[0].shape, &y = call.outputs[0].shape;
  GemmArgs<float> args;
  args.m = x[1], args.n = y[2], args.k = x[2];
  args.a = call.inputs[0].as<const float>(), args.lda = args.k;
  args.b = call.inputs[1].as<const float>(), args.packed = true;
  args.c = call.outputs[0].as<float>(), args.ldc = args.n;
  GemmStrides strides;
  strides.a = args.m * args.k, strides.b = call.inputs[1].shape[1], strides.c = args.m * args.n;
  gemm_batched(args, x[0], strides, team);
}

constexpr Op kLinearPacked{.name = "linear_packed", .cpu = multiply};

}  // namespace

Tensor linear_packed(Graph& g, Tensor x, Tensor packed, std::int64_t out) {
  const Shape &xs = g.shape(x), &ws = g.shape(packed);
  if (g.type(x) != DType::kF32 || g.type(packed) != DType::kF32 || xs.rank() != 3 || ws.rank() != 2 ||
      xs[0] != ws[0] || ws[1] == 0 || ws[1] != packed_size(xs[2], out))
    g.shape_error("linear_packed", "x f32 [A, B, in] needs f32 [A, packed_size(in, out)], which is not 0",
                  std::array{x, packed});
  return g.apply(kLinearPacked, {x, packed}, DType::kF32, Shape{xs[0], xs[1], out});
}

}  // namespace hardy::ops
