#include "engine/ops/pointwise.h"

namespace hardy::ops {

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
