// The control tasks, registered as environments.
#include "envs/control/cart_pole.h"
#include "envs/control/pendulum.h"
#include "envs/control/task_environment.h"

namespace hardy::envs {
namespace {

template <class Task>
std::unique_ptr<BatchEnvironment> make(int instances) {
  return std::make_unique<TaskEnvironment<Task>>(instances);
}

const Registration pendulum(Pendulum::kName, make<Pendulum>);
const Registration cart_pole(CartPole::kName, make<CartPole>);

}  // namespace
}  // namespace hardy::envs
