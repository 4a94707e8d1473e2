// Whole training steps on the device against the CPU, captured once and replayed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/cuda/device/training.h"

namespace hardy::algorithms {
namespace {

using test::device;
using test::expect_equal;
using test::offline;
using test::OnAReplay;
using test::over;
using test::sequences;
using test::train;
using test::Values;

TEST(DeviceSteps, TenUpdatesOfBcAgree) {
  const auto cpu = offline("bc", nullptr), gpu = offline("bc", &device());
  expect_equal(train(cpu->learner()), train(gpu->learner()));
}
TEST(DeviceSteps, TenUpdatesOfIqlAgree) {
  const auto cpu = offline("iql", nullptr), gpu = offline("iql", &device());
  expect_equal(train(cpu->learner()), train(gpu->learner()));
}
TEST(DeviceSteps, TenUpdatesOfXqlAndSqlAgree) {
  for (const char* name : {"xql", "sql"}) {
    SCOPED_TRACE(name);
    const auto cpu = offline(name, nullptr), gpu = offline(name, &device());
    expect_equal(train(cpu->learner()), train(gpu->learner()));
  }
}
TEST(DeviceSteps, TenUpdatesOfRiqlAgree) {
  const auto cpu = offline("riql", nullptr), gpu = offline("riql", &device());
  expect_equal(train(cpu->learner()), train(gpu->learner()));
}

// Layers of whole packs and of others, wide enough for the tensor cores. Operands rounded to TF32 would be
// far outside of what f32 keeps to, though first layers are f32's: the emulation rounds all that are
// cuBLASLt's, which on a GPU may well take cores of f32 for products as small as these.
TEST(DeviceSteps, UpdatesOfRiqlOnTensorCoresAgreeAsThoseInF32DoAndThoseInTf32DoNot) {
  using device::Products;
  const auto f32 = device::open_device(test::device_name()),
             three = device::open_device(test::device_name(), {.products = Products::kThreeTf32}),
             tf32 = device::open_device(test::device_name(), {.products = Products::kTf32});
  for (const char* hidden : {"40", "33"}) {
    const Values wide{{"hidden", hidden}, {"batch-size", "48"}};
    const auto trained = [&](device::Device* on) { return train(offline("riql", on, wide)->learner(), 3); };
    const test::Trained cpu = trained(nullptr), by_three = trained(three.get());
    expect_equal(cpu, by_three);
    expect_equal(trained(f32.get()), by_three);
    const double by_tf32 = test::worst_of(test::parts_of_tolerance(cpu, trained(tf32.get())));
    if (test::is_emulated()) {
      EXPECT_GT(by_tf32, 3);
    }
  }
}
TEST(DeviceSteps, TenUpdatesOfRiqlWithAGaussianPolicyAgree) {
  const Values gaussian{{"head", "gaussian"}};
  const auto cpu = offline("riql", nullptr, gaussian), gpu = offline("riql", &device(), gaussian);
  expect_equal(train(cpu->learner()), train(gpu->learner()));
}
TEST(DeviceSteps, TenUpdatesOfSacAgree) {
  OnAReplay cpu("sac", nullptr), gpu("sac", &device());
  expect_equal(train(cpu.learner), train(gpu.learner));
}
TEST(DeviceSteps, TenUpdatesOfDqnAgree) {
  const Values duel{{"dueling", "true"}, {"target-every", "4"}};
  OnAReplay cpu("dqn", nullptr, duel), gpu("dqn", &device(), duel);
  expect_equal(train(cpu.learner), train(gpu.learner));
}
TEST(DeviceSteps, TenUpdatesOfTheActorCriticsAgree) {
  for (const char* name :
       {"td3_bc", "rebrac", "awac", "edac", "msg", "uw_msg", "cql"}) {  // sac_n is edac without its term
    SCOPED_TRACE(name);
    const Values small{{"critics", "3"}, {"hidden", "8"}, {"batch-size", "8"}};
    const auto cpu = offline(name, nullptr, small), gpu = offline(name, &device(), small);
    expect_equal(train(cpu->learner()), train(gpu->learner()));
  }
}

TEST(DeviceSteps, UpdatesOfTheDecisionTransformersAgree) {
  const Values small{{"batch-size", "3"}, {"context", "2"}, {"width", "4"},
                     {"layers", "1"},     {"heads", "2"},   {"episode-len", "7"}};
  // From the first step on data are corrected where an error is further off than half a deviation: once,
  // though the device runs its kernels before it captures them.
  const Values corrects =
      over(small, {{"correct-start", "0"}, {"correct-actions", "0.5"}, {"correct-rewards", "0.5"}});
  for (const auto& [name, values] : {std::pair{"dt", small}, std::pair{"rdt", corrects}}) {
    SCOPED_TRACE(name);
    const auto cpu = sequences(name, nullptr, values), gpu = sequences(name, &device(), values);
    expect_equal(train(cpu->learner(), 4), train(gpu->learner(), 4));
  }
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
  REQUIRE_EMULATION();
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
  REQUIRE_EMULATION();
  const auto launches = [](std::vector<std::uint64_t> seeds) {
    const auto trainee = offline("riql", &device(), {{"hidden", "8"}, {"batch-size", "8"}, {"critics", "2"}},
                                 std::move(seeds));
    ThreadTeam team;
    trainee->step(team);
    trainee->learner().reports();
    const emulation::Statistics before = emulation::statistics();
    trainee->step(team);
    static_cast<void>(trainee->learner().parameters());
    const emulation::Statistics after = emulation::statistics();
    return after.kernel_launches - before.kernel_launches + after.library_calls - before.library_calls;
  };
  EXPECT_EQ(launches({1, 2}), launches({1, 2, 3, 4, 5, 6}));
}

// What only reports read is computed where they are asked for, after the step.
TEST(DeviceSteps, ReportsThatAreAskedForChangeNoBitOfTraining) {
  const auto often = offline("riql", &device()), seldom = offline("riql", &device());
  const auto asked = train(often->learner(), 6);
  ThreadTeam team;
  for (int i = 0; i < 6; ++i) seldom->step(team);
  const ReportValues last = seldom->learner().reports();
  EXPECT_EQ(last, asked.reports.back());
  EXPECT_EQ(last, seldom->learner().reports()) << "asked for once more";
  EXPECT_TRUE(
      std::ranges::equal(seldom->learner().parameters().values(), often->learner().parameters().values()));
}

void expect_a_broken_agent_to_stop() {
  const auto trainee = offline("riql", &device());
  Learner& learner = trainee->learner();
  ThreadTeam team;
  trainee->step(team);
  learner.write_parameters(
      [](nn::ParameterStore& store) { store.agent(store.find("v/w1"), 0)[3] = std::nanf(""); });
  const auto values = [&](std::int64_t agent) {
    const nn::ParameterStore& store = learner.parameters();
    const auto x = store.agent(store.find("policy/w0"), agent);
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
TEST(DeviceSteps, AnAgentWhoseLossIsNotFiniteStopsAndTheOpIsNamed) { expect_a_broken_agent_to_stop(); }
// The NaN does not reach the loss then, but it does reach the gradients of the layer before.
TEST(DeviceSteps, AnAgentStopsAtTheSameStepWhereTheLibrarysReluMakesANanZero) {
  REQUIRE_EMULATION();
  emulation::Options& options = emulation::options();
  const emulation::Options before = options;
  options.relu_keeps_nan = false;
  expect_a_broken_agent_to_stop();
  options = before;
}

TEST(DeviceSteps, AStateThatIsRestoredGoesOnBitForBit) {
  const auto whole = offline("riql", &device()), half = offline("riql", &device()),
             rest = offline("riql", &device());
  ThreadTeam team;
  for (int i = 0; i < 4; ++i) whole->step(team);
  for (int i = 0; i < 2; ++i) half->step(team);
  const nn::ParameterStore& from = half->learner().parameters();
  rest->learner().write_parameters([&](nn::ParameterStore& to) {
    std::ranges::copy(from.values(), to.values().begin());
    std::ranges::copy(from.first_moments(), to.first_moments().begin());
    std::ranges::copy(from.second_moments(), to.second_moments().begin());
  });
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
  expect_names(failure([] { device::open_device("cuda-emulated:7"); }),
               {"there is no device 7", "cuda-emulated:0"});
  expect_names(failure([] { device::open_device("cuda-emulated:x"); }), {"'x' is no device index"});
  expect_names(failure([] { device::open_device("quantum"); }), {"no such device", "cpu, cuda"});
}

TEST(DeviceErrors, AnOldDriverAndAMachineWithoutADeviceAreSaid) {
  REQUIRE_EMULATION();
  emulation::Options& options = emulation::options();
  const emulation::Options before = options;
  options.driver = 12040;
  const std::string old = failure([] { device::open_device("cuda-emulated"); });
  options = before;
  options.devices = 0;
  const std::string none = failure([] { device::open_device("cuda-emulated"); });
  options = before;
  expect_names(old, {"12.4", "older than this build's toolkit 13.0", "newer driver"});
  expect_names(none, {"no CUDA device"});
}

std::string failure_of_three_tf32() {
  return failure([] { device::open_device("cuda-emulated", {.products = device::Products::kThreeTf32}); });
}

TEST(DeviceErrors, AGpuWithoutTensorCoresForTf32IsRefusedThem) {
  REQUIRE_EMULATION();
  emulation::Options& options = emulation::options();
  const emulation::Options before = options;
  options.major = 7;
  const std::string old = failure_of_three_tf32(),
                    without = failure([] { device::open_device("cuda-emulated"); });
  options = before;
  expect_names(old, {"--tf32x3", "needs compute capability 8.0", "cuda-emulated:0 has 7.", "leave it out"});
  EXPECT_EQ(without, "");
}

TEST(DeviceErrors, CodeForOlderGpusAloneIsRefusedTensorCoresThatTheDeviceHas) {
  REQUIRE_EMULATION();
  emulation::Options& options = emulation::options();
  const emulation::Options before = options;
  options.built_for = 75;
  const std::string old = failure_of_three_tf32(),
                    without = failure([] { device::open_device("cuda-emulated"); });
  options.built_for = 80;
  const std::string enough = failure_of_three_tf32();
  options = before;
  EXPECT_EQ(old,
            "--tf32x3: needs code for compute capability 8.0, and cuda-emulated:0 runs this build's for 7.5"
            "; leave it out, or build with -DHARDY_CUDA_ARCHITECTURES=native");
  EXPECT_EQ(without, "");
  EXPECT_EQ(enough, "");
}

TEST(DeviceErrors, TooLittleMemoryIsSaidBeforeAnythingRuns) {
  REQUIRE_EMULATION();
  emulation::Options& options = emulation::options();
  const emulation::Options before = options;
  options.memory = device().info().memory_bytes - device().info().memory_free_bytes + (64 << 10);
  const std::string text = failure([] { offline("riql", &device()); });
  options = before;
  expect_names(text, {"too little memory", "are needed", "are free", "cuda-emulated:0"});
}

// Last: the device is of no use afterwards, as a GPU's context would be, and a fresh one is made.
TEST(DeviceErrors, AFailingKernelIsNamedWithItsOpAndStep) {
  REQUIRE_EMULATION();
  const auto checked = device::open_device(test::device_name(), {.check = true});
  const auto trainee = offline("riql", checked.get());
  ThreadTeam team;
  trainee->step(team);
  emulation::Options& options = emulation::options();
  const emulation::Options before = options;
  options.abort_on_error = false;
  emulation::fail_kernel_launch(1);
  const std::string text = failure([&] { trainee->step(team); });
  options = before;
  expect_names(text, {"step 2: op gather_columns", "gather_columns: unspecified launch failure"});
  emulation::reset_device();
}

}  // namespace
}  // namespace hardy::algorithms
