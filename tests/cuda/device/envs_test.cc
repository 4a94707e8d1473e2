// Environments on the device against their twins on the CPU.
#include <gtest/gtest.h>

#include <cmath>
#include <type_traits>

#include "envs/control/cart_pole.h"
#include "envs/control/device_batch.h"
#include "envs/control/enumerable_mdp.h"
#include "envs/control/pendulum.h"
#include "envs/environment.h"
#include "envs/linear_mdp/enumerable.h"
#include "tests/cuda/device/devices.h"

namespace hardy::envs {
namespace {

using test::device;

// Both sides from the same seeds with the same actions in [low, high), choices the integers therein; sin and
// cos may differ in the last place, and what a step makes of that grows from step to step.
template <class Task>
void expect_equal_rollouts(std::int64_t n, int steps, double tolerance, const Task& task = {},
                           float low = -1.5f, float high = 1.5f) {
  const auto size = static_cast<std::size_t>(n);
  const auto cpu = make_environment(Task::kName, static_cast<int>(n));
  DeviceBatch<Task> gpu(device(), n, task);
  const auto stream = device().stream();
  std::vector<std::uint64_t> seeds;
  for (std::int64_t i = 0; i < n; ++i)
    seeds.push_back(0x123456789abcdefULL * static_cast<std::uint64_t>(i + 1));
  device().upload(gpu.seeds(), seeds.data(), size * 8);
  gpu.reset(*stream);
  stream->synchronise();
  std::vector<double> obs(size * Task::kObservation), there(obs.size()), rewards(size), rewards_there(size);
  std::vector<std::uint8_t> ended(size), cut(size), ended_there(size), cut_there(size);
  for (std::int64_t i = 0; i < n; ++i)
    cpu->reset(static_cast<int>(i), seeds[static_cast<std::size_t>(i)],
               std::span(obs).subspan(static_cast<std::size_t>(i) * Task::kObservation, Task::kObservation));
  for (int t = 0; t < steps; ++t) {
    std::vector<typename Task::Action> actions(size * Task::kAction);
    for (std::size_t i = 0; i < actions.size(); ++i)
      actions[i] = static_cast<typename Task::Action>(
          low + (high - low) * Random(5, RandomStream::kUser, static_cast<std::uint64_t>(t)).uniform(i));
    cpu->step(0, static_cast<int>(n), actions, obs, rewards, ended, cut);
    device().upload(gpu.actions(), actions.data(), actions.size() * 4);
    gpu.step(*stream);
    stream->synchronise();
    device().download(there.data(), gpu.memory().observations, there.size() * 8);
    device().download(rewards_there.data(), gpu.memory().rewards, size * 8);
    device().download(ended_there.data(), gpu.memory().terminated, size);
    device().download(cut_there.data(), gpu.memory().truncated, size);
    for (std::size_t i = 0; i < obs.size(); ++i) ASSERT_NEAR(obs[i], there[i], tolerance) << "step " << t;
    for (std::size_t i = 0; i < size; ++i)
      ASSERT_NEAR(rewards[i], rewards_there[i], tolerance) << "step " << t;
    ASSERT_EQ(ended, ended_there);
    ASSERT_EQ(cut, cut_there);
  }
}

// On the device as the host's compiler built it, and as nvcc did.
template <class... Arguments>
void expect_equal_on_both_builds(void (*rollouts)(Arguments...),
                                 std::type_identity_t<Arguments>... arguments) {
  rollouts(arguments...);
  if (!test::has_ptx()) return;
  const test::FromPtx from_ptx;
  rollouts(arguments...);
}

TEST(DeviceEnvironments, PendulumAgreesWithTheCpu) {
  expect_equal_on_both_builds(expect_equal_rollouts<Pendulum>, 33, 205, 1e-6, {}, -1.5f, 1.5f);
}
TEST(DeviceEnvironments, CartPoleAgreesWithTheCpu) {
  expect_equal_on_both_builds(expect_equal_rollouts<CartPole>, 257, 30, 1e-9, {}, 0.0f, 2.0f);
}

// The registered environment's own tables on the device; past the last layer as well. Additions alone: the
// same bits.
TEST(DeviceEnvironments, TheEnumerableMdpAgreesWithTheCpuBitForBit) {
  device::Device& d = device();
  const EnumerableTables tables = enumerable_example();
  std::vector<device::Memory> owned;
  const auto place = [&](const std::vector<double>& x) {
    owned.push_back(device::allocate(d, x.size() * 8));
    d.upload(owned.back().get(), x.data(), x.size() * 8);
    return static_cast<const double*>(owned.back().get());
  };
  const EnumerableMdp there{
      tables.layers,       tables.states, tables.actions, place(tables.start), place(tables.transitions),
      place(tables.losses)};
  expect_equal_on_both_builds(expect_equal_rollouts<EnumerableMdp>, 257, static_cast<int>(tables.layers) + 2,
                              0.0, there, 0.0f, static_cast<float>(tables.actions));
}

// The frequency of each transition against its probability, and losses exactly.
TEST(DeviceEnvironments, AnEnumerableMdpDrawsItsTransitionsAndPaysItsLosses) {
  constexpr std::int64_t kLayers = 3, kStates = 4, kActions = 2, kInstances = 4096;
  std::vector<double> p, l;
  for (std::int64_t row = 0; row < (kLayers - 1) * kStates * kActions; ++row) {
    const Random random(9, RandomStream::kUser, static_cast<std::uint64_t>(row));
    double total = 0;
    std::vector<double> weights;
    for (std::int64_t s = 0; s < kStates; ++s) {
      weights.push_back(s == row % kStates ? 0 : random.uniform64(static_cast<std::uint64_t>(s)));
      total += weights.back();
    }
    for (const double w : weights) p.push_back(w / total);
  }
  for (std::int64_t i = 0; i < kLayers * kStates * kActions; ++i) l.push_back(0.01 * static_cast<double>(i));
  device::Device& d = device();
  const auto transitions = device::allocate(d, p.size() * 8), losses = device::allocate(d, l.size() * 8);
  d.upload(transitions.get(), p.data(), p.size() * 8);
  d.upload(losses.get(), l.data(), l.size() * 8);
  DeviceBatch<EnumerableMdp> batch(
      d, kInstances,
      {kLayers, kStates, kActions, nullptr, static_cast<const double*>(transitions.get()),
       static_cast<const double*>(losses.get())});
  std::vector<std::uint64_t> seeds(kInstances);
  for (std::size_t i = 0; i < seeds.size(); ++i) seeds[i] = i + 1;
  d.upload(batch.seeds(), seeds.data(), seeds.size() * 8);
  const auto stream = d.stream();
  batch.reset(*stream);
  const std::vector<std::int32_t> actions(kInstances, 1);
  d.upload(batch.actions(), actions.data(), actions.size() * 4);
  std::vector<double> at(kInstances * 2, 0), next(at.size()), rewards(kInstances);
  std::vector<std::uint8_t> ended(kInstances);
  for (std::int64_t h = 0; h < kLayers; ++h) {
    batch.step(*stream);
    stream->synchronise();
    d.download(next.data(), batch.memory().observations, next.size() * 8);
    d.download(rewards.data(), batch.memory().rewards, rewards.size() * 8);
    d.download(ended.data(), batch.memory().terminated, ended.size());
    std::vector<double> came(kStates * kStates, 0), from(kStates, 0);
    for (std::size_t i = 0; i < kInstances; ++i) {
      const auto s = static_cast<std::size_t>(at[2 * i + 1]), s2 = static_cast<std::size_t>(next[2 * i + 1]);
      EXPECT_EQ(rewards[i], -l[(static_cast<std::size_t>(h) * kStates + s) * kActions + 1]);
      EXPECT_EQ(ended[i], h + 1 == kLayers);
      from[s] += 1;
      came[s * kStates + s2] += 1;
    }
    for (std::size_t s = 0; h + 1 < kLayers && s < kStates; ++s)
      for (std::size_t s2 = 0; s2 < kStates; ++s2) {
        if (from[s] < 100) continue;
        const double expected =
            p[((static_cast<std::size_t>(h) * kStates + s) * kActions + 1) * kStates + s2];
        EXPECT_NEAR(came[s * kStates + s2] / from[s], expected, 5 * std::sqrt(0.25 / from[s]));
        if (expected == 0) {
          EXPECT_EQ(came[s * kStates + s2], 0);
        }
      }
    at = next;
  }
}

}  // namespace
}  // namespace hardy::envs
