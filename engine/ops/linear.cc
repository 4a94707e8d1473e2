#include "engine/ops/linear.h"

#include "engine/base/threads.h"
#include "engine/ops/gemm.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"

namespace hardy::ops {
namespace {

// Sizes of x [A, (Ex,) B, in] against w [A, (E,) in, out]; Ex == 1 with E > 1: all members read one x.
struct Sizes {
  std::int64_t agents, members, rows, in, out;
  bool shared;  // x has no member axis of its own

  Sizes(const Shape& x, const Shape& w)
      : agents(w[0]),
        members(w.rank() == 4 ? w[1] : 1),
        rows(x[x.rank() - 2]),
        in(w[w.rank() - 2]),
        out(w.back()),
        shared(w.rank() == 4 && x.rank() == 3) {}
};

// body(agent, member, count): one batched product of `count` consecutive (agent, member) pairs, as
// many at a time as the operands' strides allow.
template <class Body>
void for_batches(const Sizes& s, Body&& body) {
  if (!s.shared) {
    body(0, s.agents * s.members);
  } else {
    for (std::int64_t a = 0; a < s.agents; ++a) body(a, s.members);
  }
}

template <class T>
void forward(const Sizes& s, const Buffer& x, const Buffer& w, const Buffer* b, const Buffer& y,
             Activation act, ThreadTeam& team) {
  for_batches(s, [&](std::int64_t agent, std::int64_t count) {
    const std::int64_t first = agent * (s.shared ? s.members : 1);
    GemmArgs<T> args;
    args.m = s.rows, args.n = s.out, args.k = s.in;
    args.a = x.as<const T>() + (s.shared ? agent : first) * s.rows * s.in, args.lda = s.in;
    args.b = w.as<const T>() + first * s.in * s.out, args.ldb = s.out;
    args.c = y.as<T>() + first * s.rows * s.out, args.ldc = s.out;
    args.bias = b ? b->as<const T>() + first * s.out : nullptr;
    args.act = act;
    GemmStrides strides;
    strides.a = s.shared ? 0 : s.rows * s.in;
    strides.b = s.in * s.out;
    strides.c = s.rows * s.out;
    strides.bias = s.out;
    gemm_batched(args, count, strides, team);
  });
}

template <class T>
void input_gradient(const Sizes& s, const Buffer& dy, const Buffer& w, const Buffer* y, const Buffer& dx,
                    ThreadTeam& team) {
  // With a shared x the members' contributions are added in their order, the mask comes last.
  const std::int64_t rounds = s.shared ? s.members : 1, count = s.shared ? s.agents : s.agents * s.members;
  for (std::int64_t member = 0; member < rounds; ++member) {
    GemmArgs<T> args;
    args.m = s.rows, args.n = s.in, args.k = s.out;
    args.a = dy.as<const T>() + member * s.rows * s.out, args.lda = s.out;
    args.b = w.as<const T>() + member * s.in * s.out, args.ldb = s.out, args.transpose_b = true;
    args.c = dx.as<T>(), args.ldc = s.in;
    args.accumulate = member > 0;
    if (y && member + 1 == rounds) args.relu_mask = y->as<const T>(), args.ldmask = s.in;
    GemmStrides strides;
    strides.a = rounds * s.rows * s.out;
    strides.b = rounds * s.in * s.out;
    strides.c = strides.relu_mask = s.rows * s.in;
    gemm_batched(args, count, strides, team);
  }
}

template <class T>
void weight_gradient(const Sizes& s, const Buffer& x, const Buffer& dy, const Buffer& dw, const Buffer* db,
                     bool padded, ThreadTeam& team) {
  for_batches(s, [&](std::int64_t agent, std::int64_t count) {
    const std::int64_t first = agent * (s.shared ? s.members : 1);
    GemmArgs<T> args;
    args.m = s.in, args.n = s.out, args.k = s.rows;
    args.a = x.as<const T>() + (s.shared ? agent : first) * s.rows * s.in, args.lda = s.in,
    args.transpose_a = true;
    args.b = dy.as<const T>() + first * s.rows * s.out, args.ldb = s.out;
    args.c = dw.as<T>() + first * s.in * s.out, args.ldc = s.out;
    args.one_chain = padded;
    args.column_sums = db ? db->as<T>() + first * s.out : nullptr;
    GemmStrides strides;
    strides.a = s.shared ? 0 : s.rows * s.in;
    strides.b = s.rows * s.out;
    strides.c = s.in * s.out;
    strides.column_sums = s.out;
    gemm_batched(args, count, strides, team);
  });
}

template <class T>
void bias_kernel(const KernelCall& call, ThreadTeam& team) {
  const Shape& shape = call.inputs[0].shape;
  const std::int64_t n = shape.back(), rows = shape[shape.rank() - 2], groups = shape.elements() / (n * rows);
  const T *x = call.inputs[0].as<const T>(), *b = call.inputs[1].as<const T>();
  T* y = call.outputs[0].as<T>();
  team.run(groups, [&](std::int64_t group) {
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = 0; i < n; ++i)
        y[(group * rows + r) * n + i] = x[(group * rows + r) * n + i] + b[group * n + i];
  });
}

template <class T>
void bias_gradient_kernel(const KernelCall& call, ThreadTeam& team) {
  const Shape& shape = call.inputs[0].shape;
  const std::int64_t n = shape.back(), rows = shape[shape.rank() - 2], groups = shape.elements() / (n * rows);
  const T* dy = call.inputs[0].as<const T>();
  T* db = call.outputs[0].as<T>();
  team.run(groups, [&](std::int64_t group) {
    T* out = db + group * n;
    std::fill(out, out + n, T(0));
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = 0; i < n; ++i) out[i] += dy[(group * rows + r) * n + i];
  });
}

