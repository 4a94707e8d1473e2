// Dense layers (engine/ops/linear.h) over all agents and members in as few products as their strides allow.
#include "cuda/elements.cuh"
#include "cuda/ops/product.h"
#include "cuda/ops/reduce.h"
#include "cuda/stream.h"
#include "engine/ops/linear.h"

namespace hardy::cuda {
namespace {

using graph::Buffer;
using graph::KernelCall;

// Sizes of x [A, (E,) B, in] against w [A, (E,) in, out]. shared: all members read one x.
struct Sizes {
  std::int64_t agents, members, rows, in, out;
  bool shared;
  Sizes(const Shape& x, const Shape& w)
      : agents(w[0]),
        members(w.rank() == 4 ? w[1] : 1),
        rows(x[x.rank() - 2]),
        in(w[w.rank() - 2]),
        out(w.back()),
        shared(w.rank() == 4 && x.rank() == 3) {}
};

const std::byte* at(const Buffer& b, std::int64_t element) {
  return b.as<const std::byte>() + element * static_cast<std::int64_t>(size_of(b.type));
}
std::byte* at_mutable(const Buffer& b, std::int64_t element) {
  return const_cast<std::byte*>(at(b, element));
}

// A round is one batched product: all agents and members at once; where members share an x, the shorter of
// the two axes is counted through and the longer one batched.
struct Round {
  std::int64_t count;
  std::int64_t x, w, y;                 // the first product's operands, in products of that operand
  std::int64_t x_step, w_step, y_step;  // from one product to the next
};
template <class Body>
void for_rounds(const Sizes& s, Body&& body) {
  if (!s.shared) {
    body(Round{s.agents * s.members, 0, 0, 0, 1, 1, 1});
  } else if (s.agents < s.members) {
    for (std::int64_t a = 0; a < s.agents; ++a)
      body(Round{s.members, a, a * s.members, a * s.members, 0, 1, 1});
  } else {
    for (std::int64_t e = 0; e < s.members; ++e) body(Round{s.agents, 0, e, e, 1, s.members, s.members});
  }
}

void forward(const KernelCall& call, const Buffer* bias, Activation activation, device::Stream& stream) {
  const Buffer &x = call.inputs[0], &w = call.inputs[1], &y = call.outputs[0];
  const Sizes s(x.shape, w.shape);
  for_rounds(s, [&](const Round& r) {
    Product p;
    p.type = y.type;
    p.m = s.rows, p.n = s.out, p.k = s.in, p.count = r.count;
    p.a = at(x, r.x * s.rows * s.in), p.stride_a = r.x_step * s.rows * s.in;
    p.b = at(w, r.w * s.in * s.out), p.stride_b = r.w_step * s.in * s.out;
    p.c = at_mutable(y, r.y * s.rows * s.out), p.stride_c = r.y_step * s.rows * s.out;
    if (bias) p.bias = at(*bias, r.w * s.out), p.stride_bias = r.w_step * s.out;
    p.activation = activation;
    multiply(p, stream);
  });
}
void linear(const KernelCall& call, device::Stream& stream) {
  forward(call, nullptr, Activation::kNone, stream);
}
void linear_bias(const KernelCall& call, device::Stream& stream) {
  forward(call, &call.inputs[2], static_cast<Activation>(call.attribute<ops::LinearAttributes>().activation),
          stream);
}

template <class T>
__global__ void mask_kernel(T* x, const T* mask, std::int64_t n) {
  for (const std::int64_t i : every(n))
    if (!(mask[i] > T(0))) x[i] = T(0);
}
// dy, w (, y) -> dx: members that share an x add up, in their order; the mask of a ReLU comes last.
void input_gradient(const KernelCall& call, device::Stream& stream) {
  const Buffer &dy = call.inputs[0], &w = call.inputs[1], &dx = call.outputs[0];
  const Sizes s(dx.shape, w.shape);
  const std::int64_t rounds = s.shared ? s.members : 1;
  for (std::int64_t member = 0; member < rounds; ++member) {
    Product p;
    p.type = dx.type;
    p.m = s.rows, p.n = s.in, p.k = s.out, p.count = s.shared ? s.agents : s.agents * s.members;
    p.a = at(dy, member * s.rows * s.out), p.stride_a = rounds * s.rows * s.out;
    p.b = at(w, member * s.in * s.out), p.stride_b = rounds * s.in * s.out, p.transpose_b = true;
    p.c = at_mutable(dx, 0), p.stride_c = s.rows * s.in;
    p.accumulate = member > 0;
    multiply(p, stream);
  }
  if (call.inputs.size() < 3) return;
  with_float(dx.type, [&](auto t) {
    using T = decltype(t);
    launch("mask of a ReLU", mask_kernel<T>, blocks_for(dx.elements()), kThreads, stream, dx.as<T>(),
           call.inputs[2].as<const T>(), dx.elements());
  });
}

// x, dy -> dw (, db)
void weight_gradient(const KernelCall& call, device::Stream& stream) {
  const Buffer &x = call.inputs[0], &dy = call.inputs[1], &dw = call.outputs[0];
  const Sizes s(x.shape, dw.shape);
  for_rounds(s, [&](const Round& r) {
    Product p;
    p.type = dw.type;
    p.m = s.in, p.n = s.out, p.k = s.rows, p.count = r.count;
    p.a = at(x, r.x * s.rows * s.in), p.stride_a = r.x_step * s.rows * s.in, p.transpose_a = true;
    p.b = at(dy, r.y * s.rows * s.out), p.stride_b = r.y_step * s.rows * s.out;
    p.c = at_mutable(dw, r.w * s.in * s.out), p.stride_c = r.w_step * s.in * s.out;
    if (call.outputs.size() > 1)
      p.column_sums = at_mutable(call.outputs[1], r.w * s.out), p.stride_sums = r.w_step * s.out;
    multiply(p, stream);
  });
}

// y [A, (E,) B, n] + b [A, (E,) n]
template <class T>
__global__ void add_bias_kernel(const T* x, const T* b, std::int64_t each, std::int64_t columns,
                                std::int64_t n, T* y) {
  for (const std::int64_t i : every(n)) y[i] = x[i] + b[i / each * columns + i % columns];
}
void add_bias(const KernelCall& call, device::Stream& stream) {
  const Shape& shape = call.inputs[0].shape;
  const std::int64_t columns = shape.back(), each = columns * shape[shape.rank() - 2], n = shape.elements();
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    launch("add_bias", add_bias_kernel<T>, blocks_for(n), kThreads, stream, call.inputs[0].as<const T>(),
           call.inputs[1].as<const T>(), each, columns, n, call.outputs[0].as<T>());
  });
}
void bias_gradient(const KernelCall& call, device::Stream& stream) {
  const Shape& shape = call.inputs[0].shape;
  const std::int64_t columns = shape.back(), rows = shape[shape.rank() - 2];
  sum_middle(call.outputs[0].type, shape.elements() / (rows * columns), rows, columns, call.inputs[0].data,
             call.outputs[0].data, stream);
}

const graph::RegisterKernel registrations[] = {
    {kBackend, ops::kLinear.name, linear},
    {kBackend, ops::kLinearBias.name, linear_bias},
    {kBackend, ops::kLinearInputGradient.name, input_gradient},
    {kBackend, ops::kLinearInputGradientRelu.name, input_gradient},
    {kBackend, ops::kLinearWeightGradient.name, weight_gradient},
    {kBackend, ops::kLinearWeightBiasGradient.name, weight_gradient},
    {kBackend, ops::kAddBias.name, add_bias},
    {kBackend, ops::kBiasGradient.name, bias_gradient},
};

}  // namespace
}  // namespace hardy::cuda
