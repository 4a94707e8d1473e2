// Hopper with the semantics of the D4RL v2 data (Gym's Hopper-v2) and of Gymnasium's Hopper-v4.
//   observation [11]: qpos without the forward position, qvel clipped to [-10, 10]
//   action [3]: torques of hip, knee and ankle in [-1, 1], times 200 N m. Outside, MuJoCo's motors saturate,
//     so that the motion is that of the clipped action, while the cost is that of the action as given
//     (D4RL's wrapper clips before both; no D4RL file holds such an action)
//   reward: forward velocity + 1 - 0.001 |a|^2. v2, v3 and v4 pay the 1 on the terminating step as well
//     (v4 as long as unhealthy states terminate, its default), v5 does not; the data follow v2
//   terminated: height <= 0.7, |pitch| >= 0.2, a state but the positions x, z outside (-100, 100), or a
//     simulation that MuJoCo found to diverge (it restarts itself, which Gymnasium does not notice)
//   truncated: 1000 steps; start: every qpos and qvel within 5e-3 of the upright stand, uniformly
// hopper_sparse: the same body and falls; reward 1 when the hip's root has gone `goal` metres (2) forward, a
//   success, which ends the episode, and 0 before. A return of 1 is a success, one of 0 is none.
#include "envs/mujoco/task.h"

namespace hardy::envs {
namespace {

// The published one-legged figure of four capsules in the plane (Erez, Tassa, Todorov 2011; the D4RL data) as
// an MJCF text of our own. The compiled model equals that of Gymnasium's Hopper-v4 and -v5 in every physical
// number to the last bit: contacts amplify a last bit to a different episode. Hence the long fractions, which
// the published world coordinates leave behind (1.25 - 1.05 = 0.19999999999999996 in float64), and the foot's
// frame, whose origin is not at the ankle.
constexpr const char* kModel = R"(
<mujoco model="hardy_hopper">
  <!-- Lengths in metres, masses from the capsules' volumes at 1000 kg/m^3, gravity 9.81 m/s^2. -->
  <compiler angle="degree" inertiafromgeom="true"/>
  <option timestep="0.002" integrator="RK4"/>
  <default>
    <geom type="capsule" contype="1" conaffinity="1" condim="1" margin="0.001" solref="0.02 1" solimp="0.8 0.8 0.01"/>
    <joint type="hinge" axis="0 -1 0" armature="1" damping="1" limited="true"/>
    <default class="planar">
      <joint armature="0" damping="0" stiffness="0" limited="false"/>
    </default>
    <motor gear="200" ctrllimited="true" ctrlrange="-1 1"/>
  </default>
  <worldbody>
    <geom name="ground" type="plane" condim="3" size="20 20 0.125"/>
    <body name="trunk" pos="0 0 1.25">
      <joint name="forward" class="planar" type="slide" axis="1 0 0" pos="0 0 -1.25"/>
      <joint name="upward" class="planar" type="slide" axis="0 0 1" pos="0 0 -1.25" ref="1.25"/>
      <joint name="pitch" class="planar" type="hinge" axis="0 1 0"/>
      <geom name="trunk" size="0.05 0.19999999999999996" friction="0.9"/>
      <body name="thigh" pos="0 0 -0.19999999999999996">
        <joint name="hip" range="-150 0"/>
        <geom name="thigh" pos="0 0 -0.22500000000000009" size="0.05 0.22500000000000003" friction="0.9"/>
        <body name="shank" pos="0 0 -0.70000000000000007">
          <joint name="knee" pos="0 0 0.25" range="-150 0"/>
          <geom name="shank" size="0.04 0.25" friction="0.9"/>
          <body name="foot" pos="0.13 0 -0.35">
            <joint name="ankle" pos="-0.13 0 0.1" range="-45 45"/>
            <geom name="foot" pos="-0.065 0 0.1" euler="0 -90 0" size="0.06 0.195" friction="2"/>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="hip" joint="hip"/>
    <motor name="knee" joint="knee"/>
    <motor name="ankle" joint="ankle"/>
  </actuator>
</mujoco>
)";

bool healthy(const mjModel& m, const mjData& d) {
  const auto within = [](double x) { return x > -100 && x < 100; };  // false for NaN as well
  bool bounded = std::isfinite(d.qpos[0]) && std::isfinite(d.qpos[1]);
  for (int k = 2; k < m.nq; ++k) bounded = bounded && within(d.qpos[k]);
  for (int k = 0; k < m.nv; ++k) bounded = bounded && within(d.qvel[k]);
  return bounded && d.qpos[1] > 0.7 && std::abs(d.qpos[2]) < 0.2;
}

MujocoTask hopper(Parameters&) {
  MujocoTask task;
  task.mjcf = kModel;
  task.frame_skip = 4;
  task.reset_noise = 5e-3;
  task.hidden_positions = 1;
  task.velocity_limit = 10;
  task.alive_bonus = 1;
  task.control_cost = 1e-3;
  task.healthy = healthy;
  task.reference_min = -20.272305;
  task.reference_max = 3234.3;
  return task;
}

MujocoTask hopper_sparse(Parameters& keys) {
  MujocoTask task = hopper(keys);
  task.forward_weight = task.alive_bonus = task.control_cost = 0;
  const double goal = keys.number("goal", 2, 0.01, 1000);
  task.success = [goal](const mjModel& m, const mjData& d) { return d.qpos[0] >= goal && healthy(m, d); };
  task.success_bonus = 1;
  task.reference_min = 0;
  task.reference_max = 1;
  return task;
}

const RegisterMujoco registration("hopper", hopper);
const RegisterMujoco registration_sparse("hopper_sparse", hopper_sparse);

}  // namespace
}  // namespace hardy::envs
