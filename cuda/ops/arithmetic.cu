// Arithmetic and activations (engine/ops/arithmetic.h).
#include "cuda/ops/map.cuh"
#include "engine/ops/attributes.h"
#include "engine/ops/formulas.h"

namespace hardy::cuda {
namespace {

template <class T>
__global__ void fill_kernel(T value, T* out, std::int64_t n) {
  for (const std::int64_t i : every(n)) out[i] = value;
}
void fill(const graph::KernelCall& call, device::Stream& stream) {
  const graph::Buffer& out = call.outputs[0];
  with_float(out.type, [&](auto t) {
    using T = decltype(t);
    launch("fill", fill_kernel<T>, blocks_for(out.elements()), kThreads, stream,
           static_cast<T>(call.attribute<ops::Fill>().value), out.as<T>(), out.elements());
  });
}
const graph::RegisterKernel fill_registration(kBackend, "fill", fill);

// An operand stretched to the output's shape: a copy whose operand is smaller.
void stretch(const graph::KernelCall& call, device::Stream& stream) {
  const graph::Buffer& out = call.outputs[0];
  with_float(out.type, [&](auto t) {
    using T = decltype(t);
    launch("stretch", map_kernel<ops::Copy, 1, T>, blocks_for(out.elements()), kThreads, stream, ops::Copy{},
           Operands<1>(out.shape, call.inputs), out.as<T>(), out.elements());
  });
}
const graph::RegisterKernel stretch_registration(kBackend, "stretch", stretch);

const RegisterMap<ops::Add, 2> add;
const RegisterMap<ops::Subtract, 2> subtract;
const RegisterMap<ops::Multiply, 2> multiply;
const RegisterMap<ops::Divide, 2> divide;
const RegisterMap<ops::Minimum, 2> minimum;
const RegisterMap<ops::Maximum, 2> maximum;
const RegisterMap<ops::Copy, 1> copy;
const RegisterMap<ops::Affine, 1> affine;
const RegisterMap<ops::Square, 1> square;
const RegisterMap<ops::Exp, 1> exponential;
const RegisterMap<ops::Log, 1> logarithm;
const RegisterMap<ops::Softplus, 1> softplus;
const RegisterMap<ops::Clamp, 1> clamp;
const RegisterMap<ops::Gelu, 1> gelu;
const RegisterMap<ops::Silu, 1> silu;
const RegisterMap<ops::Relu, 1> relu;
const RegisterMap<ops::ReluGradient, 2> relu_gradient;
const RegisterMap<ops::Tanh, 1> tangent;
const RegisterMap<ops::TanhGradient, 2> tanh_gradient;

}  // namespace
}  // namespace hardy::cuda
