// Whole training steps on the device against the CPU, captured once and replayed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "algorithms/offline/offline_trainee.h"
#include "algorithms/online/sac.h"
#include "engine/run/schema.h"
#include "tests/cuda/device/devices.h"

namespace hardy::algorithms {
namespace {

using test::device;
using Values = std::map<std::string, std::string>;

constexpr int kSteps = 10;

datasets::Transitions example(std::int64_t rows) {
  datasets::Transitions t;
  t.rows = rows;
  t.observation_size = 5;
  t.action_size = 3;
  const auto fill = [&](std::vector<float>& x, std::int64_t width, std::uint64_t which, double scale) {
    const Random random(which, Stream::kUser);
    for (std::int64_t i = 0; i < rows * width; ++i)
      x.push_back(static_cast<float>(scale * random.normal(static_cast<std::uint64_t>(i))));
  };
  fill(t.observations, 5, 1, 1);
  fill(t.actions, 3, 2, 0.5);
  fill(t.rewards, 1, 3, 2);
  fill(t.next_observations, 5, 4, 1);
  for (std::int64_t i = 0; i < rows; ++i) t.terminals.push_back(i % 7 == 0);
  t.episode_end.assign(static_cast<std::size_t>(rows), 0);
  return t;
}

std::unique_ptr<OfflineTrainee> offline(const std::string& name, graph::Device* on,
                                        const Values& values = {}) {
  auto method = make_offline_method(name);
  run::Schema schema("train " + name);
  method->options(schema);
  Values all{{"hidden", "16"}, {"batch-size", "24"}};
  for (const auto& [key, value] : values) all[key] = value;
  schema.apply(all, "test");
  method->check();
  return std::make_unique<OfflineTrainee>(*method, example(100), std::vector<std::uint64_t>{3, 4},
                                          std::vector<float>(3, -1.0f), std::vector<float>(3, 1.0f), on);
}

// SAC on a replay that is full, without an environment.
struct SacOnAReplay {
  std::vector<float> observations, actions, rewards, next_observations, terminals;
  std::int32_t rows = 100;
  Learner learner;

  explicit SacOnAReplay(graph::Device* on) : learner({3, 4}, on) {
    const datasets::Transitions t = example(rows);
    const auto twice = [](std::vector<float>& to, const std::vector<float>& from) {
      for (int a = 0; a < 2; ++a) to.insert(to.end(), from.begin(), from.end());
    };
    twice(observations, t.observations);
    twice(actions, t.actions);
    twice(rewards, t.rewards);
    twice(next_observations, t.next_observations);
    twice(terminals, t.terminals);
    SacSettings settings;
    settings.hidden = 16;
    settings.batch = 24;
    build_sac(learner, settings, 5, 3,
              {observations.data(), actions.data(), rewards.data(), next_observations.data(),
               terminals.data(), &rows, rows});
  }
};

using Reports = std::map<std::string, std::vector<double>>;
std::vector<Reports> train(Learner& learner) {
  ThreadTeam team;
  std::vector<Reports> all;
  for (int i = 0; i < kSteps; ++i) {
    learner.step(team);
    all.push_back(learner.reports());
  }
  return all;
}

// Losses within 1e-4 of themselves, parameters and moments within 2e-5 of the largest of the tensor: float32
// sums in another order, carried through ten steps of Adam.
void expect_equal_training(Learner& cpu, Learner& gpu) {
  const std::vector<Reports> a = train(cpu), b = train(gpu);
  for (std::size_t i = 0; i < a.size(); ++i)
    for (const auto& [name, values] : a[i])
      for (std::size_t k = 0; k < values.size(); ++k)
        EXPECT_NEAR(values[k], b[i].at(name)[k], 1e-4 * std::max(0.05, std::abs(values[k])))
            << name << " of agent " << k << " at step " << i + 1;
  const nn::ParameterStore &x = cpu.parameters(), &y = gpu.parameters();
  for (int t = 0; t < x.size(); ++t) {
    const std::int64_t n = x.shape(t).elements();
    double largest = 1e-3, apart = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(x.value(t)[i])));
      apart = std::max(apart, std::abs(static_cast<double>(x.value(t)[i]) - y.value(t)[i]));
    }
    EXPECT_LE(apart, 1e-4 * largest) << x.name(t);
  }
  const auto now = cpu.state().values, there = gpu.state().values;
  for (const auto& [name, values] : now)
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], there.at(name)[i], 1e-4) << name;
}

