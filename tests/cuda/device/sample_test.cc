// The page docs/gpu.md: its functor and its kernel, compiled from the page, on both devices.
#include <algorithm>

#include "engine/ops/pointwise.h"
#include "formula.h"
#include "tests/cuda/device/devices.h"

namespace hardy::test {
namespace {

TEST(DeviceSample, TheFunctorOfThePageHasItsValueAndGradientOnBothDevices) {
  Case c;
  c.value_and_gradients(ops::map(c.g, LogCosh{}, c.normal(DType::kF32, {2, 33})));
  compare(c, 1e-6, "log cosh", false);
}

void reverse_on_the_cpu(const graph::KernelCall& call, ThreadTeam&) {
  const float* x = call.inputs[0].as<const float>();
  std::reverse_copy(x, x + call.inputs[0].elements(), call.outputs[0].as<float>());
}
TEST(DeviceSample, TheKernelOfThePageAgreesWithTheCpus) {
  const graph::Op reverse{.name = "reverse", .cpu = reverse_on_the_cpu};
  Case c;
  const Tensor x = c.normal(DType::kF32, {257});
  c.outputs = {c.g.apply(reverse, {x}, DType::kF32, {257})};
  compare(c, 0, "reverse", false);
}

}  // namespace
}  // namespace hardy::test
