// The device's optimiser step against the CPU's: every rule, with and without momentum, decay, clipping and
// averages, over ten steps that are captured once and replayed.
#include <gtest/gtest.h>

#include <array>

#include "engine/nn/device_descent.h"
#include "engine/nn/optimise.h"
#include "tests/cuda/device/devices.h"

namespace hardy::nn {
namespace {

using Rule = GroupSettings::Rule;
using test::device;

constexpr std::int64_t kAgents = 3;
constexpr std::int64_t kSizes[] = {1, 31, 33, 255, 257, 2 * kDescentPiece + 5};  // of an agent's part
constexpr std::size_t kTensors = std::size(kSizes);
constexpr std::uint64_t kSteps = 10;

enum Slab : std::size_t { kValue, kGradient, kFirst, kSecond, kTarget, kSlabs };
using Memory = std::array<std::array<std::vector<float>, kTensors>, kSlabs>;

std::size_t elements(std::size_t tensor) { return static_cast<std::size_t>(kAgents * kSizes[tensor]); }

// Moments that the rule does not have hold NaN, and must keep it.
Memory start(const GroupSettings& s) {
  const bool adam = s.rule != Rule::kSgd;
  Memory m;
  for (std::size_t t = 0; t < kTensors; ++t) {
    const Random random(11, RandomStream::kUser, t);
    for (auto& slab : m) slab[t].assign(elements(t), 0.0f);
    for (std::size_t i = 0; i < elements(t); ++i) m[kValue][t][i] = m[kTarget][t][i] = random.normal(i);
    if (!adam && s.momentum == 0) m[kFirst][t].assign(elements(t), std::nanf(""));
    if (!adam) m[kSecond][t].assign(elements(t), std::nanf(""));
    if (s.polyak == 0) m[kTarget][t].assign(elements(t), std::nanf(""));
  }
  return m;
}
void draw_gradients(Memory& m, std::uint64_t step) {
  for (std::size_t t = 0; t < kTensors; ++t) {
    const Random random(step, RandomStream::kNoise, t);
    for (std::size_t i = 0; i < elements(t); ++i) m[kGradient][t][i] = random.normal(i);
  }
}
// Tensors take turns between the groups.
Segment segment(std::array<float*, kSlabs> at, std::size_t tensor) {
  return {at[kValue],  at[kGradient], at[kFirst],     at[kSecond],
          at[kTarget], kAgents,       kSizes[tensor], static_cast<int>(tensor % 2)};
}
std::vector<Schedule> schedules() {
  return {Schedule::constant(0.01), Schedule::cosine(0.02, 0.001, 8).warmed_up(3)};
}
std::vector<GroupSettings> groups(const GroupSettings& s) {
  GroupSettings second = s;
  second.max_grad_norm = s.max_grad_norm / 3;
  return {s, second};
}

Memory ten_steps_on_the_cpu(const GroupSettings& s, const std::vector<std::uint8_t>& active) {
  Memory m = start(s);
  std::vector<Segment> segments;
  for (std::size_t t = 0; t < kTensors; ++t) {
    std::array<float*, kSlabs> at{};
    for (std::size_t k = 0; k < kSlabs; ++k) at[k] = m[k][t].data();
    segments.push_back(segment(at, t));
  }
  Optimiser optimiser(segments, groups(s));
  ThreadTeam team;
  for (std::uint64_t step = 0; step < kSteps; ++step) {
    draw_gradients(m, step);
    std::vector<double> rates;
    for (const Schedule& rate : schedules()) rates.push_back(rate.at(static_cast<std::int64_t>(step)));
    optimiser.step(static_cast<std::int64_t>(step) + 1, rates, active, team);
  }
  return m;
}

Memory ten_steps_on_the_device(const GroupSettings& s, const std::vector<std::uint8_t>& active) {
  device::Device& d = device();
  Memory m = start(s);
  std::vector<device::Memory> owned;
  const auto place = [&](const void* host, std::size_t bytes) {
    owned.push_back(device::allocate(d, bytes));
    d.upload(owned.back().get(), host, bytes);
    return owned.back().get();
  };
  std::vector<Segment> segments;
  std::array<std::array<float*, kSlabs>, kTensors> at{};
  for (std::size_t t = 0; t < kTensors; ++t) {
    for (std::size_t k = 0; k < kSlabs; ++k)
      at[t][k] = static_cast<float*>(place(m[k][t].data(), elements(t) * sizeof(float)));
    segments.push_back(segment(at[t], t));
  }
  const std::vector<std::int32_t> flags(active.begin(), active.end()), words(2, 0), stopped(4 * kAgents, 0);
  const std::vector<float> loss(kAgents, 1.0f);
  Gate gate;
  gate.memory = {static_cast<std::int32_t*>(place(words.data(), 8)),
                 static_cast<std::int32_t*>(place(flags.data(), 4 * flags.size())),
                 static_cast<std::int32_t*>(place(stopped.data(), 4 * stopped.size()))};
  gate.agents = kAgents;
  gate.groups = gate.rules = 2;
  for (std::size_t g = 0; g < 2; ++g) {
    gate.loss[g] = static_cast<const float*>(place(loss.data(), 4 * loss.size()));
    gate.settings[g] = groups(s)[g];
    gate.schedule[g] = schedules()[g];
  }
  const DeviceDescent descent(d, segments, gate);
  const auto stream = d.stream();
  emulation::unload_kernels();
  descent.load(*stream);
  const auto captured = stream->capture([&] { descent.enqueue(*stream, true); });
  for (std::uint64_t step = 0; step < kSteps; ++step) {
    draw_gradients(m, step);
    for (std::size_t t = 0; t < kTensors; ++t)
      d.upload(at[t][kGradient], m[kGradient][t].data(), elements(t) * sizeof(float));
    stream->replay(*captured);
    stream->synchronise();
  }
  for (std::size_t t = 0; t < kTensors; ++t)
    for (std::size_t k = 0; k < kSlabs; ++k)
      d.download(m[k][t].data(), at[t][k], elements(t) * sizeof(float));
  return m;
}

// Within 4e-6 of the largest of a tensor: contracted multiply-adds, a norm that is summed in another order.
void expect_equal(const Memory& expected, const Memory& found, const std::string& what) {
  const char* names[] = {"value", "gradient", "first moment", "second moment", "target"};
  for (std::size_t k = 0; k < kSlabs; ++k)
    for (std::size_t t = 0; t < kTensors; ++t) {
      float largest = 0, apart = 0;
      for (std::size_t i = 0; i < elements(t); ++i) {
        const float x = expected[k][t][i], y = found[k][t][i];
        ASSERT_EQ(std::isnan(x), std::isnan(y)) << what << ", " << names[k];
        if (std::isnan(x)) continue;
        largest = std::max(largest, std::abs(x));
        apart = std::max(apart, std::abs(x - y));
      }
      EXPECT_LE(apart, 4e-6f * largest) << what << ", " << names[k] << " of " << kSizes[t];
    }
}

// On the device as the host's compiler built it, and as nvcc did.
void expect_ten_equal_steps(const GroupSettings& s, const std::string& what) {
  const std::vector<std::uint8_t> active{1, 0, 1};  // the agent between them stays as it is
  const Memory cpu = ten_steps_on_the_cpu(s, active), there = ten_steps_on_the_device(s, active);
  expect_equal(cpu, there, what);
  const auto second = static_cast<std::ptrdiff_t>(kSizes[1]);
  const std::vector<float> first = start(s)[kValue][1];
  EXPECT_TRUE(
      std::equal(first.begin() + second, first.begin() + 2 * second, there[kValue][1].begin() + second))
      << what << ": an agent that was stopped has moved";
  EXPECT_FALSE(std::equal(first.begin(), first.begin() + second, there[kValue][1].begin())) << what;
  if (!test::has_ptx()) return;
  const test::FromPtx from_ptx;
  const Memory from_nvcc = ten_steps_on_the_device(s, active);
  expect_equal(cpu, from_nvcc, what + ", from PTX");
  expect_equal(there, from_nvcc, what + ", from PTX against the host's build");
}

TEST(DeviceDescent, TenStepsOfAdamAgree) {
  expect_ten_equal_steps({.rule = Rule::kAdam}, "Adam");
  expect_ten_equal_steps({.rule = Rule::kAdam, .weight_decay = 0.02, .polyak = 0.1}, "Adam with decay");
}
TEST(DeviceDescent, TenStepsOfAdamWAgree) {
  expect_ten_equal_steps({.rule = Rule::kAdamW, .weight_decay = 0.02}, "AdamW");
  expect_ten_equal_steps(
      {.rule = Rule::kAdamW, .beta1 = 0.8, .beta2 = 0.99, .weight_decay = 0.1, .polyak = 0.1},
      "AdamW with averages");
}
TEST(DeviceDescent, TenStepsOfSgdAgree) {
  expect_ten_equal_steps({.rule = Rule::kSgd}, "SGD");
  expect_ten_equal_steps({.rule = Rule::kSgd, .weight_decay = 0.02, .polyak = 0.1}, "SGD with decay");
}
TEST(DeviceDescent, TenStepsOfSgdWithMomentumAgree) {
  expect_ten_equal_steps({.rule = Rule::kSgd, .momentum = 0.9}, "SGD with momentum");
  expect_ten_equal_steps({.rule = Rule::kSgd, .weight_decay = 0.02, .momentum = 0.9, .polyak = 0.1},
                         "SGD with momentum and decay");
}
// Gradients' norms are near 17 and 48 (291 and 2,339 draws of a standard normal): 0.5 and a third of it clip
// both groups; 60 leaves the first alone, a third of it clips the second.
TEST(DeviceDescent, TenStepsWithClippedGradientsAgree) {
  expect_ten_equal_steps({.rule = Rule::kSgd, .momentum = 0.9, .max_grad_norm = 0.5}, "SGD");
  expect_ten_equal_steps({.rule = Rule::kAdam, .max_grad_norm = 60, .polyak = 0.1}, "Adam");
  expect_ten_equal_steps({.rule = Rule::kAdamW, .weight_decay = 0.02, .max_grad_norm = 0.5}, "AdamW");
}
// Otherwise the test above would not see clipping at all.
TEST(DeviceDescent, ClippingChangesWhatAStepDoes) {
  const std::vector<std::uint8_t> active(kAgents, 1);
  const Memory free = ten_steps_on_the_device({.rule = Rule::kSgd, .max_grad_norm = 1e9}, active),
               clipped = ten_steps_on_the_device({.rule = Rule::kSgd, .max_grad_norm = 0.5}, active);
  EXPECT_NE(free[kValue][5], clipped[kValue][5]);
}

}  // namespace
}  // namespace hardy::nn
