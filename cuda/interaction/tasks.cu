// Environment steps within the device (algorithms/online/task_interaction.h): a thread to an agent.
#include "algorithms/online/task_interaction.h"
#include "cuda/elements.cuh"
#include "cuda/stream.h"
#include "envs/control/cart_pole.h"
#include "envs/control/enumerable_mdp.h"
#include "envs/control/pendulum.h"

namespace hardy::cuda {
namespace {

using algorithms::TaskInteraction;

template <class Task>
__global__ void interact_kernel(const __grid_constant__ TaskInteraction<Task> interaction) {
  for (const std::int64_t i : every(interaction.batch.n)) interaction.step(i);
}
template <class Task>
__global__ void look_kernel(const __grid_constant__ TaskInteraction<Task> interaction) {
  for (const std::int64_t i : every(interaction.batch.n)) interaction.look(i, interaction.t);
}
template <class Task>
void interact(device::Stream& stream, const TaskInteraction<Task>& interaction) {
  launch(Task::kName, interact_kernel<Task>, blocks_for(interaction.batch.n), kThreads, stream, interaction);
}
template <class Task>
void look(device::Stream& stream, const TaskInteraction<Task>& interaction) {
  launch(Task::kName, look_kernel<Task>, blocks_for(interaction.batch.n), kThreads, stream, interaction);
}

template <class Task>
struct RegisterInteraction {
  device::RegisterLaunch interact_launch{kBackend, algorithms::kInteract<Task>, interact<Task>},
      look_launch{kBackend, algorithms::kLook<Task>, look<Task>};
};
const RegisterInteraction<envs::Pendulum> pendulum;
const RegisterInteraction<envs::CartPole> cart_pole;
const RegisterInteraction<envs::EnumerableMdp> enumerable_mdp;

}  // namespace
}  // namespace hardy::cuda
