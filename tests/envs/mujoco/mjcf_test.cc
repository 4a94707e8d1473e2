// Anybody's model: what its keys pay, and what is refused.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "envs/mujoco/task.h"
#include "tests/engine/base/refusal.h"
#include "tests/engine/run/scratch.h"
#include "tests/envs/rollout.h"

namespace hardy::envs {
namespace {

using test::refusal;

constexpr const char* kCart = R"(
<mujoco><option timestep="0.01" gravity="0 0 0"/>
  <worldbody>
    <body name="cart" pos="0 0 0.5">
      <joint name="x" type="slide" axis="1 0 0"/> <joint name="z" type="slide" axis="0 0 1"/>
      <geom type="sphere" size="0.1" mass="1"/> <site name="nose" pos="0.1 0 0"/>
    </body>
    <site name="flag" pos="0.6 0 0.5"/>
  </worldbody>
  <actuator><motor joint="x" ctrllimited="true" ctrlrange="-2 2"/> <motor joint="z" ctrllimited="true" ctrlrange="-1 1"/></actuator>
</mujoco>)";

class Mjcf : public testing::Test {
 protected:
  Mjcf() { std::ofstream(dir / "cart.xml") << kCart; }
  std::string name(const std::string& keys) const {
    return "mjcf:file=" + (dir / "cart.xml").string() + keys;
  }

