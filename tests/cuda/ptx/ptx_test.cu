// Kernels from the PTX that nvcc made, against the host compiler's build of the same source; and mutations of
// the PTX, which must show: else what ran was not the PTX.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <iterator>

#include "cuda/emulation/control.h"
#include "tests/cuda/emulation/device_array.h"
#include "tests/cuda/ptx/samples.cuh"

namespace hardy::emulation::testing {
namespace {

using Outputs = std::vector<double>;

template <class T>
Outputs as_doubles(const std::vector<T>& values) {
  return Outputs(values.begin(), values.end());
}

std::vector<float> waves(std::size_t n, float frequency) {
  std::vector<float> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = std::sin(frequency * static_cast<float>(i));
  return v;
}

Outputs axpy() {
  const DeviceArray<float> x(waves(300, 0.1f)), y(waves(300, 0.3f));
  succeed(cuda::launch(samples::axpy, 3, 128, 0, nullptr, 0.7f, x.data(), y.data(), 300));
  return as_doubles(y.get());
}
Outputs product() {
  const DeviceArray<float> a(waves(33 * 31, 0.1f)), b(waves(31 * 40, 0.2f)), c(33 * 40);
  succeed(cuda::launch(samples::product, dim3(3, 3), dim3(16, 16), 0, nullptr, 33, 40, 31, a.data(), b.data(),
                       c.data()));
  return as_doubles(c.get());
}
Outputs softmax() {
  const DeviceArray<float> x(waves(5 * 70, 0.1f)), y(5 * 70);
  succeed(cuda::launch(samples::softmax, 2, 128, 0, nullptr, x.data(), y.data(), 5, 70));
  return as_doubles(y.get());
}
Outputs sum_by_cub() {
  std::vector<int> x(257);
  for (int i = 0; i < 257; ++i) x[static_cast<std::size_t>(i)] = i * i;
  const DeviceArray<int> in(x), out(1);
  succeed(cuda::launch(samples::sum_by_cub<128>, 1, 128, 0, nullptr, in.data(), 257, out.data()));
  return as_doubles(out.get());
}
Outputs histogram() {
  std::vector<int> x(257);
  for (int i = 0; i < 257; ++i) x[static_cast<std::size_t>(i)] = i * i / 3;
  const DeviceArray<int> in(x), counts(std::vector<int>(8, 0));
  succeed(cuda::launch(samples::histogram, 2, 64, 8 * sizeof(int), nullptr, in.data(), 257, counts.data()));
  return as_doubles(counts.get());
}
Outputs draw() {
  const DeviceArray<unsigned> bits(100);
  const DeviceArray<float> uniform(100);
  succeed(cuda::launch(samples::draw, 1, 128, 0, nullptr, 0x123456789ull, 77ull, bits.data(), uniform.data(),
                       100));
  Outputs all = as_doubles(bits.get());
  const Outputs more = as_doubles(uniform.get());
  all.insert(all.end(), more.begin(), more.end());
  return all;
}
Outputs roots() {
  std::vector<double> x(65);
  for (int i = 0; i < 65; ++i) x[static_cast<std::size_t>(i)] = i - 32;
  const DeviceArray<double> in(x), out(65);
  succeed(cuda::launch(samples::roots, 1, 96, 0, nullptr, in.data(), out.data(), 65));
  return out.get();
}

struct Sample {
  const char* name;
  Outputs (*run)();
  double tolerance;  // 0: the same bits
};
const Sample kSamples[] = {{"axpy", axpy, 0},           {"product", product, 0},
                           {"softmax", softmax, 2e-7},  {"sum_by_cub", sum_by_cub, 0},
                           {"histogram", histogram, 0}, {"draw", draw, 0},
                           {"roots", roots, 0}};

std::string ptx_text() {
  std::ifstream file(HARDY_SAMPLES_PTX);
  return {std::istreambuf_iterator<char>(file), {}};
}

class PtxOfNvcc : public ::testing::TestWithParam<Sample> {
 protected:
  ~PtxOfNvcc() override { unload_ptx(); }
};

TEST_P(PtxOfNvcc, AgreesWithTheHostsBuildUnderEverySchedule) {
  const Options before = options();
  const Outputs expected = GetParam().run();
  load_ptx(HARDY_SAMPLES_PTX);
  for (const Schedule schedule : {Schedule::kForward, Schedule::kReverse, Schedule::kRandom}) {
    options().schedule = schedule;
    const std::uint64_t instructions = statistics().ptx_instructions;
    const Outputs found = GetParam().run();
    EXPECT_GT(statistics().ptx_instructions, instructions + 100) << "the PTX did not run";
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i)
      EXPECT_NEAR(found[i], expected[i], GetParam().tolerance) << i;
  }
  options() = before;
}
INSTANTIATE_TEST_SUITE_P(Samples, PtxOfNvcc, ::testing::ValuesIn(kSamples),
                         [](const auto& one) { return one.param.name; });

struct Mutation {
  const char *sample, *from, *to;
};
// Each changes an opcode on the path of its sample.
const Mutation kMutations[] = {{"axpy", "fma.rn.f32", "add.f32"},
                               {"product", "fma.rn.f32", "mul.f32"},
                               {"product", "setp.lt.s32", "setp.ge.s32"},
                               {"softmax", "shfl.sync.bfly", "shfl.sync.idx"},
                               {"sum_by_cub", "shfl.sync.down", "shfl.sync.up"},
                               {"histogram", "atom.shared.add", "atom.shared.exch"},
                               {"histogram", "atom.global.add", "atom.global.max"},
                               {"histogram", "red.global.add", "red.global.max"},
                               {"draw", "mul.hi.u32", "mul.lo.u32"},
                               {"draw", "xor.b32", "or.b32"},
                               {"roots", "sqrt.rn.f64", "neg.f64"}};

TEST(PtxMutations, AChangedOpcodeChangesTheResultOrIsReported) {
  int tried = 0;
  for (const Mutation& mutation : kMutations) {
    std::string text = ptx_text();
    const std::string from = mutation.from;
    std::size_t replaced = 0;
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + 1)) {
      text.replace(at, from.size(), mutation.to);
      ++replaced;
    }
    if (replaced == 0) continue;  // this nvcc chose another opcode (atom or red)
    ++tried;
    for (const Sample& sample : kSamples) {
      if (std::string(sample.name) != mutation.sample) continue;
      unload_ptx();
      const Outputs expected = sample.run();
      load_ptx_text(text);
      options().abort_on_error = false;
      Outputs found;
      try {
        found = sample.run();
      } catch (...) {
      }
      options().abort_on_error = true;
      unload_ptx();
      bool differs = found.size() != expected.size();
      for (std::size_t i = 0; !differs && i < found.size(); ++i)
        differs = !(std::fabs(found[i] - expected[i]) <= sample.tolerance);
      EXPECT_TRUE(differs) << mutation.sample << ": " << mutation.from << " -> " << mutation.to;
    }
  }
  EXPECT_GE(tried, 9);
}

TEST(PtxMutations, AMissingBarrierIsReportedAsARace) {
  std::string text = ptx_text();
  for (std::size_t at = text.find("bar.sync"); at != std::string::npos; at = text.find("bar.sync", at))
    text.replace(at, text.find(';', at) - at, "");
  unload_ptx();
  load_ptx_text(text);
  EXPECT_DEATH(
      product(),
      "(race on|uninitialised read).*PTX line [0-9]+.*dynamic shared memory|race on dynamic shared memory");
  unload_ptx();
}

}  // namespace
}  // namespace hardy::emulation::testing
