// Environments on the device (envs/control): one kernel shape for all, a thread to an instance.
#include "cuda/elements.cuh"
#include "cuda/stream.h"
#include "envs/control/cart_pole.h"
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
void reset(const graph::KernelCall& call, graph::Stream& stream) {
  const auto& batch = call.attribute<envs::TaskBatch<Task>>();
  launch(Task::kName, reset_kernel<Task>, blocks_for(batch.n), kThreads, stream, batch);
}
template <class Task>
void step(const graph::KernelCall& call, graph::Stream& stream) {
  const auto& batch = call.attribute<envs::TaskBatch<Task>>();
  launch(Task::kName, step_kernel<Task>, blocks_for(batch.n), kThreads, stream, batch);
}

template <class Task>
struct RegisterTask {
  RegisterTask() {
    const std::string name = std::string("env/") + Task::kName;
    graph::RegisterKernel(kBackend, name + "/reset", reset<Task>);
    graph::RegisterKernel(kBackend, name + "/step", step<Task>);
  }
};
const RegisterTask<envs::Pendulum> pendulum;
const RegisterTask<envs::CartPole> cart_pole;
const RegisterTask<envs::EnumerableMdp> enumerable_mdp;

}  // namespace
}  // namespace hardy::cuda
