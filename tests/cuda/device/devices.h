// What tests of a device share: the device, memory with poison in it, and one graph run on the CPU and there.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "cuda/emulation/control.h"
#include "engine/base/random.h"
#include "engine/base/threads.h"
#include "engine/device/backends.h"
#include "engine/graph/device_kernels.h"
#include "engine/graph/plan.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/reduce.h"

namespace hardy::test {

using graph::Graph;
using graph::Plan;
using graph::Tensor;

// The emulated device, and on a machine with a GPU (HARDY_TEST_DEVICE=cuda) that one.
inline std::string device_name() {
  const char* chosen = std::getenv("HARDY_TEST_DEVICE");
  return chosen ? chosen : "cuda-emulated";
}
inline device::Device& device() {
  static const std::unique_ptr<device::Device> opened = device::open_device(device_name());
  return *opened;
}

// What only the emulation has: counts of what happened, machines and failures to order, rules that it
// enforces.
inline bool is_emulated() { return device_name().starts_with("cuda-emulated"); }
#define REQUIRE_EMULATION()          \
  if (!::hardy::test::is_emulated()) \
  GTEST_SKIP() << "skipped: it asks the emulation for what a GPU does not have"

// A graph over operands that the test fills; what it gives is compared between the devices.
struct Case {
  Graph g;
  std::vector<Tensor> operands, outputs;
  std::vector<std::vector<std::byte>> values;  // of the operands

  Tensor operand(DType type, const Shape& shape, const std::function<double(std::int64_t)>& value) {
    operands.push_back(g.parameter("x" + std::to_string(operands.size()), type, shape));
    std::vector<std::byte> bytes(static_cast<std::size_t>(shape.elements()) * size_of(type));
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
      const auto store = [&](auto x) {
        std::memcpy(bytes.data() + static_cast<std::size_t>(i) * sizeof x, &x, sizeof x);
      };
      if (type == DType::kF32) store(static_cast<float>(value(i)));
      if (type == DType::kF64) store(value(i));
      if (type == DType::kI32) store(static_cast<std::int32_t>(value(i)));
      if (type == DType::kBool) store(static_cast<std::uint8_t>(value(i) != 0));
    }
    values.push_back(std::move(bytes));
    return operands.back();
  }
  Tensor normal(DType type, const Shape& shape, double scale = 1, double shift = 0) {
    const Random random(operands.size() + 17, RandomStream::kUser);
    return operand(type, shape, [&](std::int64_t i) {
      return shift + scale * random.normal(static_cast<std::uint64_t>(i));
    });
  }
  Tensor integers(const Shape& shape, std::uint32_t below) {
    const Random random(operands.size() + 17, RandomStream::kUser);
    return operand(DType::kI32, shape,
                   [&](std::int64_t i) { return random.integer(static_cast<std::uint64_t>(i), below); });
  }
  Tensor constants(const Shape& shape, std::int32_t value) {
    return operand(DType::kI32, shape, [=](std::int64_t) { return value; });
  }
  // y, and what flows back to its operands from weights of its own.
  void value_and_gradients(Tensor y) {
    outputs.push_back(y);
    const std::vector<Tensor> wrt = operands;
    const Tensor w = normal(g.type(y), g.shape(y), 0.3, 1);
    const Tensor loss = ops::sum_to(g, ops::multiply(g, y, w), Shape{1});
    std::vector<Tensor> floats;
    for (Tensor t : wrt)
      if (g.type(t) == DType::kF32 || g.type(t) == DType::kF64) floats.push_back(t);
    for (Tensor d : graph::differentiate(g, loss, floats))
      if (d) outputs.push_back(d);
  }
};

inline std::vector<std::vector<std::byte>> run_on_cpu(const Case& c, bool fuse = true) {
  Plan plan(c.g, c.outputs, {.fuse = fuse, .in_place = fuse});
  for (std::size_t i = 0; i < c.operands.size(); ++i)
    std::memcpy(plan.raw(c.operands[i]), c.values[i].data(), c.values[i].size());
  ThreadTeam team;
  plan.run(team);
  std::vector<std::vector<std::byte>> results;
  for (Tensor t : c.outputs) {
    const auto* at = static_cast<const std::byte*>(plan.raw(t));
    results.emplace_back(at, at + static_cast<std::size_t>(c.g.shape(t).elements()) * size_of(c.g.type(t)));
  }
  return results;
}

// The outputs hold NaN (all bits 1) before the run. captured: a run is captured after a first one, and
// replayed.
inline std::vector<std::vector<std::byte>> run_on_device(const Case& c, bool fuse = true,
                                                         bool captured = false,
                                                         device::Device& d = device()) {
  Plan plan(c.g, c.outputs, {.fuse = fuse, .in_place = fuse, .device = &d});
  const std::unique_ptr<device::Stream> stream = d.stream();
  for (std::size_t i = 0; i < c.operands.size(); ++i)
    d.upload(plan.raw(c.operands[i]), c.values[i].data(), c.values[i].size());
  std::vector<std::vector<std::byte>> results;
  for (Tensor t : c.outputs)
    results.emplace_back(static_cast<std::size_t>(c.g.shape(t).elements()) * size_of(c.g.type(t)),
                         std::byte{0xff});
  const auto poison = [&] {
    for (std::size_t i = 0; i < results.size(); ++i) {
      bool given = false;  // an operand that is an output as well
      for (Tensor o : c.operands) given = given || o == c.outputs[i];
      if (!given) d.upload(plan.raw(c.outputs[i]), results[i].data(), results[i].size());
    }
  };
  poison();
  plan.enqueue(*stream);
  if (captured) {
    stream->synchronise();
    const auto step = stream->capture([&] { plan.enqueue(*stream); });
    poison();
    stream->replay(*step);
    stream->synchronise();
  }
  stream->synchronise();
  for (std::size_t i = 0; i < results.size(); ++i)
    d.download(results[i].data(), plan.raw(c.outputs[i]), results[i].size());
  return results;
}

