// The control tasks, registered as environments.
#include <algorithm>

#include "engine/base/nearest.h"
#include "envs/control/acrobot.h"
#include "envs/control/cart_pole.h"
#include "envs/control/key_door.h"
#include "envs/control/mountain_car_continuous.h"
#include "envs/control/pendulum.h"
#include "envs/control/pendulum_sparse.h"
#include "envs/control/point_maze.h"
#include "envs/control/task_environment.h"

namespace hardy::envs {
namespace {

// The value of a key that is one of a few words.
std::string one_of(Parameters& keys, const std::string& key, const std::vector<std::string>& words) {
  std::string word = keys.word(key, words.front());
  if (std::ranges::find(words, word) == words.end())
    throw Error(key + "=" + word + " is not known", keys.text(), suggestion(word, words));
  return word;
}

std::unique_ptr<BatchEnvironment> make_point_maze(Parameters& keys, int instances) {
  const std::string map = one_of(keys, "map", {"umaze", "medium", "large"});
  if (map == "medium") return make_task(keys, PointMediumMaze{}, instances);
  if (map == "large") return make_task(keys, PointLargeMaze{}, instances);
  return make_task(keys, PointUmaze{}, instances);
}

std::unique_ptr<BatchEnvironment> make_key_door(Parameters& keys, int instances) {
  KeyDoor task;
  task.size = static_cast<int>(keys.integer("size", task.size, 4, 64));
  task.anywhere = one_of(keys, "starts", {"begin", "anywhere"}) == "anywhere";
  return make_task(keys, task, instances);
}

const Registration pendulum(Pendulum::kName, make_task<Pendulum>);
const Registration pendulum_sparse(PendulumSparse::kName, make_task<PendulumSparse>);
const Registration cart_pole(CartPole::kName, make_task<CartPole>);
const Registration mountain_car(MountainCarContinuous::kName, make_task<MountainCarContinuous>);
const Registration acrobot(Acrobot::kName, make_task<Acrobot>);
const Registration point_maze("point_maze", make_point_maze);
const Registration key_door(KeyDoor::kName, make_key_door);

}  // namespace
}  // namespace hardy::envs
