// gather_rows and its gradient (engine/ops/gather.h). A step's batch is picked here from the dataset's
// tables, which stay on the device.
#include "cuda/elements.cuh"
#include "cuda/stream.h"

namespace hardy::cuda {
namespace {

struct Table {
  std::int64_t batch, rows, width;  // indices of an agent, rows of a table, elements of a row
  bool shared;                      // by all agents
  Table(const Shape& table, const Shape& index)
      : batch(index[1]), rows(table[table.rank() - 2]), width(table.back()), shared(table.rank() == 2) {}
  // The row that draw i of all agents' draws picks, counted over all tables.
  __device__ std::int64_t row(const std::int32_t* index, std::int64_t i) const {
    return index[i] + (shared ? 0 : i / batch * rows);
  }
};

template <class Word>
__global__ void gather_kernel(Table t, std::int64_t words, const Word* from, const std::int32_t* index,
                              std::int64_t n, Word* to) {
  for (const std::int64_t at : every(n)) to[at] = from[t.row(index, at / words) * words + at % words];
}
void gather(const graph::KernelCall& call, graph::Stream& stream) {
  const graph::Buffer &table = call.inputs[0], &out = call.outputs[0];
  const Table t(table.shape, call.inputs[1].shape);
  const auto run = [&](auto word) {
    using Word = decltype(word);
    const std::int64_t words = t.width * static_cast<std::int64_t>(size_of(out.type) / sizeof(Word)),
                       n = call.inputs[1].elements() * words;
    launch("gather_rows", gather_kernel<Word>, blocks_for(n), kThreads, stream, t, words,
           table.as<const Word>(), call.inputs[1].as<const std::int32_t>(), n, out.as<Word>());
  };
  if (out.type == DType::kBool)
    run(std::uint8_t{});
  else
    run(std::uint32_t{});
}

template <class T>
__global__ void zero_kernel(T* x, std::int64_t n) {
  for (const std::int64_t i : every(n)) x[i] = T(0);
}
// A block to a draw. The first draw of a row adds up all draws of it, in their order: no atomics, so that the
// bits do not depend on which block comes first.
template <class T>
__global__ void scatter_kernel(Table t, const T* dy, const std::int32_t* index, std::int64_t draws, T* dx) {
  const std::int64_t i = blockIdx.x, row = t.row(index, i);
  const std::int64_t begin = t.shared ? 0 : i / t.batch * t.batch, end = t.shared ? draws : begin + t.batch;
  bool earlier = false;
  for (std::int64_t j = begin + threadIdx.x; j < i; j += blockDim.x)
    earlier = earlier || t.row(index, j) == row;
  if (__syncthreads_or(earlier)) return;
  for (std::int64_t k = threadIdx.x; k < t.width; k += blockDim.x) {
    T total = 0;
    for (std::int64_t j = i; j < end; ++j)
      if (t.row(index, j) == row) total += dy[j * t.width + k];
    dx[row * t.width + k] = total;
  }
}
void scatter(const graph::KernelCall& call, graph::Stream& stream) {
  const graph::Buffer& out = call.outputs[0];
  const Table t(out.shape, call.inputs[1].shape);
  const std::int64_t draws = call.inputs[1].elements();
  with_float(out.type, [&](auto zero) {
    using T = decltype(zero);
    launch("scatter_rows, zeros", zero_kernel<T>, blocks_for(out.elements()), kThreads, stream, out.as<T>(),
           out.elements());
    launch("scatter_rows", scatter_kernel<T>, static_cast<unsigned>(draws), 64, stream, t,
           call.inputs[0].as<const T>(), call.inputs[1].as<const std::int32_t>(), draws, out.as<T>());
  });
}

const graph::RegisterKernel gather_registration(kBackend, "gather_rows", gather);
const graph::RegisterKernel scatter_registration(kBackend, "scatter_rows", scatter);

}  // namespace
}  // namespace hardy::cuda
