// Environments on the device (envs/control): one kernel shape for all, a thread to an instance.
#include "cuda/elements.cuh"
#include "cuda/stream.h"
#include "envs/control/cart_pole.h"
#include "envs/control/device_batch.h"
#include "envs/control/enumerable_mdp.h"
#include "envs/control/pendulum.h"

namespace hardy::cuda {
namespace {

template <class Task>
__global__ void reset_kernel(envs::TaskBatch<Task> batch) {
  for (const std::int64_t i : every(batch.n)) batch.reset(i);
}
template <class Task>
__global__ void step_kernel(envs::TaskBatch<Task> batch) {
  for (const std::int64_t i : every(batch.n)) batch.step(i);
}
template <class Task>
void reset(device::Stream& stream, const envs::TaskBatch<Task>& batch) {
  launch(Task::kName, reset_kernel<Task>, blocks_for(batch.n), kThreads, stream, batch);
}
template <class Task>
void step(device::Stream& stream, const envs::TaskBatch<Task>& batch) {
  launch(Task::kName, step_kernel<Task>, blocks_for(batch.n), kThreads, stream, batch);
}

template <class Task>
struct RegisterTask {
  device::RegisterLaunch reset_launch{kBackend, envs::kResetTask<Task>, reset<Task>},
      step_launch{kBackend, envs::kStepTask<Task>, step<Task>};
};
const RegisterTask<envs::Pendulum> pendulum;
const RegisterTask<envs::CartPole> cart_pole;
const RegisterTask<envs::EnumerableMdp> enumerable_mdp;

}  // namespace
}  // namespace hardy::cuda
