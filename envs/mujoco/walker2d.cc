// Walker2d with the semantics of the D4RL v2 data (Gym's Walker2d-v2) and of Gymnasium's Walker2d-v4. (v5
// gives both feet a friction of 1.9 and pays no bonus on the terminating step; the data follow v2.)
//   observation [17]: qpos without the forward position, qvel clipped to [-10, 10]
//   action [6]: torques of the right and the left hip, knee and ankle in [-1, 1], times 100 N m; outside as
//   hopper reward: forward velocity + 1 - 0.001 |a|^2, 4 steps of 0.002 s an action terminated: height
//   outside (0.8, 2), pitch outside (-1, 1), or a simulation that diverges; truncated: 1000 steps start:
//   every qpos and qvel within 5e-3 of the upright stand, uniformly
#include "envs/mujoco/task.h"

namespace hardy::envs {
namespace {

// The published biped in the plane (Erez, Tassa, Todorov 2011; the D4RL data), whose right foot slips more
// than its left one. An MJCF text of our own, equal in every physical number to Gymnasium's; the long
// fractions are what the published world coordinates leave behind in float64.
constexpr const char* kModel = R"(
<mujoco model="hardy_walker2d">
  <!-- Lengths in metres, masses from the capsules' volumes at 1000 kg/m^3. -->
  <compiler angle="degree" inertiafromgeom="true"/>
  <option timestep="0.002" integrator="RK4"/>
  <default>
    <geom type="capsule" contype="1" conaffinity="0" condim="3" density="1000" friction="0.9 0.1 0.1"/>
    <joint type="hinge" axis="0 -1 0" armature="0.01" damping="0.1" limited="true"/>
    <default class="planar">
      <joint armature="0" damping="0" stiffness="0" limited="false"/>
    </default>
    <default class="thigh">
      <geom pos="0 0 -0.22500000000000009" size="0.05 0.22500000000000003"/>
      <joint range="-150 0"/>
    </default>
    <default class="shank">
      <geom size="0.04 0.25"/>
      <joint pos="0 0 0.25" range="-150 0"/>
    </default>
    <default class="foot">
      <geom pos="-0.1 0 0.1" quat="0.70710678118654757 0 -0.70710678118654746 0" size="0.06 0.1"/>
      <joint pos="-0.2 0 0.1" range="-45 45"/>
    </default>
    <motor gear="100" ctrllimited="true" ctrlrange="-1 1"/>
  </default>
  <worldbody>
    <geom name="ground" type="plane" conaffinity="1" friction="0.7 0.1 0.1" size="40 40 40"/>
    <body name="trunk" pos="0 0 1.25">
      <joint name="forward" class="planar" type="slide" axis="1 0 0" pos="0 0 -1.25"/>
      <joint name="upward" class="planar" type="slide" axis="0 0 1" pos="0 0 -1.25" ref="1.25"/>
      <joint name="pitch" class="planar" axis="0 1 0"/>
      <geom name="trunk" size="0.05 0.19999999999999996"/>
      <body name="right_thigh" pos="0 0 -0.19999999999999996">
        <joint name="right_hip" class="thigh"/>
        <geom name="right_thigh" class="thigh"/>
        <body name="right_shank" pos="0 0 -0.70000000000000007">
          <joint name="right_knee" class="shank"/>
          <geom name="right_shank" class="shank"/>
          <body name="right_foot" pos="0.2 0 -0.35">
            <joint name="right_ankle" class="foot"/>
            <geom name="right_foot" class="foot"/>
          </body>
        </body>
      </body>
      <body name="left_thigh" pos="0 0 -0.19999999999999996">
        <joint name="left_hip" class="thigh"/>
        <geom name="left_thigh" class="thigh"/>
        <body name="left_shank" pos="0 0 -0.70000000000000007">
          <joint name="left_knee" class="shank"/>
          <geom name="left_shank" class="shank"/>
          <body name="left_foot" pos="0.2 0 -0.35">
            <joint name="left_ankle" class="foot"/>
            <geom name="left_foot" class="foot" friction="1.9"/>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="right_hip" joint="right_hip"/>
    <motor name="right_knee" joint="right_knee"/>
    <motor name="right_ankle" joint="right_ankle"/>
    <motor name="left_hip" joint="left_hip"/>
    <motor name="left_knee" joint="left_knee"/>
    <motor name="left_ankle" joint="left_ankle"/>
  </actuator>
</mujoco>
)";

bool healthy(const mjModel&, const mjData& d) {
  return d.qpos[1] > 0.8 && d.qpos[1] < 2 && d.qpos[2] > -1 && d.qpos[2] < 1;
}

MujocoTask walker2d(Parameters&) {
  MujocoTask task;
  task.mjcf = kModel;
  task.frame_skip = 4;
  task.reset_noise = 5e-3;
  task.hidden_positions = 1;
  task.velocity_limit = 10;
  task.alive_bonus = 1;
  task.control_cost = 1e-3;
  task.healthy = healthy;
  task.reference_min = 1.629008;
  task.reference_max = 4592.3;
  return task;
}

const RegisterMujoco registration("walker2d", walker2d);

}  // namespace
}  // namespace hardy::envs