  test::Scratch dir;
  ThreadTeam team{1};
};

TEST_F(Mjcf, PaysSpeedLifeAndEffortAsItsKeysSay) {
  const auto env = make_environment(
      name(",body=cart,frame_skip=2,forward_weight=3,alive_bonus=0.5,control_cost=0.25,max_steps=3"), 1);
  EXPECT_EQ(env->spec().observation_size, 4);
  EXPECT_EQ(env->spec().action_low, (std::vector<float>{-2, -1}));
  EXPECT_EQ(env->spec().action_high, (std::vector<float>{2, 1}));
  EXPECT_EQ(normalised_score(env->spec(), 7.5), 7.5);
  EXPECT_EQ(normalised_score(make_environment(name(",reference_min=-10,reference_max=10"), 1)->spec(), 5),
            75);
  EnvironmentBatch batch(*env);
  batch.reset(0, 1);
  batch.actions.numbers = {2, 0};
  // 2 m/s^2: after 2, 4 physics steps semi-implicit Euler stands at 0.0002 (1 + 2 + ...); the body is seen a
  // step late.
  const auto seen = [](int steps) { return 0.0001 * (steps - 1) * steps; };
  for (int t = 1; t <= 3; ++t) {
    batch.step(team);
    const double speed = (seen(2 * t) - seen(2 * t - 2)) / 0.02;
    EXPECT_NEAR(batch.rewards[0], 3 * speed + 0.5 - 0.25 * 4, 1e-12) << t;
    EXPECT_EQ(batch.truncated[0], t == 3);
  }
}

TEST_F(Mjcf, EndsOutsideOfItsHealthyHeights) {
  const auto env = make_environment(name(",body=cart,healthy_low=0.4,healthy_high=0.7"), 1);
  EnvironmentBatch batch(*env);
  std::vector<double> state(env->state_size());
  for (const auto& [height, ends] : {std::pair{-0.2, true}, {0.0, false}, {0.3, true}}) {
    batch.reset(0, 1);
    env->save_state(0, state);
    state[2] = height;
    env->load_state(0, state);
    batch.actions.numbers = {0, 0};
    batch.step(team);
    EXPECT_EQ(batch.terminated[0], ends) << height;
  }
}

TEST_F(Mjcf, ASiteIsToComeToItsGoal) {
  const auto near =
      make_environment(name(",site=nose,goal_site=flag,goal_weight=2,goal_radius=0.1,goal_bonus=10"), 1);
  const auto point = make_environment(name(",site=nose,goal_x=0.1,goal_y=3,goal_z=4.5"), 1);
  EnvironmentBatch batch(*near), other(*point);
  batch.reset(0, 1);
  batch.actions.numbers = {0, 0};
  batch.step(team);
  EXPECT_NEAR(batch.rewards[0], -2 * 0.5, 1e-12);
  EXPECT_FALSE(batch.terminated[0]);
  std::vector<double> state(near->state_size());
  near->save_state(0, state);
  state[1] = 0.45;  // the cart's x
  near->load_state(0, state);
  batch.step(team);
  EXPECT_NEAR(batch.rewards[0], -2 * 0.05 + 10, 1e-12);
  EXPECT_TRUE(batch.terminated[0]);
  other.reset(0, 1);
  other.actions.numbers = {0, 0};
  other.step(team);
  EXPECT_NEAR(other.rewards[0], -5, 1e-12);
}

TEST_F(Mjcf, IsTheSameTaskAsOurOwnOnItsOwnModel) {
  std::ofstream(dir / "ant.xml") << mujoco_task("ant").mjcf;
  const std::string keys =
      ",body=trunk,frame_skip=5,alive_bonus=1,control_cost=0.5,hidden=2,healthy_low=0.2,healthy_high=1";
  const auto own = make_environment("ant:version=v4,noise=0", 1);
  const auto theirs = make_environment("mjcf:file=" + (dir / "ant.xml").string() + keys, 1);
  EnvironmentBatch a(*own), b(*theirs);
  a.reset(0, 1);
  b.reset(0, 1);
  for (std::uint64_t t = 0; t < 50; ++t) {
    a.act(1, t);
    b.act(1, t);
    a.step(team);
    b.step(team);
    ASSERT_EQ(a.observations, b.observations);
    ASSERT_EQ(a.rewards, b.rewards);
  }
}

TEST_F(Mjcf, RefusesWhatCannotBeRightInOneLine) {
  const auto says = [&](const std::string& environment, const std::string& part) {
    const std::string line = refusal([&] { make_environment(environment, 1); });
    EXPECT_NE(line.find(part), std::string::npos) << line;
  };
  says("mjcf", "which model?");
  says("mjcf:file=" + (dir / "none.xml").string(), "there is no such file");
  std::ofstream(dir / "broken.xml") << "<mujoco><worldbody><body><jiont/></body></worldbody></mujoco>";
  says("mjcf:file=" + (dir / "broken.xml").string(), "jiont");
  std::ofstream(dir / "text.xml") << "no model";
  says("mjcf:file=" + (dir / "text.xml").string(), "text.xml");
  std::ofstream(dir / "still.xml")
      << "<mujoco><worldbody><body><joint/><geom size='1'/></body></worldbody></mujoco>";
  says("mjcf:file=" + (dir / "still.xml").string(), "no actuator");
  std::ofstream(dir / "free.xml")
      << "<mujoco><worldbody><body><joint name='j'/><geom size='1'/></body></worldbody>"
         "<actuator><motor joint='j'/></actuator></mujoco>";
  says("mjcf:file=" + (dir / "free.xml").string(), "actuator 0 has no bounds");
  says(name(",body=crat"), "did you mean 'cart'?");
  says(name(",site=nos"), "did you mean 'nose'?");
  says("mjcf:file=" + dir.path().string(), "is a folder");
  says(name(",healthy_low=1"), "healthy_low is given, and no body");
  says(name(",forward_weight=2"), "forward_weight is given, and no body");
  says(name(",body=cart,healthy_low=1,healthy_high=0"), "healthy_low is not below healthy_high");
  for (const std::string key :
       {"goal_site=flag", "goal_x=2", "goal_weight=2", "goal_radius=1", "goal_bonus=1"})
    says(name("," + key), key.substr(0, key.find('=')) + " is given, and no site");
  says(name(",site=nose,goal_bonus=1"), "goal_bonus is given, and no goal_radius");
  says(name(",site=nose,goal_site=flag,goal_y=1"), "goal_y and goal_site are given");
  says(name(",frame_skipp=2"), "did you mean 'frame_skip'?");
}

}  // namespace
}  // namespace hardy::envs
