// One run on several devices: whose bits it has, and which device it was that failed.
#include <algorithm>

#include "tests/cuda/device/training.h"

namespace hardy::test {
namespace {

std::string failure_of(const std::function<void()>& what) {
  try {
    what();
  } catch (const Error& e) {
    return e.message();
  }
  return "";
}

// A machine of four emulated devices.
class SeveralDevices : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_EMULATION();
    emulation::options().devices = 4;
  }
  void TearDown() override {
    devices_.clear();
    if (failed_) emulation::reset_device();
    emulation::options() = before_;
  }
  // The n-th launch from now; the devices are of no use afterwards, and a fresh machine is made.
  void fail_launch(std::uint64_t n) {
    failed_ = true;
    emulation::options().abort_on_error = false;
    emulation::fail_kernel_launch(n);
  }
  // A trainee of `name` on that many devices.
  std::unique_ptr<OfflineTrainee> on(int devices, const std::string& name, std::vector<std::uint64_t> seeds,
                                     algorithms::DescentDefaults descent = {}, const Values& values = {}) {
    std::string names = "cuda-emulated:0";
    for (int i = 1; i < devices; ++i) names += "," + std::to_string(i);
    devices_.push_back(device::open_devices(names));
    const std::vector<std::unique_ptr<device::Device>>& all = devices_.back();
    for (std::size_t i = 1; i < all.size(); ++i) descent.more_devices.push_back(all[i].get());
    const auto method = method_with(name, over({{"hidden", "8"}, {"batch-size", "24"}}, values));
    return std::make_unique<OfflineTrainee>(*method, algorithms::example_transitions(100), std::move(seeds),
                                            std::vector<float>(3, -1.0f), std::vector<float>(3, 1.0f),
                                            all.front().get(), descent);
  }

  // What is said when a launch of all devices' third step fails: at 0.5, the one in the middle.
  std::string failure_in_the_third_step(OfflineTrainee& trainee, double at) {
    ThreadTeam team;
    trainee.step(team);
    static_cast<void>(trainee.learner().reports());
    const std::uint64_t before = emulation::statistics().kernel_launches;
    trainee.step(team);
    static_cast<void>(trainee.learner().reports());
    const auto launches = static_cast<double>(emulation::statistics().kernel_launches - before);
    trainee.step(team);
    trainee.learner().ask_for_reports(3);
    fail_launch(static_cast<std::uint64_t>(at * launches));
    return failure_of([&] { trainee.learner().reports_that_came(team, true); });
  }

  emulation::Options before_ = emulation::options();
  bool failed_ = false;
  std::vector<std::vector<std::unique_ptr<device::Device>>> devices_;  // outlive the trainees of a test
};

// To the bit; what differs is named. first: `found` is of some agents of `expected`, from that one on.
void expect_part(const Trained& whole, const Trained& part, std::size_t first, const std::string& what) {
  const auto is_part = [first](const auto& all, const auto& some) {
    const std::size_t agents = all.size() / 4;  // elements of one
    return all.size() >= first * agents + some.size() &&
           std::equal(some.begin(), some.end(), all.begin() + static_cast<std::ptrdiff_t>(first * agents));
  };
  ASSERT_EQ(whole.reports.size(), part.reports.size());
  for (std::size_t step = 0; step < whole.reports.size(); ++step)
    for (const auto& [name, values] : whole.reports[step])
      EXPECT_TRUE(is_part(values, part.reports[step].at(name))) << name << " at step " << step + 1 << what;
  for (const auto& [name, values] : whole.tensors)
    EXPECT_TRUE(is_part(values, part.tensors.at(name))) << name << what;
}

using AgentsAmongDevices = SeveralDevices;

// What a product of matrices is made by follows from how many agents are in it.
TEST_F(AgentsAmongDevices, HaveTheBitsOfRunsOfTheAgentsOfOneDeviceEach) {
  const std::vector<std::uint64_t> seeds{3, 4, 5, 6};
  for (const std::size_t devices : {2, 4}) {
    const Trained whole = train(on(static_cast<int>(devices), "riql", seeds)->learner(), 4);
    const std::size_t each = seeds.size() / devices;
    for (std::size_t first = 0; first < seeds.size(); first += each) {
      const auto own = seeds.begin() + static_cast<std::ptrdiff_t>(first);
      const auto end = own + static_cast<std::ptrdiff_t>(each);
      expect_part(whole, train(on(1, "riql", {own, end})->learner(), 4), first,
                  " of agent " + std::to_string(first) + " on " + std::to_string(devices) + " devices");
    }
  }
}

