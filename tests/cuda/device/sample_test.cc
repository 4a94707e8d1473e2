// The page docs/gpu.md: its functor and its kernel, compiled from the page, on both devices. This program is
// linked with the emulated backend's build of them; the real one's, by nvcc, lies in a library beside it.
#include <dlfcn.h>

#include <algorithm>

#include "engine/ops/pointwise.h"
#include "formula.h"
#include "tests/cuda/device/devices.h"

namespace hardy::test {
namespace {

// False where the page's kernels are not there for the device that the tests run on.
bool have_sample() {
  if (is_emulated()) return true;
  device();  // loads the backend
  static const bool loaded = dlopen("libhardy_docs_sample_cuda.so", RTLD_NOW | RTLD_LOCAL) != nullptr;
  return loaded;
}
#define REQUIRE_SAMPLE() \
  if (!have_sample()) GTEST_SKIP() << "skipped: " << dlerror()

TEST(DeviceSample, TheFunctorOfThePageHasItsValueAndGradientOnBothDevices) {
  REQUIRE_SAMPLE();
  Case c;
  c.value_and_gradients(ops::map(c.g, LogCosh{}, c.normal(DType::kF32, {2, 33})));
  compare(c, 1e-6, "log cosh", false);
}

void reverse_on_the_cpu(const graph::KernelCall& call, ThreadTeam&) {
  const float* x = call.inputs[0].as<const float>();
  std::reverse_copy(x, x + call.inputs[0].elements(), call.outputs[0].as<float>());
}
TEST(DeviceSample, TheKernelOfThePageAgreesWithTheCpus) {
  REQUIRE_SAMPLE();
  const graph::Op reverse{.name = "reverse", .cpu = reverse_on_the_cpu};
  Case c;
  const Tensor x = c.normal(DType::kF32, {257});
  c.outputs = {c.g.apply(reverse, {x}, DType::kF32, {257})};
  compare(c, 0, "reverse", false);
}

}  // namespace
}  // namespace hardy::test
