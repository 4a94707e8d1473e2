// mjcf: anybody's model as a task, with what it pays said in keys.
//   file=robot.xml    the model; its actuators need a ctrlrange
//   body=NAME         whose forward (x) velocity is paid, forward_weight a metre a second (1 where a body is
//   named, else
//                     0), and whose height (z) must stay within [healthy_low, healthy_high]: else the episode
//                     ends
//   alive_bonus=0, control_cost=0     a step; times |a|^2
//   site=NAME         is to come to goal_site=NAME, or to the point goal_x, goal_y, goal_z: less goal_weight
//   (1) times
//                     the distance in metres a step; within goal_radius (0: never) a success, which pays
//                     goal_bonus (0) and ends the episode
//   hidden=0          leading positions that are not observed; noise=0, frame_skip=1, max_steps=1000
//   reference_min=0, reference_max=100  the returns that score 0 and 100; as they are the score is the return
// Positions of bodies and sites are those at which MuJoCo last evaluated the model: a step of the physics
// ago.
#include <array>

#include "engine/base/error.h"
#include "envs/mujoco/task.h"

namespace hardy::envs {
namespace {

constexpr double kFar = 1e9;

// Keys that would change nothing where `needed` is not given are mistakes.
void require_with(Parameters& keys, const std::string& needed, std::initializer_list<const char*> dependent) {
  if (!keys.word(needed, "").empty()) return;
  for (const char* key : dependent)
    if (!keys.word(key, "").empty())
      throw Error(std::string(key) + " is given, and no " + needed, keys.text(), "give " + needed + "=");
}

double distance(const double* a, const double* b) {
  return std::sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]) +
                   (a[2] - b[2]) * (a[2] - b[2]));
}

void pay_for_height(MujocoTask& task, Parameters& keys, const mjModel& model) {
  require_with(keys, "body", {"healthy_low", "healthy_high", "forward_weight"});
  const double low = keys.number("healthy_low", -kFar, -kFar, kFar);
  const double high = keys.number("healthy_high", kFar, -kFar, kFar);
  if (task.forward_body.empty()) return;
  if (!(low < high)) throw Error("healthy_low is not below healthy_high", keys.text());
  const int body = find(model, mjOBJ_BODY, "body", task.forward_body, keys.text());
  task.healthy = [=](const mjModel&, const mjData& d) {
    const double height = d.xpos[3 * body + 2];
    return height >= low && height <= high;
  };
}

void pay_for_goal(MujocoTask& task, Parameters& keys, const mjModel& model) {
  require_with(keys, "site",
               {"goal_site", "goal_x", "goal_y", "goal_z", "goal_weight", "goal_radius", "goal_bonus"});
  require_with(keys, "goal_radius", {"goal_bonus"});
  const std::string site = keys.word("site", ""), goal_site = keys.word("goal_site", "");
  for (const char* axis : {"goal_x", "goal_y", "goal_z"})
    if (!goal_site.empty() && !keys.word(axis, "").empty())
      throw Error(std::string(axis) + " and goal_site are given", keys.text(), "the goal is one of them");
  const std::array<double, 3> goal{keys.number("goal_x", 0, -kFar, kFar),
                                   keys.number("goal_y", 0, -kFar, kFar),
                                   keys.number("goal_z", 0, -kFar, kFar)};
  const double weight = keys.number("goal_weight", 1, 0, kFar),
               radius = keys.number("goal_radius", 0, 0, kFar);
  task.success_bonus = keys.number("goal_bonus", 0, -kFar, kFar);
  if (site.empty()) return;
  const int own = find(model, mjOBJ_SITE, "site", site, keys.text());
  const int other = goal_site.empty() ? -1 : find(model, mjOBJ_SITE, "site", goal_site, keys.text());
  const auto away = [=](const mjData& d) {
    return distance(d.site_xpos + 3 * own, other < 0 ? goal.data() : d.site_xpos + 3 * other);
  };
  task.shaping = [=](const mjModel&, const mjData& d) { return -weight * away(d); };
  if (radius > 0) task.success = [=](const mjModel&, const mjData& d) { return away(d) <= radius; };
}

MujocoTask mjcf(Parameters& keys) {
  MujocoTask task;
  task.file = keys.word("file", "");
  if (task.file.empty()) throw Error("which model?", keys.text(), "write mjcf:file=robot.xml,key=value");
  const Model model = compile_model_file(task.file);
  if (model->nu == 0) throw Error("the model has no actuator", task.file, "give it one, with a ctrlrange");
  task.forward_body = keys.word("body", "");
  task.forward_weight = task.forward_body.empty() ? 0 : 1;
  task.hidden_positions = static_cast<int>(keys.integer("hidden", 0, 0, model->nq));
  pay_for_height(task, keys, *model);
  pay_for_goal(task, keys, *model);
  task.reference_min = keys.number("reference_min", 0, -kFar, kFar);
  task.reference_max = keys.number("reference_max", 100, -kFar, kFar);
  return task;
}

const RegisterMujoco registration("mjcf", mjcf, "file=robot.xml");

}  // namespace
}  // namespace hardy::envs
