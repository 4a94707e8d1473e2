#include "engine/ops/pointwise.h"

#include <algorithm>

namespace hardy::ops {
namespace {

constexpr std::int64_t kPiece = 256;  // elements

// One entry an operand.
template <class V>
using Each = std::array<V, detail::kMostOperands>;

// How operands are walked beside an output: neighbouring axes with the same stretching are merged; the
// innermost group is a run over which each operand either advances by one or stands still.
struct Walk {
  int outer = 0;                                     // groups outside the innermost one
  std::int64_t run = 1;                              // length of the innermost group
  std::array<std::int64_t, Shape::kMaxRank> dims{};  // of the outer groups
  Each<std::array<std::int64_t, Shape::kMaxRank>> strides{};
  Each<bool> moves{};  // in the innermost group

  Walk(const Shape& out, std::span<const Buffer> inputs) {
    std::array<std::int64_t, Shape::kMaxRank> sizes{};
    std::array<Each<bool>, Shape::kMaxRank> full{};
    int groups = 0;
    for (int axis = out.rank() - 1; axis >= 0; --axis) {  // innermost group first
      if (out[axis] == 1) continue;
      Each<bool> f{};
      for (std::size_t i = 0; i < inputs.size(); ++i)
        f[i] = inputs[i].shape.rank() == out.rank() && inputs[i].shape[axis] == out[axis];
      const auto last = static_cast<std::size_t>(groups - 1);
      if (groups && full[last] == f) {
        sizes[last] *= out[axis];
      } else {
        sizes[static_cast<std::size_t>(groups)] = out[axis];
        full[static_cast<std::size_t>(groups++)] = f;
      }
    }
    if (groups == 0) return;
    run = sizes[0];
    outer = groups - 1;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      moves[i] = full[0][i];
      std::int64_t stride = full[0][i] ? sizes[0] : 1;
      for (int group = 1; group < groups; ++group) {
        const auto at = static_cast<std::size_t>(group);
        strides[i][at - 1] = full[at][i] ? stride : 0;
        if (full[at][i]) stride *= sizes[at];
      }
    }
    for (int group = 1; group < groups; ++group)
      dims[static_cast<std::size_t>(group - 1)] = sizes[static_cast<std::size_t>(group)];
  }
};

}  // namespace

template <class T>
void detail::walk_blocks(const KernelCall& call, int operands, std::int64_t begin, std::int64_t end,
                         Block<T> block, const void* formula) {
  const auto m = static_cast<std::size_t>(operands);
  T* const out = call.outputs[0].as<T>();
  Each<const T*> in{};
  bool flat = true;
  for (std::size_t i = 0; i < m; ++i) flat = flat && call.inputs[i].shape == call.outputs[0].shape;
  if (flat) {
    for (std::size_t i = 0; i < m; ++i) in[i] = call.inputs[i].as<const T>() + begin;
    block(formula, in.data(), out + begin, end - begin);
    return;
  }
  const Walk walk(call.outputs[0].shape, call.inputs.first(m));
  T spread[kMostOperands][kPiece];
  for (std::int64_t at = begin; at < end;) {
    const std::int64_t within = at % walk.run, n = std::min(end - at, walk.run - within);
    std::int64_t rest = at / walk.run;
    Each<std::int64_t> offset{};
    for (int group = 0; group < walk.outer; ++group) {
      const auto d = static_cast<std::size_t>(group);
      const std::int64_t index = rest % walk.dims[d];
      rest /= walk.dims[d];
      for (std::size_t i = 0; i < m; ++i) offset[i] += index * walk.strides[i][d];
    }
    for (std::size_t i = 0; i < m; ++i)
      if (!walk.moves[i])
        std::fill_n(spread[i], std::min(n, kPiece), call.inputs[i].as<const T>()[offset[i]]);
    for (std::int64_t done = 0; done < n; done += kPiece) {
      for (std::size_t i = 0; i < m; ++i)
        in[i] = walk.moves[i] ? call.inputs[i].as<const T>() + offset[i] + within + done : spread[i];
      block(formula, in.data(), out + at + done, std::min(kPiece, n - done));
    }
    at += n;
  }
}
template void detail::walk_blocks(const KernelCall&, int, std::int64_t, std::int64_t, Block<float>,
                                  const void*);
template void detail::walk_blocks(const KernelCall&, int, std::int64_t, std::int64_t, Block<double>,
                                  const void*);

Shape broadcast_shape(const Graph& g, const char* op, std::span<const Tensor> operands) {
  Shape out{1};
  for (Tensor t : operands)
    if (!(g.shape(t) == Shape{1})) {
      out = g.shape(t);
      break;
    }
  for (Tensor t : operands) {
    const Shape& s = g.shape(t);
    if (s == Shape{1}) continue;
    if (s.rank() != out.rank()) g.shape_error(op, "the operands have different ranks", operands);
    for (int axis = 0; axis < out.rank(); ++axis) {
      if (s[axis] == out[axis] || s[axis] == 1) continue;
      if (out[axis] != 1)
        g.shape_error(op, "axis " + std::to_string(axis) + " does not fit (equal, or 1)", operands);
      out[axis] = s[axis];
    }
  }
  return out;
}

DType detail::common_float_type(const Graph& g, const char* op, std::span<const Tensor> operands) {
  for (Tensor t : operands)
    if (g.type(t) != g.type(operands[0])) g.shape_error(op, "the operands have different types", operands);
  if (g.type(operands[0]) != DType::kF32 && g.type(operands[0]) != DType::kF64)
    g.shape_error(op, "the operands must be f32 or f64", operands);
  return g.type(operands[0]);
}

}  // namespace hardy::ops
