// write_rows (engine/ops/write_rows.h): a thread to a word of a row.
#include "cuda/elements.cuh"
#include "cuda/stream.h"

namespace hardy::cuda {
namespace {

template <class Word>
__global__ void write_kernel(const Word* rows, const std::int32_t* first, const std::int32_t* last,
                             std::int64_t T, std::int64_t U, std::int64_t words, std::int64_t n,
                             Word* cache) {
  for (const std::int64_t i : every(n)) {
    const std::int64_t row = i / words, sequence = row / T, position = first[sequence] + row % T;
    if (position >= 0 && position < last[sequence] && position < U)
      cache[(sequence * U + position) * words + i % words] = rows[i];
  }
}

void write_rows(const graph::KernelCall& call, device::Stream& stream) {
  const graph::Buffer &rows = call.inputs[1], &cache = call.outputs[0];
  const std::int64_t T = rows.shape[2], width = rows.elements() / (rows.shape[0] * rows.shape[1] * T),
                     bytes = width * static_cast<std::int64_t>(size_of(rows.type));
  const auto put = [&](auto word) {
    using Word = decltype(word);
    const std::int64_t words = bytes / static_cast<std::int64_t>(sizeof(Word)),
                       n = rows.shape[0] * rows.shape[1] * T * words;
    launch("write_rows", write_kernel<Word>, blocks_for(n), kThreads, stream, rows.as<const Word>(),
           call.inputs[2].as<const std::int32_t>(), call.inputs[3].as<const std::int32_t>(), T,
           cache.shape[2], words, n, cache.as<Word>());
  };
  if (bytes % 16 == 0 && are_wide(rows.as<const std::byte>(), cache.as<const std::byte>()))
    put(Pack<float, 4>{});
  else if (bytes % 4 == 0)
    put(std::uint32_t{});
  else
    put(std::uint8_t{});
}

const graph::RegisterKernel registration(kBackend, "write_rows", write_rows);

}  // namespace
}  // namespace hardy::cuda
