// The kernels of whole training steps as nvcc compiled them: PTX of the backend's own sources, interpreted,
// against the CPU and against the host compiler's build of the same sources. (Op by op: compare() of
// devices.h.)
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "algorithms/offline/formulas.h"
#include "engine/ops/gather.h"
#include "engine/ops/linear.h"
#include "engine/ops/order_statistics.h"
#include "engine/ops/pointwise.h"
#include "tests/cuda/device/training.h"

#ifndef HARDY_BACKEND_PTX
#define HARDY_BACKEND_PTX ""
#endif

namespace hardy::test {
namespace {

#define REQUIRE_PTX()                                                                      \
  if (!has_ptx())                                                                          \
  GTEST_SKIP() << "skipped: no PTX: there is no nvcc, a sanitizer looks on, or this is a " \
                  "GPU"

bool ran(const std::string& part) {
  for (const std::string& symbol : emulation::kernels_run_from_ptx())
    if (symbol.find(part) != std::string::npos) return true;
  return false;
}

TEST(DevicePtx, TenUpdatesOfRiqlWithNvccsKernelsAgreeWithTheCpuAndTheHostsBuild) {
  REQUIRE_PTX();
  const auto cpu = offline("riql", nullptr), host = offline("riql", &device()),
             nvcc = offline("riql", &device());
  const Trained by_cpu = train(cpu->learner()), by_host = train(host->learner());
  Trained by_nvcc;
  {
    const FromPtx from_ptx;  // no kernel of the step may come from elsewhere
    by_nvcc = train(nvcc->learner());
  }
  expect_equal(by_cpu, by_nvcc);
  expect_equal(by_host, by_nvcc);
  for (const char* kernel :
       {"chain_kernel", "FollowQuantile", "quantile_kernel", "gather_columns_kernel", "rows_kernel",
        "narrow_forward_kernel", "narrow_gradients_kernel", "shallow_forward_kernel",
        "shallow_gradients_kernel", "masked_kernel", "gate_kernel", "descend_kernel", "index_kernel"})
    EXPECT_TRUE(ran(kernel)) << kernel << " did not run from PTX";
}
TEST(DevicePtx, UpdatesOfRiqlOnTensorCoresWithNvccsKernelsAgreeWithTheCpu) {
  REQUIRE_PTX();
  const auto on = device::open_device(device_name(), {.products = device::Products::kThreeTf32});
  const Values wide{{"hidden", "36"}, {"batch-size", "33"}, {"critics", "2"}};
  const auto cpu = offline("riql", nullptr, wide), nvcc = offline("riql", on.get(), wide);
  const Trained by_cpu = train(cpu->learner(), 3);
  Trained by_nvcc;
  {
    const FromPtx from_ptx;
    by_nvcc = train(nvcc->learner(), 3);
  }
  expect_equal(by_cpu, by_nvcc);
  EXPECT_TRUE(ran("tensor_product_kernel"));
}
TEST(DevicePtx, TenUpdatesOfSacWithNvccsKernelsAgree) {
  REQUIRE_PTX();
  OnAReplay cpu("sac", nullptr), nvcc("sac", &device());
  const Trained by_cpu = train(cpu.learner);
  const FromPtx from_ptx;
  expect_equal(by_cpu, train(nvcc.learner));
}

// --- an opcode that is changed must show: else it might not be the PTX that runs -------------------------

std::string text_of(const std::string& part) {
  std::istringstream paths(HARDY_BACKEND_PTX);
  for (std::string path; std::getline(paths, path, ':');)
    if (path.find(part) != std::string::npos) {
      std::ifstream file(path);
      return {std::istreambuf_iterator<char>(file), {}};
    }
  return "";
}

Case losses() {
  Case c;
  const Tensor x = c.normal(DType::kF32, {2, 33}), d = c.normal(DType::kF32, {2, 33}, 0.1, 1);
  c.value_and_gradients(ops::map(c.g, algorithms::Huber{}, x, d));
  c.outputs.push_back(ops::map(c.g, algorithms::Expectile{0.7}, x));
  return c;
}
Case loss() {
  Case c;
  c.outputs = {ops::map(c.g, algorithms::HuberWithin{}, c.normal(DType::kF32, {2, 33}),
                        c.normal(DType::kF32, {2, 33}, 0.1, 1), c.normal(DType::kF32, {2, 33}))};
  return c;
}
Case quantile() {
  Case c;
  c.outputs = {ops::quantile(c.g, c.normal(DType::kF32, {2, 5, 33}), 0.1, 1)};
  return c;
}
Case gather() {
  Case c;
  c.outputs = {ops::gather_rows(c.g, c.normal(DType::kF32, {300, 7}), c.integers({2, 65}, 300))};
  return c;
}

Case columns() {
  Case c;
  const Tensor index = c.integers({2, 65}, 300);
  for (const std::int64_t width : {7, 2})
    c.outputs.push_back(ops::gather_rows(c.g, c.normal(DType::kF32, {300, width}), index));
  return c;
}
Case head() {
  Case c;
  const Tensor x = c.normal(DType::kF32, {2, 33, 9}), w = c.normal(DType::kF32, {2, 9, 3}, 0.3),
               b = c.normal(DType::kF32, {2, 3});
  c.outputs = {ops::add_bias(c.g, ops::linear(c.g, x, w), b)};
  return c;
}
Case first_layer() {
  Case c;
  const Tensor x = c.normal(DType::kF32, {2, 33, 5});
  c.value_and_gradients(ops::linear(c.g, x, c.normal(DType::kF32, {2, 3, 5, 12}, 0.3)));
  return c;
}

struct Mutation {
  const char *file, *from, *to;
  Case (*run)();
};
const Mutation kMutations[] = {{"formulas_chains", "mul.f32", "add.f32", losses},
                               {"formulas_chains", "div.rn.f32", "mul.f32", losses},
                               {"formulas_offline", "mul.f32", "add.f32", loss},
                               {"formulas_offline", "div.rn.f32", "mul.f32", loss},
                               {"order_statistics", "setp.lt.f32", "setp.gt.f32", quantile},
                               {"order_statistics", "setp.leu.f32", "setp.geu.f32", quantile},
                               {"gather", "ld.global.s32", "ld.global.u8", gather},
                               {"gather", "st.global.u32", "red.global.max.u32", gather},
                               {"gather", "ld.global.u32", "ld.global.u8", columns},
                               {"narrow", "shfl.sync.bfly", "shfl.sync.down", head},
                               {"shallow", "add.f32", "sub.f32", first_layer}};

bool differs(const std::vector<std::vector<std::byte>>& a, const std::vector<std::vector<std::byte>>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::vector<float> x(a[i].size() / 4), y(x.size());
    std::memcpy(x.data(), a[i].data(), a[i].size());
    std::memcpy(y.data(), b[i].data(), b[i].size());
    for (std::size_t k = 0; k < x.size(); ++k)
      if (!(std::abs(x[k] - y[k]) <= 1e-3f)) return true;
  }
  return false;
}

TEST(DevicePtx, AChangedOpcodeOfARealKernelChangesItsResult) {
  REQUIRE_PTX();
  std::set<std::string> changed;
  for (const Mutation& m : kMutations) {
    std::string text = text_of(m.file);
    const std::string from = m.from;
    int replaced = 0;
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + 1), ++replaced)
      text.replace(at, from.size(), m.to);
    if (replaced == 0) continue;  // this nvcc chose another opcode
    const Case c = m.run();
    const auto expected = run_on_cpu(c);
    {
      const FromPtx whole;
      EXPECT_FALSE(differs(expected, run_on_device(c))) << m.file;
      emulation::load_ptx_text(text);
      EXPECT_TRUE(differs(expected, run_on_device(c))) << m.file << ": " << m.from << " -> " << m.to;
    }
    emulation::load_ptx_text(text_of(m.file));
    changed.insert(m.file);
  }
  EXPECT_EQ(changed.size(), 6u) << "no opcode of one of the files was found";
}

// The optimiser's square root: Adam's step is another without it.
TEST(DevicePtx, AChangedOpcodeOfTheOptimiserChangesTraining) {
  REQUIRE_PTX();
  std::string text = text_of("descent");
  const std::string from = "sqrt.rn.f32";
  std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos);
  for (; at != std::string::npos; at = text.find(from, at)) text.replace(at, from.size(), "abs.f32");
  const auto as_it_is = offline("bc", &device()), changed = offline("bc", &device());
  Trained before, after;
  {
    const FromPtx from_ptx;
    before = train(as_it_is->learner(), 2);
    emulation::load_ptx_text(text);
    after = train(changed->learner(), 2);
  }
  emulation::load_ptx_text(text_of("descent"));
  EXPECT_NE(before.tensors.at("policy/w0"), after.tensors.at("policy/w0"));
}

}  // namespace
}  // namespace hardy::test