TEST_F(AgentsAmongDevices, GoOnFromWhatWasLeft) {
  ThreadTeam team;
  const auto whole = on(2, "riql", {3, 4, 5, 6}), half = on(2, "riql", {3, 4, 5, 6}),
             rest = on(2, "riql", {3, 4, 5, 6});
  for (int i = 0; i < 4; ++i) whole->step(team);
  for (int i = 0; i < 2; ++i) half->step(team);
  rest->learner().write_parameters([&](nn::ParameterStore& to) {
    half->learner().write_parameters(
        [&](nn::ParameterStore& from) { std::ranges::copy(from.memory(), to.memory().begin()); });
  });
  rest->learner().restore(half->learner().state());
  for (int i = 0; i < 2; ++i) rest->step(team);
  EXPECT_EQ(rest->steps_done(), 4);
  EXPECT_TRUE(
      std::ranges::equal(whole->learner().parameters().values(), rest->learner().parameters().values()));
  EXPECT_EQ(whole->learner().state().values, rest->learner().state().values);
}

TEST_F(AgentsAmongDevices, OneThatIsNotFiniteStopsUnderItsOwnNumber) {
  const auto trainee = on(2, "riql", {3, 4, 5, 6});
  Learner& learner = trainee->learner();
  const int weights = learner.parameters().find("v/w1");
  learner.write_parameters([&](nn::ParameterStore& s) { s.agent(weights, 2)[0] = std::nanf(""); });
  ThreadTeam team;
  trainee->step(team);
  learner.ask_for_reports(1);
  const auto came = learner.reports_that_came(team, true);
  ASSERT_EQ(came.size(), 1u);
  EXPECT_EQ(came.front().values.at("loss/v").size(), 4u);
  EXPECT_TRUE(learner.active(1) && learner.active(3));
  EXPECT_FALSE(learner.active(2));
  EXPECT_NE(learner.stop_reason(2).find("v/w1"), std::string::npos) << learner.stop_reason(2);
}

TEST_F(AgentsAmongDevices, ADeviceThatFailsIsNamed) {
  const auto trainee = on(2, "riql", {3, 4});
  const std::string text = failure_in_the_third_step(*trainee, 0.55);  // the first one's step runs first
  EXPECT_NE(text.find("cuda-emulated:1: step 3: a kernel before this event: unspecified"), std::string::npos)
      << text;
}

TEST_F(AgentsAmongDevices, ThatCannotHaveEquallyManyAreRefused) {
  EXPECT_NE(failure_of([&] { on(2, "riql", {3, 4, 5}); }).find("evenly"), std::string::npos);
}

using ShardsAmongDevices = SeveralDevices;

void expect_same(const Trained& one, const Trained& found, const std::string& what) {
  ASSERT_EQ(one.reports.size(), found.reports.size());
  for (std::size_t step = 0; step < one.reports.size(); ++step)
    EXPECT_TRUE(one.reports[step] == found.reports[step]) << "reports of step " << step + 1 << what;
  for (const auto& [name, values] : one.tensors)
    EXPECT_TRUE(values == found.tensors.at(name)) << name << what;
}

TEST_F(ShardsAmongDevices, HaveTheSameBitsForAnyNumberOfDevicesThatDividesThem) {
  for (const std::int64_t passes : {1, 2}) {
    const algorithms::DescentDefaults descent{.passes = passes, .shards = 4};
    const Trained one = train(on(1, "riql", {3, 4}, descent)->learner(), 3);
    for (const int devices : {2, 4}) {
      emulation::options().schedule =
          devices == 2 ? emulation::Schedule::kReverse : emulation::Schedule::kRandom;
      expect_same(one, train(on(devices, "riql", {3, 4}, descent)->learner(), 3),
                  " on " + std::to_string(devices) + " devices");
    }
  }
}

TEST_F(ShardsAmongDevices, HaveThemWhenWorkRunsAsSoonAsItCan) {
  const algorithms::DescentDefaults descent{.shards = 4};
  const Trained one = train(on(1, "iql", {3}, descent)->learner(), 3);
  emulation::options().lazy_streams = false;
  expect_same(one, train(on(4, "iql", {3}, descent)->learner(), 3), " at once");
}

TEST_F(ShardsAmongDevices, AreTheCpusShards) {
  const algorithms::DescentDefaults descent{.passes = 2, .shards = 4};
  const auto method = method_with("riql", {{"hidden", "8"}, {"batch-size", "24"}});
  OfflineTrainee cpu(*method, algorithms::example_transitions(100), {3, 4}, std::vector<float>(3, -1.0f),
                     std::vector<float>(3, 1.0f), nullptr, descent);
  expect_equal(train(cpu.learner(), 4), train(on(2, "riql", {3, 4}, descent)->learner(), 4));
}

TEST_F(ShardsAmongDevices, TakeOneLaunchADeviceAndStep) {
  const auto trainee = on(4, "riql", {3, 4}, {.shards = 4});
  ThreadTeam team;
  trainee->step(team);
  static_cast<void>(trainee->learner().reports());
  const emulation::Statistics before = emulation::statistics();
  for (int i = 0; i < 3; ++i) trainee->step(team);
  EXPECT_EQ(emulation::statistics().synchronisations, before.synchronisations) << "the host waited";
  static_cast<void>(trainee->learner().reports());
  EXPECT_EQ(emulation::statistics().graph_launches - before.graph_launches, 12u);
}

