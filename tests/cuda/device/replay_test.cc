// A replay that grows on a device: its tables there, and what an environment step costs.
#include "algorithms/learning/replay.h"

#include <gtest/gtest.h>

#include "algorithms/online/interacting_trainee.h"
#include "tests/cuda/device/training.h"

namespace hardy::algorithms {
namespace {

using test::device;

envs::EnvSpec space(bool discrete) {
  envs::EnvSpec spec;
  spec.name = "a test's";
  spec.observation_size = 3;
  spec.action_size = discrete ? 1 : 2;
  if (discrete) return spec.action_choices = 4, spec;
  spec.action_low = {-1, -2};
  spec.action_high = {1, 6};
  return spec;
}

// The number k of agent a's step t, another one wherever it stands.
double number(std::int64_t a, std::int64_t t, int k) { return static_cast<double>((a * 1000 + t) * 16 + k); }

void put(Replay& replay, bool discrete, std::int64_t a, std::int64_t t) {
  const std::vector<double> observation{number(a, t, 0), number(a, t, 1), number(a, t, 2)},
      next{number(a, t, 3), number(a, t, 4), number(a, t, 5)};
  const std::vector<std::int32_t> choice{static_cast<std::int32_t>(number(a, t, 6))};
  const std::vector<float> numbers{static_cast<float>(number(a, t, 6)), static_cast<float>(number(a, t, 7))};
  replay.put(
      a, t,
      {observation, next, discrete ? Actions(choice) : Actions(numbers), number(a, t, 8), (a + t) % 2 == 1});
}

// Steps far more than blocks are on their way, past the end of the tables; after each of them what the device
// has is asked for only now and then.
void expect_the_hosts_rows_on_the_device(bool discrete, std::int64_t agents) {
  constexpr std::int64_t kCapacity = 23, kSteps = 61;
  Replay replay(agents, kCapacity, space(discrete));
  const TransitionTables tables = replay.tables();
  device::Mirror mirror(device());
  const auto feed = replay.feed(&mirror);
  const auto expect_equal = [&]<class T>(const T* host, std::int64_t width, const char* what) {
    const auto n = static_cast<std::size_t>(agents * kCapacity * width);
    std::vector<T> there(n);
    device().download(there.data(), mirror.place_of(const_cast<T*>(host), n), n * sizeof(T));
    EXPECT_EQ(there, std::vector<T>(host, host + n)) << what;
  };
  for (std::int64_t t = 0; t < kSteps; ++t) {
    for (std::int64_t a = 0; a < agents; ++a) put(replay, discrete, a, t);
    replay.filled(t);
    feed->put(t % kCapacity);
    if (t % 20 != 0 && t + 1 < kSteps) continue;
    expect_equal(tables.observations, 3, "observations");
    if (discrete)
      expect_equal(tables.choices, 1, "choices");
    else
      expect_equal(tables.actions, 2, "actions");
    expect_equal(tables.rewards, 1, "rewards");
    expect_equal(tables.next_observations, 3, "next observations");
    expect_equal(tables.terminals, 1, "terminals");
    std::int32_t rows = 0;
    device().download(&rows, mirror.place_of(tables.rows, 1), sizeof rows);
    EXPECT_EQ(rows, std::min(t + 1, kCapacity));
  }
  // The last row, by what was put there.
  EXPECT_EQ(tables.next_observations[((agents - 1) * kCapacity + (kSteps - 1) % kCapacity) * 3 + 1],
            static_cast<float>(number(agents - 1, kSteps - 1, 4)));
}

TEST(DeviceReplay, HasTheHostsRowsOfAllAgentsAndTables) {
  for (const bool discrete : {false, true})
    for (const std::int64_t agents : {1, 5, 40}) expect_the_hosts_rows_on_the_device(discrete, agents);
  if (!test::has_ptx()) return;
  const test::FromPtx from_ptx;
  expect_the_hosts_rows_on_the_device(false, 5);
  expect_the_hosts_rows_on_the_device(true, 1);
}

// What some environment steps made the device do.
struct Cost {
  std::uint64_t launches, graphs, copies, waits, allocations;
  bool operator==(const Cost&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Cost& c) {
    return out << c.launches << " launches outside of graphs, " << c.graphs << " graphs, " << c.copies
               << " copies, " << c.waits << " waits, " << c.allocations << " allocations";
  }
};
template <class Work>
Cost cost_of(const Work& work) {
  const emulation::Statistics before = emulation::statistics();
  work();
  const emulation::Statistics now = emulation::statistics();
  return {now.kernel_launches - before.kernel_launches, now.graph_launches - before.graph_launches,
          now.host_copies - before.host_copies, now.synchronisations - before.synchronisations,
          now.allocations - before.allocations};
}

void expect_costs(const std::string& name, const std::string& environment, std::size_t agents) {
  SCOPED_TRACE(name + " of " + std::to_string(agents));
  const auto method = test::method_with(name, {{"hidden", "8"}, {"batch-size", "8"}});
  std::vector<std::uint64_t> seeds;
  while (seeds.size() < agents) seeds.push_back(seeds.size() + 3);
  InteractingTrainee trainee(*method, name, {.environment = environment, .capacity = 100, .start_steps = 20},
                             seeds, &device());
  device::Stream& stream = trainee.learner().mirror()->stream();
  ThreadTeam team;
  const auto steps = [&](int n) {
    for (int i = 0; i < n; ++i) trainee.step(team);
    stream.synchronise();  // one wait
  };
  steps(5);
  // An even draw: one launch brings its rows, however many they are.
  EXPECT_EQ(cost_of([&] { steps(10); }), (Cost{10, 0, 0, 1, 0}));
  steps(7);
  // Acting is a graph that copies once in and once out and is waited for, learning is one; the launches are
  // those within them as well.
  Cost learning = cost_of([&] { steps(3); });
  EXPECT_GT(learning.launches, 3u);
  learning.launches = 0;
  EXPECT_EQ(learning, (Cost{0, 6, 6, 4, 0}));
}

// Tasks that no device has: they are stepped here.
TEST(DeviceReplay, AnEnvironmentStepCostsTheSameForAnyNumberOfAgents) {
  REQUIRE_EMULATION();
  for (const std::size_t agents : {1, 8}) {
    expect_costs("sac", "mountain_car_continuous", agents);
    expect_costs("dqn", "acrobot", agents);
  }
}

}  // namespace
}  // namespace hardy::algorithms
