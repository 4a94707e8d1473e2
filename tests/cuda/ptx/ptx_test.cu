// Kernels from the PTX that nvcc made, against the host compiler's build of the same source; and mutations of
// the PTX, which must show: else what ran was not the PTX.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>

#include "cuda/emulation/control.h"
#include "tests/cuda/ptx/sample_runs.cuh"

namespace hardy::emulation::testing {
namespace {

using samples::kSamples;
using samples::Outputs;
using samples::Sample;

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
  const Outputs from_loop = GetParam().expected();
  ASSERT_EQ(from_loop.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(expected[i], from_loop[i], GetParam().tolerance) << i << ", the host's build";
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
      samples::run_product(),
      "(race on|uninitialised read).*PTX line [0-9]+.*dynamic shared memory|race on dynamic shared memory");
  unload_ptx();
}

}  // namespace
}  // namespace hardy::emulation::testing
