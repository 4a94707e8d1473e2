// Draws inside a graph (engine/ops/random.h): hardy::Random itself, compiled for the device, a thread to a
// draw.
#include "cuda/elements.cuh"
#include "cuda/stream.h"
#include "engine/base/random.h"
#include "engine/ops/attributes.h"

namespace hardy::cuda {
namespace {

struct Draws {
  const std::int32_t *seeds, *step;
  std::uint32_t stream;
  std::int64_t each;  // draws of an agent
  bool passes;        // the step has its pass

  Draws(const graph::KernelCall& call)
      : seeds(call.inputs[0].as<const std::int32_t>()),
        step(call.inputs[1].as<const std::int32_t>()),
        stream(call.attribute<ops::Draw>().stream),
        each(call.outputs[0].elements() / call.inputs[0].shape[0]),
        passes(call.inputs[1].shape[1] > 2) {}
  static __device__ std::uint64_t word(const std::int32_t* halves) {
    return static_cast<std::uint32_t>(halves[0]) | std::uint64_t{static_cast<std::uint32_t>(halves[1])} << 32;
  }
  // Of the i-th element of all agents' draws: its number among its agent's, over all passes.
  __device__ std::uint64_t number(std::int64_t i) const {
    const auto before = passes ? static_cast<std::uint64_t>(each) * static_cast<std::uint32_t>(step[2]) : 0;
    return before + static_cast<std::uint64_t>(i % each);
  }
  __device__ Random of(std::int64_t agent) const { return {word(seeds + 2 * agent), stream, word(step)}; }
};

__global__ void normal_kernel(Draws draws, std::int64_t n, float* out) {
  for (const std::int64_t i : every(n))
    out[i] = static_cast<float>(draws.of(i / draws.each).normal(draws.number(i)));
}
__global__ void index_kernel(Draws draws, const std::int32_t* limit, std::int64_t n, std::int32_t* out) {
  for (const std::int64_t i : every(n))
    out[i] = static_cast<std::int32_t>(
        draws.of(i / draws.each).integer(draws.number(i), static_cast<std::uint32_t>(*limit)));
}
// A thread to a row of n logits.
__global__ void categorical_kernel(Draws draws, const float* logits, std::int64_t n, std::int64_t rows,
                                   std::int32_t* out) {
  for (const std::int64_t i : every(rows)) {
    const float* x = logits + i * n;
    double top = x[0], total = 0;
    for (std::int64_t k = 1; k < n; ++k) top = top < x[k] ? x[k] : top;
    for (std::int64_t k = 0; k < n; ++k) total += exp(x[k] - top);
    double left = draws.of(i / draws.each).uniform64(draws.number(i)) * total;
    std::int64_t drawn = 0;
    for (std::int64_t k = 0; k < n; ++k) {
      const double weight = exp(x[k] - top);
      if (weight > 0) drawn = k;  // rounding may carry the draw past the last one
      if (left < weight) break;
      left -= weight;
    }
    out[i] = static_cast<std::int32_t>(drawn);
  }
}

void normal(const graph::KernelCall& call, device::Stream& stream) {
  const std::int64_t n = call.outputs[0].elements();
  launch("random_normal", normal_kernel, blocks_for(n), kThreads, stream, Draws(call), n,
         call.outputs[0].as<float>());
}
void index(const graph::KernelCall& call, device::Stream& stream) {
  const std::int64_t n = call.outputs[0].elements();
  launch("random_index", index_kernel, blocks_for(n), kThreads, stream, Draws(call),
         call.inputs[2].as<const std::int32_t>(), n, call.outputs[0].as<std::int32_t>());
}
void categorical(const graph::KernelCall& call, device::Stream& stream) {
  const std::int64_t rows = call.outputs[0].elements();
  launch("random_categorical", categorical_kernel, blocks_for(rows), kThreads, stream, Draws(call),
         call.inputs[2].as<const float>(), call.inputs[2].shape.back(), rows,
         call.outputs[0].as<std::int32_t>());
}

const graph::RegisterKernel normal_registration(kBackend, "random_normal", normal);
const graph::RegisterKernel index_registration(kBackend, "random_index", index);
const graph::RegisterKernel categorical_registration(kBackend, "random_categorical", categorical);

}  // namespace
}  // namespace hardy::cuda