TEST_F(ShardsAmongDevices, GoOnFromWhatAnotherNumberOfDevicesLeft) {
  ThreadTeam team;
  const algorithms::DescentDefaults descent{.shards = 4};
  const auto whole = on(1, "riql", {3, 4}, descent), half = on(2, "riql", {3, 4}, descent),
             rest = on(4, "riql", {3, 4}, descent);
  for (int i = 0; i < 4; ++i) whole->step(team);
  for (int i = 0; i < 2; ++i) half->step(team);
  rest->learner().write_parameters([&](nn::ParameterStore& to) {
    half->learner().write_parameters(
        [&](nn::ParameterStore& from) { std::ranges::copy(from.memory(), to.memory().begin()); });
  });
  rest->learner().restore(half->learner().state());
  for (int i = 0; i < 2; ++i) rest->step(team);
  EXPECT_TRUE(
      std::ranges::equal(whole->learner().parameters().values(), rest->learner().parameters().values()));
  EXPECT_EQ(whole->learner().state().values, rest->learner().state().values);
}

TEST_F(ShardsAmongDevices, AnAgentThatIsNotFiniteStopsOnAllOfThem) {
  const auto trainee = on(2, "riql", {3, 4}, {.shards = 2});
  Learner& learner = trainee->learner();
  const int weights = learner.parameters().find("v/w1");
  learner.write_parameters([&](nn::ParameterStore& s) { s.agent(weights, 1)[0] = std::nanf(""); });
  const std::vector<float> before(
      learner.parameters().agent(learner.parameters().find("policy/w0"), 1).begin(),
      learner.parameters().agent(learner.parameters().find("policy/w0"), 1).end());
  ThreadTeam team;
  for (int i = 0; i < 2; ++i) trainee->step(team);
  static_cast<void>(learner.reports());
  EXPECT_TRUE(learner.active(0));
  EXPECT_FALSE(learner.active(1));
  EXPECT_NE(learner.stop_reason(1).find("v/w1"), std::string::npos) << learner.stop_reason(1);
  EXPECT_TRUE(
      std::ranges::equal(before, learner.parameters().agent(learner.parameters().find("policy/w0"), 1)));
}

// The other one waits for it in the exchange, and is let go.
class AFailingDeviceOfTwo : public SeveralDevices {
 protected:
  // The first one's shards run until the exchange, then the second one's whole step, then the rest of the
  // first's.
  void expect_named(double at, const std::string& name) {
    const auto trainee = on(2, "riql", {3, 4}, {.shards = 2});
    const std::string text = failure_in_the_third_step(*trainee, at);
    EXPECT_NE(text.find(name + ": step 3: "), std::string::npos) << text;
    EXPECT_NE(text.find("unspecified launch failure"), std::string::npos) << text;
    ThreadTeam team;
    EXPECT_NE(failure_of([&] { trainee->step(team); }), "") << "it goes on";
  }
};

TEST_F(AFailingDeviceOfTwo, IsNamedWhereItIsTheFirst) { expect_named(0.1, "cuda-emulated:0"); }
TEST_F(AFailingDeviceOfTwo, IsNamedWhereItIsTheSecond) { expect_named(0.5, "cuda-emulated:1"); }

TEST_F(ShardsAmongDevices, KernelsAreNamedWhereTheyAreChecked) {
  const auto one = device::open_device("cuda-emulated:0", {.check = true}),
             two = device::open_device("cuda-emulated:1", {.check = true});
  const auto method = method_with("riql", {{"hidden", "8"}, {"batch-size", "24"}});
  OfflineTrainee trainee(*method, algorithms::example_transitions(100), {3, 4}, std::vector<float>(3, -1.0f),
                         std::vector<float>(3, 1.0f), one.get(), {.shards = 2, .more_devices = {two.get()}});
  ThreadTeam team;
  trainee.step(team);
  fail_launch(3);
  const std::string text = failure_of([&] { trainee.step(team); });
  EXPECT_NE(text.find("cuda-emulated:0: step 2: op "), std::string::npos) << text;
}

TEST_F(ShardsAmongDevices, ThatTheyCannotShareEvenlyAreRefused) {
  EXPECT_NE(failure_of([&] { on(2, "riql", {3, 4}, {.shards = 3}); }).find("evenly"), std::string::npos);
}

TEST_F(SeveralDevices, NamedTwiceOrNotThereAreRefused) {
  EXPECT_NE(failure_of([] { device::open_devices("cuda-emulated:0,4"); }).find("there is no device 4"),
            std::string::npos);
  EXPECT_NE(failure_of([] { device::open_devices("cuda-emulated:1,1"); }).find("cuda-emulated:1 twice"),
            std::string::npos);
  EXPECT_NE(failure_of([] { device::open_devices("cuda-emulated:0,"); }).find("'' is no device index"),
            std::string::npos);
}

}  // namespace
}  // namespace hardy::test
