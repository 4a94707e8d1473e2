// The control tasks, registered as environments.
#include "envs/control/cart_pole.h"
#include "envs/control/pendulum.h"
#include "envs/control/task_environment.h"

namespace hardy::envs {
namespace {

template <class Task>
std::unique_ptr<BatchEnvironment> make(int instances) {
  EnvSpec spec;
  spec.name = Task::kName;
  spec.observation_size = Task::kObservation;
  spec.action_size = Task::kAction;
  if constexpr (std::same_as<typename Task::Action, float>) {
    spec.action_low.assign(Task::kAction, static_cast<float>(-Task::kLimit));
    spec.action_high.assign(Task::kAction, static_cast<float>(Task::kLimit));
  } else {
    spec.action_choices = Task::kChoices;
  }
  spec.max_episode_steps = Task::kSteps;
  spec.reference_min = Task::kReferenceMin;
  spec.reference_max = Task::kReferenceMax;
  return std::make_unique<TaskEnvironment<Task>>(instances, Task{}, std::move(spec));
}

const Registration pendulum(Pendulum::kName, make<Pendulum>);
const Registration cart_pole(CartPole::kName, make<CartPole>);

}  // namespace
}  // namespace hardy::envs
