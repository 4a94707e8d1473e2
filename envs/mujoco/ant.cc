// Ant with the semantics of the D4RL v2 data (Gym's Ant-v2) and of Gymnasium's Ant-v4.
//   observation [111]: qpos without the horizontal position, qvel, and 84 zeros. Those were contact forces
//   once;
//     MuJoCo 2.0, with which the data were made, left them at zero, and the files hold zeros.
//     version=v4: [27], Gymnasium's Ant-v4 without the zeros. (v5 observes and prices real contact forces.)
//   action [8]: torques of hip and ankle of the fourth, first, second and third leg in [-1, 1], times 150 N
//   m;
//     outside as hopper
//   reward: forward velocity of the trunk + 1 - 0.5 |a|^2, 5 steps of 0.01 s an action; the 1 is paid on the
//     terminating step as well
//   terminated: height outside [0.2, 1], a state that is not finite, or a simulation that diverges;
//   truncated: 1000
//     steps
//   start: every qpos within 0.1 of the model's, uniformly, and qvel normal with standard deviation 0.1
#include <algorithm>

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "envs/mujoco/task.h"

namespace hardy::envs {
namespace {

// The published four-legged figure (Schulman et al. 2015; the D4RL data) as an MJCF text of our own, equal in
// every physical number to Gymnasium's. Each leg is a fixed stub, a link that turns about the vertical, and a
// shin.
constexpr const char* kModel = R"(
<mujoco model="hardy_ant">
  <!-- Lengths in metres, masses from the volumes at 5 kg/m^3. -->
  <compiler angle="degree" inertiafromgeom="true"/>
  <option timestep="0.01" integrator="RK4"/>
  <default>
    <geom type="capsule" size="0.08" contype="1" conaffinity="0" condim="3" density="5" friction="1 0.5 0.5"
          margin="0.01"/>
    <joint type="hinge" axis="0 0 1" range="-30 30" armature="1" damping="1" limited="true"/>
    <motor gear="150" ctrllimited="true" ctrlrange="-1 1"/>
  </default>
  <worldbody>
    <geom name="ground" type="plane" conaffinity="1" size="40 40 40"/>
    <body name="trunk" pos="0 0 0.75">
      <geom name="trunk" type="sphere" size="0.25"/>
      <joint name="root" type="free" armature="0" damping="0" limited="false" range="0 0" margin="0.01"/>
      <body name="stub_1"> <geom fromto="0 0 0 0.2 0.2 0"/>
        <body name="link_1" pos="0.2 0.2 0">
          <joint name="hip_1"/>
          <geom fromto="0 0 0 0.2 0.2 0"/>
          <body name="shin_1" pos="0.2 0.2 0">
            <joint name="ankle_1" axis="-1 1 0" range="30 70"/>
            <geom fromto="0 0 0 0.4 0.4 0"/>
          </body>
      </body></body>
      <body name="stub_2"> <geom fromto="0 0 0 -0.2 0.2 0"/>
        <body name="link_2" pos="-0.2 0.2 0">
          <joint name="hip_2"/>
          <geom fromto="0 0 0 -0.2 0.2 0"/>
          <body name="shin_2" pos="-0.2 0.2 0">
            <joint name="ankle_2" axis="1 1 0" range="-70 -30"/>
            <geom fromto="0 0 0 -0.4 0.4 0"/>
          </body>
      </body></body>
      <body name="stub_3"> <geom fromto="0 0 0 -0.2 -0.2 0"/>
        <body name="link_3" pos="-0.2 -0.2 0">
          <joint name="hip_3"/>
          <geom fromto="0 0 0 -0.2 -0.2 0"/>
          <body name="shin_3" pos="-0.2 -0.2 0">
            <joint name="ankle_3" axis="-1 1 0" range="-70 -30"/>
            <geom fromto="0 0 0 -0.4 -0.4 0"/>
          </body>
      </body></body>
      <body name="stub_4"> <geom fromto="0 0 0 0.2 -0.2 0"/>
        <body name="link_4" pos="0.2 -0.2 0">
          <joint name="hip_4"/>
          <geom fromto="0 0 0 0.2 -0.2 0"/>
          <body name="shin_4" pos="0.2 -0.2 0">
            <joint name="ankle_4" axis="1 1 0" range="30 70"/>
            <geom fromto="0 0 0 0.4 -0.4 0"/>
          </body>
      </body></body>
    </body>
  </worldbody>
  <actuator>
    <motor joint="hip_4"/> <motor joint="ankle_4"/> <motor joint="hip_1"/> <motor joint="ankle_1"/>
    <motor joint="hip_2"/> <motor joint="ankle_2"/> <motor joint="hip_3"/> <motor joint="ankle_3"/>
  </actuator>
</mujoco>
)";

bool healthy(const mjModel& m, const mjData& d) {
  const auto finite = [](const double* x, int n) {
    return std::all_of(x, x + n, [](double v) { return std::isfinite(v); });
  };
  return finite(d.qpos, m.nq) && finite(d.qvel, m.nv) && d.qpos[2] >= 0.2 && d.qpos[2] <= 1;
}

MujocoTask ant(Parameters& keys) {
  MujocoTask task;
  task.mjcf = kModel;
  task.frame_skip = 5;
  task.reset_noise = 0.1;
  task.normal_velocities = true;
  task.hidden_positions = 2;
  task.forward_body = "trunk";
  task.alive_bonus = 1;
  task.control_cost = 0.5;
  task.healthy = healthy;
  const std::string version = keys.word("version", "v2");
  if (version != "v2" && version != "v4")
    throw Error("there is no version '" + version + "'", keys.text(), suggestion(version, {"v2", "v4"}));
  task.zeros = version == "v2" ? 84 : 0;
  task.reference_min = -325.6;
  task.reference_max = 3879.7;
  return task;
}

const RegisterMujoco registration("ant", ant);

}  // namespace
}  // namespace hardy::envs
