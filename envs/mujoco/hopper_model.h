// The hopper as an MJCF text of our own: a one-legged figure of four capsules in the plane, with the
// physical figures that the published hopper tasks share (Erez, Tassa, Todorov 2011; the D4RL data).
// The compiled model equals that of Gymnasium's Hopper-v4 and -v5 in every physical number to the last
// bit: contacts amplify a last bit to a different episode. Hence the long fractions, which the published
// world coordinates leave behind (1.25 - 1.05 = 0.19999999999999996 in float64), and the foot's frame,
// whose origin is not at the ankle.
#pragma once

namespace hardy::envs {

inline constexpr const char* kHopperModel = R"(
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

}  // namespace hardy::envs
