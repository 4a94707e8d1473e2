// Which elements a dropout keeps (engine/ops/dropout.h): a thread to an element.
#include "cuda/elements.cuh"
#include "cuda/stream.h"
#include "engine/base/random.h"
#include "engine/ops/attributes.h"

namespace hardy::cuda {
namespace {

__global__ void keep_kernel(ops::Keep keep, const std::int32_t* seeds, const std::int32_t* step, bool passes,
                            std::int64_t each, std::int64_t n, float* out) {
  const auto word = [](const std::int32_t* x) {
    return static_cast<std::uint32_t>(x[0]) | std::uint64_t{static_cast<std::uint32_t>(x[1])} << 32;
  };
  const std::int64_t before =
      passes ? each * static_cast<std::int64_t>(static_cast<std::uint32_t>(step[2])) : 0;
  for (const std::int64_t i : every(n)) {
    const std::int64_t draw = before + i % each;
    const Random draws(word(seeds + 2 * (i / each)), keep.stream, word(step));
    const std::uint32_t bits = draws.bits(static_cast<std::uint64_t>(draw / 2));
    out[i] = ((draw & 1) != 0 ? bits >> 16 : bits & 0xFFFFu) < keep.below ? 0.0f : keep.scale;
  }
}

void keep(const graph::KernelCall& call, device::Stream& stream) {
  const std::int64_t n = call.outputs[0].elements();
  launch("random_keep", keep_kernel, blocks_for(n), kThreads, stream, call.attribute<ops::Keep>(),
         call.inputs[0].as<const std::int32_t>(), call.inputs[1].as<const std::int32_t>(),
         call.inputs[1].shape[1] > 2, n / call.inputs[0].shape[0], n, call.outputs[0].as<float>());
}

const graph::RegisterKernel registration(kBackend, "random_keep", keep);

}  // namespace
}  // namespace hardy::cuda