// Runs f with a float or a double, after the outputs' type.
template <class F>
void with_type(const KernelCall& call, F&& f) {
  call.outputs[0].type == DType::kF64 ? f(double{}) : f(float{});
}

void linear_kernel(const KernelCall& c, ThreadTeam& team) {
  const Sizes s(c.inputs[0].shape, c.inputs[1].shape);
  with_type(c, [&](auto t) {
    forward<decltype(t)>(s, c.inputs[0], c.inputs[1], nullptr, c.outputs[0], Activation::kNone, team);
  });
}
void linear_bias_kernel(const KernelCall& c, ThreadTeam& team) {
  const Sizes s(c.inputs[0].shape, c.inputs[1].shape);
  const auto act = static_cast<Activation>(c.attribute<LinearAttributes>().activation);
  with_type(c, [&](auto t) {
    forward<decltype(t)>(s, c.inputs[0], c.inputs[1], &c.inputs[2], c.outputs[0], act, team);
  });
}
void input_gradient_kernel(const KernelCall& c, ThreadTeam& team) {
  const Sizes s(c.outputs[0].shape, c.inputs[1].shape);
  const Buffer* y = c.inputs.size() > 2 ? &c.inputs[2] : nullptr;
  with_type(c,
            [&](auto t) { input_gradient<decltype(t)>(s, c.inputs[0], c.inputs[1], y, c.outputs[0], team); });
}
void bias_sum_kernel(const KernelCall& c, ThreadTeam& team) {
  with_type(c, [&](auto t) { bias_gradient_kernel<decltype(t)>(c, team); });
}
void input_gradient_bias_kernel(const KernelCall& c, ThreadTeam& team) {
  input_gradient_kernel(c, team);
  bias_sum_kernel({c.outputs.first(1), c.outputs.last(1)}, team);
}
// x [.., B, in], dy [.., B, out] -> dw [A, (E,) in, out]
void weight_gradient_kernel(const KernelCall& c, ThreadTeam& team) {
  const Sizes s(c.inputs[0].shape, c.outputs[0].shape);
  const Buffer* db = c.outputs.size() > 1 ? &c.outputs[1] : nullptr;
  const bool padded = c.attribute<LinearAttributes>().padded != 0;
  with_type(c, [&](auto t) {
    weight_gradient<decltype(t)>(s, c.inputs[0], c.inputs[1], c.outputs[0], db, padded, team);
  });
}
void add_bias_kernel(const KernelCall& c, ThreadTeam& team) {
  with_type(c, [&](auto t) { bias_kernel<decltype(t)>(c, team); });
}

double product_flops(const Shape& x, const Shape& w) {
  const Sizes s(x, w);
  return 2.0 * static_cast<double>(s.agents * s.members * s.rows) * static_cast<double>(s.in * s.out);
}
double forward_flops(const KernelCall& c) { return product_flops(c.inputs[0].shape, c.inputs[1].shape); }
double input_gradient_flops(const KernelCall& c) {
  return product_flops(c.outputs[0].shape, c.inputs[1].shape);
}
double weight_gradient_flops(const KernelCall& c) {
  return product_flops(c.inputs[0].shape, c.outputs[0].shape);
}