TEST(DeviceSteps, TenUpdatesOfBcAgree) {
  const auto cpu = offline("bc", nullptr), gpu = offline("bc", &device());
  expect_equal_training(cpu->learner(), gpu->learner());
}
TEST(DeviceSteps, TenUpdatesOfIqlAgree) {
  const auto cpu = offline("iql", nullptr), gpu = offline("iql", &device());
  expect_equal_training(cpu->learner(), gpu->learner());
}
TEST(DeviceSteps, TenUpdatesOfRiqlAgree) {
  const auto cpu = offline("riql", nullptr), gpu = offline("riql", &device());
  expect_equal_training(cpu->learner(), gpu->learner());
}
TEST(DeviceSteps, TenUpdatesOfRiqlWithAGaussianPolicyAgree) {
  const Values gaussian{{"head", "gaussian"}};
  const auto cpu = offline("riql", nullptr, gaussian), gpu = offline("riql", &device(), gaussian);
  expect_equal_training(cpu->learner(), gpu->learner());
}
TEST(DeviceSteps, TenUpdatesOfSacAgree) {
  SacOnAReplay cpu(nullptr), gpu(&device());
  expect_equal_training(cpu.learner, gpu.learner);
}

std::vector<float> bits_after(std::unique_ptr<OfflineTrainee> trainee) {
  ThreadTeam team;
  for (int i = 0; i < 3; ++i) trainee->step(team);
  const auto x = trainee->learner().parameters().values();
  return {x.begin(), x.end()};
}
TEST(DeviceSteps, BitsDoNotDependOnTheScheduleOfBlocksAndThreads) {
  emulation::Options& options = emulation::options();
  const emulation::Options before = options;
  std::vector<std::vector<float>> all;
  for (const auto schedule :
       {emulation::Schedule::kForward, emulation::Schedule::kReverse, emulation::Schedule::kRandom}) {
    options.schedule = schedule;
    all.push_back(bits_after(offline("riql", &device())));
  }
  options = before;
  EXPECT_EQ(all[0], all[1]);
  EXPECT_EQ(all[0], all[2]);
}

TEST(DeviceSteps, AStepIsOneGraphWithoutHostTrafficAllocationOrWaiting) {
  const auto trainee = offline("riql", &device());
  ThreadTeam team;
  trainee->step(team);  // captures
  device().info();
  trainee->learner().reports();
  const emulation::Statistics before = emulation::statistics();
  for (int i = 0; i < 5; ++i) trainee->step(team);
  const emulation::Statistics enqueued = emulation::statistics();
  EXPECT_EQ(enqueued.allocations, before.allocations);
  EXPECT_EQ(enqueued.synchronisations, before.synchronisations);
  trainee->learner().reports();
  const emulation::Statistics after = emulation::statistics();
  EXPECT_EQ(after.graph_launches, before.graph_launches + 5);
  EXPECT_EQ(after.host_copies, before.host_copies + 1);  // the reports
}

TEST(DeviceSteps, ManyAgentsAreTheSameNumberOfLaunchesAsOne) {
  const auto launches = [](std::vector<std::uint64_t> seeds) {
    auto method = make_offline_method("riql");
    run::Schema schema("train riql");
    method->options(schema);
    schema.apply({{"hidden", "8"}, {"batch-size", "8"}, {"critics", "2"}}, "test");
    OfflineTrainee trainee(*method, example(20), std::move(seeds), std::vector<float>(3, -1.0f),
                           std::vector<float>(3, 1.0f), &device());
    ThreadTeam team;
    trainee.step(team);
    trainee.learner().reports();
    const emulation::Statistics before = emulation::statistics();
    trainee.step(team);
    static_cast<void>(trainee.learner().parameters());
    const emulation::Statistics after = emulation::statistics();
    return after.kernel_launches - before.kernel_launches + after.library_calls - before.library_calls;
  };
  EXPECT_EQ(launches({1, 2}), launches({1, 2, 3, 4, 5, 6}));
}

