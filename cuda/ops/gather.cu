// gather_rows and its gradient (engine/ops/gather.h). A step's batch is picked here from the dataset's
// tables, which stay on the device.
#include <bit>
#include <cub/cub.cuh>

#include "cuda/elements.cuh"
#include "cuda/stream.h"
#include "engine/ops/attributes.h"

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
void gather(const graph::KernelCall& call, device::Stream& stream) {
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

// Several tables' rows of the same draws, each table in a row of blocks of its own.
struct Columns {
  struct Part {
    const std::uint32_t* from;
    std::uint32_t* to;           // of the first draw
    std::int64_t width, stride;  // elements of the table's rows, of the output's
    std::int64_t rows;           // of an agent's table; 0: one for all
  };
  Part parts[ops::GatherColumns::kMost];
  std::int64_t batch, draws;
};
__global__ void gather_columns_kernel(const __grid_constant__ Columns columns, const std::int32_t* index) {
  const Columns::Part& p = columns.parts[blockIdx.y];
  for (const std::int64_t at : every(columns.draws * p.width)) {
    const std::int64_t draw = at / p.width, k = at % p.width;
    p.to[draw * p.stride + k] = p.from[(index[draw] + draw / columns.batch * p.rows) * p.width + k];
  }
}
void gather_columns(const graph::KernelCall& call, device::Stream& stream) {
  const auto tables = call.attribute<ops::GatherColumns>().tables;
  const Shape& index = call.inputs[0].shape;
  Columns columns{};
  columns.batch = index[1], columns.draws = index.elements();
  std::int64_t widest = 0;
  unsigned parts = 0;
  for (std::size_t o = 0; o < call.outputs.size(); ++o) {
    const graph::Buffer& out = call.outputs[o];
    std::int64_t skip = 0;
    for (int k = 0; k < tables[o]; ++k) {
      const graph::Buffer& table = call.inputs[1 + parts];
      const Shape& s = table.shape;
      columns.parts[parts++] = {table.as<const std::uint32_t>(), out.as<std::uint32_t>() + skip, s.back(),
                                out.shape.back(), s.rank() == 3 ? s[1] : 0};
      skip += s.back();
      widest = std::max(widest, s.back());
    }
  }
  launch("gather_columns", gather_columns_kernel, dim3(blocks_for(columns.draws * widest), parts), kThreads,
         stream, columns, call.inputs[0].as<const std::int32_t>());
}

__global__ void rows_of_draws_kernel(Table t, const std::int32_t* index, std::int64_t draws,
                                     std::uint32_t* row, std::int32_t* draw) {
  for (const std::int64_t i : every(draws)) {
    row[i] = static_cast<std::uint32_t>(t.row(index, i));
    draw[i] = static_cast<std::int32_t>(i);
  }
}
// Draws sorted by row: the thread at the first of a row adds up all of that row. The sort keeps the draws of
// a row in their order, so that sums have the CPU's order, and no atomics decide over bits.
template <class T>
__global__ void sum_rows_kernel(std::int64_t width, const T* dy, const std::uint32_t* row,
                                const std::int32_t* draw, std::int64_t draws, T* dx) {
  for (const std::int64_t at : every(draws * width)) {
    const std::int64_t first = at / width, k = at % width;
    if (first > 0 && row[first - 1] == row[first]) continue;
    T total = 0;
    for (std::int64_t j = first; j < draws && row[j] == row[first]; ++j) total += dy[draw[j] * width + k];
    dx[row[first] * width + k] = total;
  }
}
void scatter(const graph::KernelCall& call, device::Stream& stream) {
  const graph::Buffer& out = call.outputs[0];
  const Table t(out.shape, call.inputs[1].shape);
  const std::int64_t draws = call.inputs[1].elements(), rows = out.elements() / t.width;
  if (draws >= (std::int64_t{1} << 31) || rows >= (std::int64_t{1} << 32))
    throw Error("more draws or rows than 32 bits count", "scatter_rows of " + out.shape.str());
  CudaStream& s = as_cuda(stream);
  const auto n = static_cast<int>(draws);
  const int bits = std::max(1, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(rows - 1))));
  const auto sort = [&](void* storage, std::size_t& bytes, std::uint32_t* row, std::int32_t* draw) {
    return cub::DeviceRadixSort::SortPairs(storage, bytes, row, row + n, draw, draw + n, n, 0, bits,
                                           s.handle());
  };
  std::size_t bytes = 0;
  check(sort(nullptr, bytes, nullptr, nullptr), "scatter_rows, sorting");
  // [row, sorted, draw, sorted], then the sort's own.
  auto* row =
      static_cast<std::uint32_t*>(s.scratch(4 * sizeof(std::int32_t) * static_cast<std::size_t>(n) + bytes));
  auto* draw = reinterpret_cast<std::int32_t*>(row + 2 * n);
  launch("scatter_rows, rows", rows_of_draws_kernel, blocks_for(draws), kThreads, stream, t,
         call.inputs[1].as<const std::int32_t>(), draws, row, draw);
  s.launched(sort(draw + 2 * n, bytes, row, draw), "scatter_rows, sorting");
  with_float(out.type, [&](auto zero) {
    using T = decltype(zero);
    s.launched(cudaMemsetAsync(out.data, 0, static_cast<std::size_t>(out.elements()) * sizeof(T), s.handle()),
               "scatter_rows, zeros");
    launch("scatter_rows", sum_rows_kernel<T>, blocks_for(draws * t.width), kThreads, stream, t.width,
           call.inputs[0].as<const T>(), row + n, draw + n, draws, out.as<T>());
  });
}

const graph::RegisterKernel gather_registration(kBackend, "gather_rows", gather);
const graph::RegisterKernel columns_registration(kBackend, "gather_columns", gather_columns);
const graph::RegisterKernel scatter_registration(kBackend, "scatter_rows", scatter);

}  // namespace
}  // namespace hardy::cuda
