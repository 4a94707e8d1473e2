// The emulated backend and the real one in one program, each over a CUDA runtime of its own.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "engine/base/error.h"
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

// Linked with NVIDIA's NCCL and run as far as it goes without two GPUs: it says its version, and begins
// nothing between devices that are not there.
TEST(DeviceBackends, TheExchangeOfRealGpusIsOverTheRealNccl) {
  static_cast<void>(device());  // the emulated one, with an NCCL of its own
  Dl_info here{};
  ASSERT_NE(dladdr(reinterpret_cast<const void*>(&device::load_backend), &here), 0);
  const std::filesystem::path path = std::filesystem::path(here.dli_fname).parent_path() / "libhardy_nccl.so";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "skipped: libhardy_nccl.so is not there: this build has no nvcc or no NCCL";
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << dlerror();
  const auto version = reinterpret_cast<const char* (*)()>(dlsym(library, "hardy_nccl_version"));
  const auto exchange = reinterpret_cast<void* (*)(int, const int*)>(dlsym(library, "hardy_nccl_exchange"));
  ASSERT_TRUE(version && exchange);
  EXPECT_EQ(std::string(version()).substr(0, 7), "NCCL 2.");
  const int nowhere[] = {60, 61};  // the emulation would take them
  const emulation::Options before = emulation::options();
  emulation::options().devices = 62;
  try {
    exchange(2, nowhere);
    ADD_FAILURE() << "it began among devices that are not there";
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("ncclCommInitAll: NCCL: "), std::string::npos) << e.message();
  }
  emulation::options() = before;
}

}  // namespace
}  // namespace hardy::test