std::vector<Tensor> linear_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  const Tensor x = node.inputs[0], w = node.inputs[1];
  return {
      g.apply(kLinearInputGradient, {dy[0], w}, g.type(x), g.shape(x)),
      g.apply(kLinearWeightGradient, {x, dy[0]}, g.type(w), g.shape(w), node.attribute<LinearAttributes>())};
}
// Both are linear in either operand: the product again, turned about.
std::vector<Tensor> input_gradient_rule(Graph& g, const Node& node, std::span<const Tensor> d) {
  const Tensor dy = node.inputs[0], w = node.inputs[1];
  return {g.apply(kLinear, {d[0], w}, g.type(dy), g.shape(dy), LinearAttributes{}),
          g.apply(kLinearWeightGradient, {d[0], dy}, g.type(w), g.shape(w), LinearAttributes{})};
}
std::vector<Tensor> weight_gradient_rule(Graph& g, const Node& node, std::span<const Tensor> d) {
  const Tensor x = node.inputs[0], dy = node.inputs[1];
  return {g.apply(kLinearInputGradient, {dy, d[0]}, g.type(x), g.shape(x)),
          g.apply(kLinear, {x, d[0]}, g.type(dy), g.shape(dy), LinearAttributes{})};
}
std::vector<Tensor> bias_gradient_rule(Graph& g, const Node& node, std::span<const Tensor> d) {
  return {stretch(g, unsqueeze(g, d[0], -2), g.shape(node.inputs[0]))};
}
std::vector<Tensor> bias_rule(Graph& g, const Node& node, std::span<const Tensor> dy) {
  const Tensor b = node.inputs[1];
  return {dy[0], g.apply(kBiasGradient, {dy[0]}, g.type(b), g.shape(b))};
}

}  // namespace

const Op kLinear{.name = "linear", .gradient = linear_rule, .cpu = linear_kernel, .flops = forward_flops};
const Op kAddBias{.name = "add_bias", .gradient = bias_rule, .cpu = add_bias_kernel};
const Op kLinearBias{.name = "linear_bias", .cpu = linear_bias_kernel, .flops = forward_flops};
const Op kLinearInputGradient{.name = "linear_input_gradient",
                              .gradient = input_gradient_rule,
                              .cpu = input_gradient_kernel,
                              .flops = input_gradient_flops};
const Op kLinearInputGradientRelu{
    .name = "linear_input_gradient_relu", .cpu = input_gradient_kernel, .flops = input_gradient_flops};
const Op kLinearInputGradientReluBias{.name = "linear_input_gradient_relu_bias",
                                      .cpu = input_gradient_bias_kernel,
                                      .flops = input_gradient_flops};
const Op kLinearWeightGradient{.name = "linear_weight_gradient",
                               .gradient = weight_gradient_rule,
                               .cpu = weight_gradient_kernel,
                               .flops = weight_gradient_flops};
const Op kBiasGradient{.name = "bias_gradient", .gradient = bias_gradient_rule, .cpu = bias_sum_kernel};
const Op kLinearWeightBiasGradient{
    .name = "linear_weight_bias_gradient", .cpu = weight_gradient_kernel, .flops = weight_gradient_flops};

Tensor linear(Graph& g, Tensor x, Tensor w, bool padded) {
  const Shape &xs = g.shape(x), &ws = g.shape(w);
  detail::common_float_type(g, "linear", std::array{x, w});
  if (ws.rank() < 3 || ws.rank() > 4 || xs.rank() < 3 || xs.rank() > ws.rank())
    g.shape_error("linear", "x must be [A, B, in] or [A, E, B, in] and w [A, in, out] or [A, E, in, out]",
                  {x, w});
  if (xs[0] != ws[0] || (xs.rank() == 4 && xs[1] != ws[1]))
    g.shape_error("linear", "x and w differ in their leading axes", {x, w});
  if (xs.back() != ws[ws.rank() - 2])
    g.shape_error(
        "linear",
        "x has " + std::to_string(xs.back()) + " features, w takes " + std::to_string(ws[ws.rank() - 2]),
        {x, w});
  const std::int64_t rows = xs[xs.rank() - 2], out = ws.back();
  return g.apply(kLinear, {x, w}, g.type(x),
                 ws.rank() == 4 ? Shape{ws[0], ws[1], rows, out} : Shape{ws[0], rows, out},
                 LinearAttributes{.padded = padded});
}

Tensor add_bias(Graph& g, Tensor y, Tensor b) {
  const Shape &ys = g.shape(y), &bs = g.shape(b);
  bool fits =
      ys.rank() >= 3 && bs.rank() == ys.rank() - 1 && bs.back() == ys.back() && g.type(y) == g.type(b);
  for (int axis = 0; fits && axis < bs.rank() - 1; ++axis) fits = bs[axis] == ys[axis];
  if (!fits) g.shape_error("add_bias", "y [A, (E,) B, n] needs a bias [A, (E,) n]", {y, b});
  return g.apply(kAddBias, {y, b}, g.type(y), ys);
}

}  // namespace hardy::ops
