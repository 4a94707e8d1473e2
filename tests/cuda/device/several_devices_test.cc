// One run on several devices: whose bits it has, and which device it was that failed.
#include <algorithm>

#include "tests/cuda/device/training.h"

namespace hardy::test {
namespace {

// A machine of four emulated devices.
class SeveralDevices : public ::testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_EMULATION();
    emulation::options().devices = 4;
  }
  void TearDown() override {
    devices_.clear();
    emulation::options() = before_;
  }
  // A trainee of `name` on that many devices.
  std::unique_ptr<OfflineTrainee> on(int devices, const std::string& name, std::vector<std::uint64_t> seeds,
                                     algorithms::DescentDefaults descent = {}, const Values& values = {}) {
    std::string names = "cuda-emulated:0";
    for (int i = 1; i < devices; ++i) names += "," + std::to_string(i);
    devices_.push_back(device::open_devices(names));
    const std::vector<std::unique_ptr<device::Device>>& all = devices_.back();
    for (std::size_t i = 1; i < all.size(); ++i) descent.more_devices.push_back(all[i].get());
    const auto method = method_with(name, over({{"hidden", "16"}, {"batch-size", "24"}}, values));
    return std::make_unique<OfflineTrainee>(*method, algorithms::example_transitions(100), std::move(seeds),
                                            std::vector<float>(3, -1.0f), std::vector<float>(3, 1.0f),
                                            all.front().get(), descent);
  }

  emulation::Options before_ = emulation::options();
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

std::string failure_of(const std::function<void()>& what) {
  try {
    what();
  } catch (const Error& e) {
    return e.message();
  }
  return "";
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
  ThreadTeam team;
  trainee->step(team);
  static_cast<void>(trainee->learner().reports());
  emulation::options().abort_on_error = false;
  trainee->step(team);
  // The newest work is the second device's; it is waited for by what is brought from there.
  const std::uint64_t before = emulation::statistics().kernel_launches;
  trainee->learner().ask_for_reports(2);
  static_cast<void>(trainee->learner().reports_that_came(team, true));
  const auto of_one = static_cast<std::uint64_t>(emulation::statistics().kernel_launches - before) / 2;
  trainee->step(team);
  trainee->learner().ask_for_reports(3);
  emulation::fail_kernel_launch(of_one + 1);  // the first device's step runs first
  const std::string text = failure_of([&] { trainee->learner().reports_that_came(team, true); });
  EXPECT_NE(text.find("cuda-emulated:1: step 3: a kernel before this event: unspecified"), std::string::npos)
      << text;
  emulation::reset_device();
}

TEST_F(AgentsAmongDevices, ThatCannotHaveEquallyManyAreRefused) {
  EXPECT_NE(failure_of([&] { on(2, "riql", {3, 4, 5}); }).find("evenly"), std::string::npos);
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
