// A MuJoCo task is a record: a model, and what a step of it observes, pays and ends. One batch stepper plays
// all of them (envs/mujoco/stepper.cc); a task's file holds the record and a static RegisterMujoco.
//   step: `frame_skip` steps of the physics under the action as given (MuJoCo's motors saturate it)
//   observation: qpos behind the first `hidden_positions`, qvel held to +-velocity_limit, `zeros` zeros
//   reward: forward_weight * forward velocity + alive_bonus - control_cost |a|^2 (+ shaping, + success_bonus)
//   forward velocity: of qpos[0], or of the x of `forward_body` as MuJoCo last evaluated it, over a step
//   terminated: not healthy, a success, or a simulation that MuJoCo found to diverge (it restarts itself) or
//     that pays no finite reward (it then pays 0)
//   start: the model's own, every qpos and qvel moved by the reset noise
#pragma once

#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "engine/base/parameters.h"
#include "envs/environment.h"
#include "envs/mujoco/model.h"

namespace hardy::envs {

struct MujocoTask {
  // The text of the model, or the file that holds it.
  std::string mjcf, file;
  int frame_skip = 1;
  // qpos: uniform within +-reset_noise; qvel: the same, or normal with that standard deviation.
  double reset_noise = 0;
  bool normal_velocities = false;
  int hidden_positions = 0, zeros = 0;
  double velocity_limit = std::numeric_limits<double>::infinity();
  std::string forward_body;  // "": qpos[0]
  double forward_weight = 1, alive_bonus = 0, control_cost = 0;
  using Figure = std::function<double(const mjModel&, const mjData&)>;
  using Predicate = std::function<bool(const mjModel&, const mjData&)>;
  Figure shaping;     // added to the reward
  Predicate healthy;  // empty: always
  Predicate success;  // ends the episode and pays success_bonus
  double success_bonus = 0;
  int max_episode_steps = 1000;
  double reference_min = 0, reference_max = 1;

  // The keys that every task takes: frame_skip, noise, forward_weight, alive_bonus, control_cost, max_steps.
  void read(Parameters& keys);
};

// The model of a task, compiled; `name` stands in messages.
Model compile_model(const std::string& name, const MujocoTask& task);

std::unique_ptr<BatchEnvironment> make_mujoco(const std::string& name, MujocoTask task, int instances);

// Registers a record, or what makes one of its keys, as an environment.
using MujocoRecord = MujocoTask (*)(Parameters& keys);
struct RegisterMujoco {
  RegisterMujoco(const std::string& name, MujocoRecord record, const std::string& needs = "");
};
// The record of "name:key=value": for those who look at a task's model.
MujocoTask mujoco_task(const std::string& name);

}  // namespace hardy::envs
