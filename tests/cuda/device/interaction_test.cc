// Environment steps within the device against those over the host: the same bits, stopped and gone on with
// too.
#include <gtest/gtest.h>

#include <cmath>

#include "algorithms/learning/checkpoint.h"
#include "algorithms/online/interacting_trainee.h"
#include "engine/base/parameters.h"
#include "tests/cuda/device/training.h"
#include "tests/engine/run/scratch.h"

namespace hardy::algorithms {
namespace {

using test::device;
using test::Scratch;

// A task behind another name, of which nobody knows that a device has it.
class Behind final : public envs::BatchEnvironment {
 public:
  explicit Behind(std::unique_ptr<envs::BatchEnvironment> task) : task_(std::move(task)) {}
  const envs::EnvSpec& spec() const override { return task_->spec(); }
  int size() const override { return task_->size(); }
  void reset(int i, std::uint64_t seed, std::span<double> observation) override {
    task_->reset(i, seed, observation);
  }
  void observe(int i, std::span<double> observation) const override { task_->observe(i, observation); }
  void step(int begin, int end, Actions actions, std::span<double> observations, std::span<double> rewards,
            std::span<std::uint8_t> terminated, std::span<std::uint8_t> truncated) override {
    task_->step(begin, end, actions, observations, rewards, terminated, truncated);
  }
  std::size_t state_size() const override { return task_->state_size(); }
  void save_state(int i, std::span<double> to) const override { task_->save_state(i, to); }
  void load_state(int i, std::span<const double> from) override { task_->load_state(i, from); }

 private:
  std::unique_ptr<envs::BatchEnvironment> task_;
};
const envs::Registration behind("behind", [](Parameters& keys, int instances) {
  return std::unique_ptr<envs::BatchEnvironment>(
      std::make_unique<Behind>(envs::make_environment(keys.word("task", ""), instances)));
});

struct Case {
  std::string method, task;
  test::Values values;
  int steps, start_steps;
};
// Episodes end within the steps: a cart falls, a pendulum's time is over, the MDP has a few layers.
const Case kCases[] = {{"sac", "pendulum", {}, 212, 204},
                       {"dqn", "cart_pole", {{"epsilon-steps", "10"}}, 54, 42},
                       {"dqn", "cart_pole", {{"dueling", "true"}, {"epsilon-start", "0"}}, 52, 40},
                       {"dqn", "enumerable_mdp", {{"epsilon-steps", "8"}}, 32, 20}};

struct Trial {
  std::unique_ptr<Method> method;
  std::unique_ptr<InteractingTrainee> trainee;

  Trial(const Case& c, bool on_device, std::int64_t capacity = 64)
      : method(test::method_with(c.method, test::over({{"hidden", "8"}, {"batch-size", "8"}}, c.values))) {
    trainee = std::make_unique<InteractingTrainee>(
        *method, c.method,
        InteractionSettings{.environment = on_device ? c.task : "behind:task=" + c.task,
                            .capacity = capacity,
                            .start_steps = c.start_steps},
        std::vector<std::uint64_t>{3, 0x123456789abcdef, 5}, &device());
    EXPECT_EQ(trainee->on_device(), on_device);
  }
  void steps(int n) {
    ThreadTeam team(1);
    for (int t = 0; t < n; ++t) trainee->step(team);
  }
  std::string checkpoint(const Scratch& dir, const std::string& name) {
    trainee->gather_for_saving();
    run::ArchiveWriter file("checkpoint", kCheckpointFormat);
    save_learner(trainee->learner(), file);
    save_bounds(trainee->policy().bounds(), file);
    trainee->save(file);
    file.write(dir / name);
    return test::contents(dir / name);
  }
  void go_on_from(const Scratch& dir, const std::string& name) {
    restore(*trainee, run::Archive::read(dir / name, "checkpoint", kCheckpointFormat), name);
  }
};

// Where both compute alike: a GPU has sines and fused products of its own.
TEST(DeviceInteraction, LeavesTheCheckpointOfTheWayOverTheHost) {
  REQUIRE_EMULATION();
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.method + " in " + c.task);
    const Scratch dir;
    Trial there(c, true), here(c, false);
    there.steps(c.steps), here.steps(c.steps);
    EXPECT_TRUE(there.checkpoint(dir, "there") == here.checkpoint(dir, "here"));
    EXPECT_EQ(there.trainee->last_returns(), here.trainee->last_returns());
    for (const double r : here.trainee->last_returns()) EXPECT_TRUE(std::isfinite(r)) << "no episode ended";
    EXPECT_TRUE(std::ranges::equal(there.trainee->learner().parameters().values(),
                                   here.trainee->learner().parameters().values()));
  }
}