template <class T>
void expect_near(const std::vector<std::byte>& actual, const std::vector<std::byte>& expected,
                 double tolerance, const std::string& what) {
  double largest = 0;
  std::vector<T> a(actual.size() / sizeof(T)), e(expected.size() / sizeof(T));
  std::memcpy(a.data(), actual.data(), actual.size());
  std::memcpy(e.data(), expected.data(), expected.size());
  for (const T x : e)
    if (std::isfinite(static_cast<double>(x))) largest = std::max(largest, std::abs(static_cast<double>(x)));
  for (std::size_t i = 0; i < e.size(); ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(e[i]);
    if (std::isnan(y) && std::isnan(x)) continue;
    if (x == y) continue;
    EXPECT_LE(std::abs(x - y), tolerance * std::max(largest, 1e-30))
        << what << ", element " << i << ": " << x << " against the CPU's " << y;
    if (::testing::Test::HasFailure()) return;
  }
}

// --- the backend's kernels as nvcc compiled them: PTX, interpreted (docs/cuda_emulation.md) ----------------
#ifdef HARDY_BACKEND_PTX
inline bool has_ptx() { return is_emulated(); }
#else
inline bool has_ptx() { return false; }  // there is no nvcc, or a sanitizer looks on
#endif

// While it lives every kernel runs from PTX; one that does not fails the test.
class FromPtx {
 public:
  FromPtx() {
#ifdef HARDY_BACKEND_PTX
    [[maybe_unused]] static const bool loaded = (emulation::load_ptx(HARDY_BACKEND_PTX), true);
#endif
    emulation::options().ptx = true;
  }
  ~FromPtx() {
    emulation::options().ptx = false;
    const emulation::Statistics now = emulation::statistics();
    EXPECT_GT(now.kernel_launches, before_.kernel_launches);
    EXPECT_EQ(now.kernel_launches - before_.kernel_launches, now.ptx_launches - before_.ptx_launches)
        << "a kernel ran that is not of nvcc's PTX";
  }
  FromPtx(const FromPtx&) = delete;
  FromPtx& operator=(const FromPtx&) = delete;

 private:
  emulation::Statistics before_ = emulation::statistics();
};

inline void expect_near(const std::vector<std::byte>& actual, const std::vector<std::byte>& expected,
                        DType type, double tolerance, const std::string& what) {
  if (type == DType::kF32)
    expect_near<float>(actual, expected, tolerance, what);
  else if (type == DType::kF64)
    expect_near<double>(actual, expected, tolerance * 1e-6, what);
  else
    EXPECT_EQ(actual, expected) << what;
}

// The device's results against the CPU's within `tolerance` of the largest of a result (f64: a millionth of
// it), integers and booleans exactly; twice the same bits; and where nvcc is, its PTX of the same kernels
// against both.
inline void compare(const Case& c, double tolerance, const std::string& what, bool ptx = has_ptx(),
                    device::Device& on = device()) {
  const auto cpu = run_on_cpu(c), first = run_on_device(c, true, false, on);
  hardy::emulation::options().seed += 1;  // another order of blocks and threads
  const auto second = run_on_device(c, true, false, on);
  std::vector<std::vector<std::byte>> third;
  if (ptx) {
    const FromPtx from_ptx;
    third = run_on_device(c, true, false, on);
  }
  for (std::size_t i = 0; i < cpu.size(); ++i) {
    const std::string which = what + ", output " + std::to_string(i) + " " + c.g.describe(c.outputs[i]) +
                              " " + c.g.shape(c.outputs[i]).str();
    const DType type = c.g.type(c.outputs[i]);
    EXPECT_EQ(first[i], second[i]) << which << ": other bits in another schedule";
    expect_near(first[i], cpu[i], type, tolerance, which);
    if (!ptx) continue;
    expect_near(third[i], cpu[i], type, tolerance, which + ", from PTX");
    expect_near(third[i], first[i], type, tolerance, which + ", from PTX against the host's build");
  }
}

// What the device makes of the first of so many agents, all outputs but the second: that is what goes on to
// the first operand, a product of the library, whose bits may depend on how many there are.
inline std::vector<std::vector<std::byte>> first_of_agents(const Case& c, std::int64_t agents) {
  std::vector<std::vector<std::byte>> results = run_on_device(c);
  results.erase(results.begin() + 1);
  for (auto& bytes : results) bytes.resize(bytes.size() / static_cast<std::size_t>(agents));
  return results;
}

}  // namespace hardy::test
