// Half-cheetah with the semantics of the D4RL v2 data (Gym's HalfCheetah-v2), which Gymnasium's
// HalfCheetah-v4 and -v5 share.
//   observation [17]: qpos without the forward position, qvel
//   action [6]: torques of the back and the front thigh, shin and foot in [-1, 1], times their gears; outside
//   as
//     hopper: the motors saturate, the cost is that of the action as given
//   reward: forward velocity - 0.1 |a|^2, 5 steps of 0.01 s an action; never terminated (but where the
//   simulation
//     diverges); truncated: 1000 steps
//   start: every qpos within 0.1 of the model's, uniformly, and qvel normal with standard deviation 0.1
#include "envs/mujoco/task.h"

namespace hardy::envs {
namespace {

// The published figure (Wawrzynski 2009; the D4RL data): a trunk with a head and two legs of three capsules,
// 14 kg in all, sprung joints. As an MJCF text of our own, equal in every physical number to Gymnasium's.
constexpr const char* kModel = R"(
<mujoco model="hardy_half_cheetah">
  <!-- Lengths in metres, angles in radians; densities are scaled to the total mass. -->
  <compiler angle="radian" inertiafromgeom="true" settotalmass="14"/>
  <option timestep="0.01" gravity="0 0 -9.81"/>
  <default>
    <geom type="capsule" size="0.046" contype="1" conaffinity="0" condim="3" friction="0.4 0.1 0.1"
          solref="0.02 1" solimp="0 0.8 0.01"/>
    <joint type="hinge" axis="0 1 0" armature="0.1" damping="0.01" stiffness="8" limited="true"
           solreflimit="0.02 1" solimplimit="0 0.8 0.03"/>
    <default class="planar">
      <joint armature="0" damping="0" stiffness="0" limited="false"/>
    </default>
    <motor ctrllimited="true" ctrlrange="-1 1"/>
  </default>
  <worldbody>
    <geom name="ground" type="plane" conaffinity="1" size="40 40 40"/>
    <body name="trunk" pos="0 0 0.7">
      <joint name="forward" class="planar" type="slide" axis="1 0 0"/>
      <joint name="upward" class="planar" type="slide" axis="0 0 1"/>
      <joint name="pitch" class="planar"/>
      <geom name="trunk" fromto="-0.5 0 0 0.5 0 0"/>
      <geom name="head" pos="0.6 0 0.1" axisangle="0 1 0 0.87" size="0.046 0.15"/>
      <body name="back_thigh" pos="-0.5 0 0">
        <joint name="back_thigh" range="-0.52 1.05" stiffness="240" damping="6"/>
        <geom name="back_thigh" pos="0.1 0 -0.13" axisangle="0 1 0 -3.8" size="0.046 0.145"/>
        <body name="back_shin" pos="0.16 0 -0.25">
          <joint name="back_shin" range="-0.785 0.785" stiffness="180" damping="4.5"/>
          <geom name="back_shin" pos="-0.14 0 -0.07" axisangle="0 1 0 -2.03" size="0.046 0.15"/>
          <body name="back_foot" pos="-0.28 0 -0.14">
            <joint name="back_foot" range="-0.4 0.785" stiffness="120" damping="3"/>
            <geom name="back_foot" pos="0.03 0 -0.097" axisangle="0 1 0 -0.27" size="0.046 0.094"/>
          </body>
        </body>
      </body>
      <body name="front_thigh" pos="0.5 0 0">
        <joint name="front_thigh" range="-1 0.7" stiffness="180" damping="4.5"/>
        <geom name="front_thigh" pos="-0.07 0 -0.12" axisangle="0 1 0 0.52" size="0.046 0.133"/>
        <body name="front_shin" pos="-0.14 0 -0.24">
          <joint name="front_shin" range="-1.2 0.87" stiffness="120" damping="3"/>
          <geom name="front_shin" pos="0.065 0 -0.09" axisangle="0 1 0 -0.6" size="0.046 0.106"/>
          <body name="front_foot" pos="0.13 0 -0.18">
            <joint name="front_foot" range="-0.5 0.5" stiffness="60" damping="1.5"/>
            <geom name="front_foot" pos="0.045 0 -0.07" axisangle="0 1 0 -0.6" size="0.046 0.07"/>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="back_thigh" joint="back_thigh" gear="120"/>
    <motor name="back_shin" joint="back_shin" gear="90"/>
    <motor name="back_foot" joint="back_foot" gear="60"/>
    <motor name="front_thigh" joint="front_thigh" gear="120"/>
    <motor name="front_shin" joint="front_shin" gear="60"/>
    <motor name="front_foot" joint="front_foot" gear="30"/>
  </actuator>
</mujoco>
)";

MujocoTask half_cheetah(Parameters&) {
  MujocoTask task;
  task.mjcf = kModel;
  task.frame_skip = 5;
  task.reset_noise = 0.1;
  task.normal_velocities = true;
  task.hidden_positions = 1;
  task.control_cost = 0.1;
  task.reference_min = -280.178953;
  task.reference_max = 12135.0;
  return task;
}

const RegisterMujoco registration("half_cheetah", half_cheetah);

}  // namespace
}  // namespace hardy::envs