// Before learning begins, and after.
TEST(DeviceInteraction, GoesOnFromACheckpointOfEitherWayToTheSameBits) {
  for (const Case& c : {kCases[0], kCases[1]})
    for (const int stop : {c.start_steps - 7, c.start_steps + 3}) {
      SCOPED_TRACE(c.method + " in " + c.task + " stopped at " + std::to_string(stop));
      const Scratch dir;
      Trial whole(c, true), first(c, true), first_here(c, false);
      whole.steps(c.steps);
      first.steps(stop), first_here.steps(stop);
      first.checkpoint(dir, "first");
      first_here.checkpoint(dir, "first_here");
      const std::string expected = whole.checkpoint(dir, "whole");
      for (const char* from : {"first", "first_here"}) {
        if (!test::is_emulated() && from == std::string("first_here")) continue;  // other bits, as above
        Trial later(c, true);
        later.go_on_from(dir, from);
        later.steps(c.steps - stop);
        EXPECT_TRUE(later.checkpoint(dir, "later") == expected) << from;
      }
      // Saving is no step of it.
      first.steps(c.steps - stop);
      EXPECT_TRUE(first.checkpoint(dir, "on") == expected);
    }
}

// On a GPU, and from PTX, a step's last bits are others than the host's.
void expect_the_hosts_rows_within_rounding() {
  for (Case c : {kCases[0], kCases[1]}) {
    SCOPED_TRACE(c.task);
    c.start_steps = 12, c.steps = 16;
    Trial here(c, false), there(c, true);
    here.steps(c.steps), there.steps(c.steps);
    there.trainee->gather_for_saving();
    const Replay &a = here.trainee->replay(), &b = there.trainee->replay();
    for (std::size_t i = 0; i < a.observations().size(); ++i)
      ASSERT_NEAR(a.observations()[i], b.observations()[i], 1e-4) << i;
    for (std::size_t i = 0; i < a.actions().size(); ++i)
      ASSERT_NEAR(a.actions()[i], b.actions()[i], 1e-4) << i;
    EXPECT_EQ(a.choices(), b.choices());
  }
}
TEST(DeviceInteraction, HasTheHostsRowsWithinRoundingFromPtxToo) {
  expect_the_hosts_rows_within_rounding();
  if (!test::has_ptx()) return;
  const test::FromPtx from_ptx;
  expect_the_hosts_rows_within_rounding();
}

TEST(DeviceInteraction, AnActionThatIsNotFiniteIsSaidWhenTheRunIsSaved) {
  Trial trial({"sac", "pendulum", {}, 0, 4}, true);
  trial.steps(3);
  trial.trainee->learner().write_parameters(
      [](nn::ParameterStore& store) { store.agent(store.find("policy/b2"), 1)[0] = std::nanf(""); });
  trial.trainee->gather_for_saving();  // even draws so far
  trial.steps(4);
  try {
    trial.trainee->gather_for_saving();
    FAIL() << "it is nowhere to be seen";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("instance 1 was not finite in step 5"), std::string::npos)
        << e.what();
  }
}

TEST(DeviceInteraction, HearsNothingFromTheHostAndTellsItNothing) {
  REQUIRE_EMULATION();
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.method + " in " + c.task);
    Trial trial(c, true);
    trial.steps(c.start_steps - 10);
    device::Stream& stream = trial.trainee->learner().mirror()->stream();
    const auto count = [&](int steps) {
      stream.synchronise();
      const emulation::Statistics before = emulation::statistics();
      trial.steps(steps);
      emulation::Statistics now = emulation::statistics();
      EXPECT_EQ(now.synchronisations, before.synchronisations) << "a wait";
      EXPECT_EQ(now.allocations, before.allocations);
      stream.synchronise();
      now = emulation::statistics();
      EXPECT_EQ(now.host_copies, before.host_copies) << "a copy";
      return std::pair(now.kernel_launches - before.kernel_launches,
                       now.graph_launches - before.graph_launches);
    };
    EXPECT_EQ(count(10), std::pair(std::uint64_t{10}, std::uint64_t{0})) << "even draws";
    trial.steps(3);  // captures
    EXPECT_EQ(count(4).second, 8u) << "acting and learning are a graph each";
  }
}

}  // namespace
}  // namespace hardy::algorithms
