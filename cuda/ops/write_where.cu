// Rows written over where a mask says so (engine/ops/write_where.h): a block to an agent, whose threads share
// the columns of a row, or the rows of a sum, and go through the writes in their order.
#include "cuda/elements.cuh"
#include "cuda/stream.h"

namespace hardy::cuda {
namespace {

__global__ void write_kernel(const std::int32_t* index, const float* values, const float* which,
                             std::int64_t N, std::int64_t n, std::int64_t B, float* table, float* change) {
  const auto agent = static_cast<std::int64_t>(blockIdx.x);
  for (std::int64_t k = threadIdx.x; k < n; k += blockDim.x)  // a column is one thread's: no two meet
    for (std::int64_t b = agent * B; b < (agent + 1) * B; ++b) {
      float& place = table[(agent * N + index[b]) * n + k];
      const float value = which[b] > 0 ? values[b * n + k] : place;
      change[b * n + k] = value - place;
      place = value;
    }
}
// Rows of the table are dealt to the threads by their number, so that each row's sum has one thread.
__global__ void add_kernel(const std::int32_t* index, const std::int32_t* count, const float* change,
                           std::int64_t N, std::int64_t B, float* table) {
  const auto agent = static_cast<std::int64_t>(blockIdx.x);
  const std::int64_t threads = blockDim.x, own = threadIdx.x;
  for (std::int64_t b = agent * B; b < (agent + 1) * B; ++b) {
    if (change[b] == 0) continue;
    const std::int64_t first = index[b] - count[b];
    for (std::int64_t row = first + (own - first % threads + threads) % threads; row <= index[b];
         row += threads)
      table[agent * N + row] += change[b];
  }
}

void write_where(const graph::KernelCall& call, device::Stream& stream) {
  const Shape& table = call.outputs[0].shape;
  launch("write_where", write_kernel, static_cast<unsigned>(table[0]), 32, stream,
         call.inputs[1].as<const std::int32_t>(), call.inputs[2].as<const float>(),
         call.inputs[3].as<const float>(), table[1], table[2], call.inputs[1].shape[1],
         call.outputs[0].as<float>(), call.outputs[1].as<float>());
}
void add_before(const graph::KernelCall& call, device::Stream& stream) {
  const Shape& table = call.outputs[0].shape;
  launch("add_before", add_kernel, static_cast<unsigned>(table[0]), kThreads, stream,
         call.inputs[1].as<const std::int32_t>(), call.inputs[2].as<const std::int32_t>(),
         call.inputs[3].as<const float>(), table[1], call.inputs[1].shape[1], call.outputs[0].as<float>());
}

const graph::RegisterKernel write_registration(kBackend, "write_where", write_where);
const graph::RegisterKernel add_registration(kBackend, "add_before", add_before);

}  // namespace
}  // namespace hardy::cuda