TEST(DeviceSteps, AnAgentWhoseLossIsNotFiniteStopsAndTheOpIsNamed) {
  const auto trainee = offline("riql", &device());
  Learner& learner = trainee->learner();
  ThreadTeam team;
  trainee->step(team);
  nn::ParameterStore& store = learner.parameters();
  store.agent(store.find("v/w1"), 0)[3] = std::nanf("");
  learner.restore(learner.state());
  const auto values = [&](std::int64_t agent) {
    const auto x = learner.parameters().agent(store.find("policy/w0"), agent);
    return std::vector<float>(x.begin(), x.end());
  };
  const auto first = values(0), other = values(1);
  trainee->step(team);
  trainee->step(team);
  learner.reports();
  EXPECT_FALSE(learner.active(0));
  EXPECT_TRUE(learner.active(1));
  EXPECT_NE(learner.stop_reason(0).find("step 2"), std::string::npos) << learner.stop_reason(0);
  EXPECT_NE(learner.stop_reason(0).find("v/w1"), std::string::npos) << learner.stop_reason(0);
  EXPECT_EQ(first, values(0));
  EXPECT_NE(other, values(1));
}

TEST(DeviceSteps, AStateThatIsRestoredGoesOnBitForBit) {
  const auto whole = offline("riql", &device()), half = offline("riql", &device()),
             rest = offline("riql", &device());
  ThreadTeam team;
  for (int i = 0; i < 4; ++i) whole->step(team);
  for (int i = 0; i < 2; ++i) half->step(team);
  const auto from = half->learner().parameters().values();
  nn::ParameterStore& to = rest->learner().parameters();
  std::ranges::copy(from, to.values().begin());
  std::ranges::copy(half->learner().parameters().first_moments(), to.first_moments().begin());
  std::ranges::copy(half->learner().parameters().second_moments(), to.second_moments().begin());
  rest->learner().restore(half->learner().state());
  for (int i = 0; i < 2; ++i) rest->step(team);
  EXPECT_TRUE(
      std::ranges::equal(whole->learner().parameters().values(), rest->learner().parameters().values()));
}

std::string failure(const std::function<void()>& what) {
  try {
    what();
  } catch (const Error& e) {
    return e.message();
  }
  return "";
}
void expect_names(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(DeviceErrors, ADeviceThatIsNotThereIsSaid) {
  expect_names(failure([] { graph::open_device("cuda-emulated:7"); }),
               {"there is no device 7", "cuda-emulated:0"});
  expect_names(failure([] { graph::open_device("cuda-emulated:x"); }), {"'x' is no device index"});
  expect_names(failure([] { graph::open_device("quantum"); }), {"no such device", "cpu, cuda"});
}

TEST(DeviceErrors, AnOldDriverAndAMachineWithoutADeviceAreSaid) {
  emulation::Options& options = emulation::options();
  const emulation::Options before = options;
  options.driver = 12040;
  const std::string old = failure([] { graph::open_device("cuda-emulated"); });
  options = before;
  options.devices = 0;
  const std::string none = failure([] { graph::open_device("cuda-emulated"); });
  options = before;
  expect_names(old, {"12.4", "older than this build's toolkit 13.0", "newer driver"});
  expect_names(none, {"no CUDA device"});
}

TEST(DeviceErrors, TooLittleMemoryIsSaidBeforeAnythingRuns) {
  emulation::Options& options = emulation::options();
  const emulation::Options before = options;
  options.memory = device().info().memory_bytes - device().info().memory_free_bytes + (64 << 10);
  const std::string text = failure([] { offline("riql", &device()); });
  options = before;
  expect_names(text, {"too little memory", "are needed", "are free", "cuda-emulated:0"});
}

// Last: the device is of no use afterwards, as a GPU's context would be, and a fresh one is made.
TEST(DeviceErrors, AFailingKernelIsNamedWithItsOpAndStep) {
  const auto checked = graph::open_device(test::device_name(), {.check = true});
  const auto trainee = offline("riql", checked.get());
  ThreadTeam team;
  trainee->step(team);
  emulation::Options& options = emulation::options();
  const emulation::Options before = options;
  options.abort_on_error = false;
  emulation::fail_kernel_launch(3);
  const std::string text = failure([&] { trainee->step(team); });
  options = before;
  expect_names(text, {"step 2", "op gather_rows", "gather_rows"});
  emulation::reset_device();
}

}  // namespace
}  // namespace hardy::algorithms
