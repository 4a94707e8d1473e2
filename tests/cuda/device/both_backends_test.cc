// The emulated backend and the real one in one program, each over a CUDA runtime of its own.
#include <gtest/gtest.h>

#include "engine/device/launch.h"
#include "engine/ops/linear.h"
#include "tests/cuda/device/devices.h"

namespace hardy::test {
namespace {

TEST(DeviceBackends, TheRealOneBesideTheEmulatedOneSeesTheRealMachine) {
  static_cast<void>(device());  // the emulated one, first
  if (!device::load_backend("cuda"))
    GTEST_SKIP() << "skipped: libhardy_cuda.so is not there: this build has no nvcc";
  const device::Backend *real = device::backends().find("cuda"),
                        *emulated = device::backends().find("cuda-emulated");
  ASSERT_NE(real, nullptr);
  ASSERT_NE(emulated, nullptr);
  // Emulated devices are as many as the options say; the real runtime does not know of them.
  const emulation::Options before = emulation::options();
  emulation::options().devices = 61;
  const std::size_t seen = emulated->devices().size();
  const bool usable = real->obstacle().empty();
  const std::vector<device::Info> there = real->devices();
  emulation::options() = before;
  EXPECT_EQ(seen, 61u);
  EXPECT_EQ(emulated->obstacle(), "");
  EXPECT_NE(there.size(), 61u) << "the real backend asks the emulated runtime";
  EXPECT_EQ(usable, !there.empty());
  for (const device::Info& d : there) {
    EXPECT_EQ(d.name.substr(0, 5), "cuda:");
    EXPECT_EQ(d.about.find("mulat"), std::string::npos) << d.about;
  }
  // Each has its own kernels, and the emulated ones still run.
  for (const std::string& key : graph::kernel_keys("cuda")) {
    EXPECT_NE(graph::find_kernel("cuda", key), nullptr) << key;
    EXPECT_NE(graph::find_kernel("cuda", key), graph::find_kernel("cuda-emulated", key)) << key;
  }
  EXPECT_EQ(device::launch_names("cuda"), device::launch_names("cuda-emulated"));
  EXPECT_FALSE(device::launch_names("cuda").empty());
  Case c;
  const Tensor x = c.normal(DType::kF32, {2, 33, 9}), w = c.normal(DType::kF32, {2, 9, 5}, 0.3);
  c.value_and_gradients(ops::relu(c.g, ops::linear(c.g, x, w)));
  compare(c, 1e-5, "a layer beside the real backend", false);
}

}  // namespace
}  // namespace hardy::test
