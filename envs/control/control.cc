// The control tasks, registered as environments.
#include "envs/control/cart_pole.h"
#include "envs/control/pendulum.h"
#include "envs/control/task_environment.h"

namespace hardy::envs {
namespace {

const Registration pendulum(Pendulum::kName, make_task<Pendulum>);
const Registration cart_pole(CartPole::kName, make_task<CartPole>);

}  // namespace
}  // namespace hardy::envs
