// New rows into their tables (engine/device/row_feed.h): a thread to a number, which it reads where the host
// wrote it.
#include "cuda/elements.cuh"
#include "cuda/stream.h"
#include "engine/device/row_feed.h"

namespace hardy::cuda {
namespace {

using device::NewRows;

__global__ void __launch_bounds__(256) put_rows_kernel(const __grid_constant__ NewRows r) {
  if (blockIdx.x == 0 && threadIdx.x == 0) *r.rows = r.filled;
  for (const std::int64_t i : every(r.numbers)) {
    int table = 0;
    while (table + 1 < r.count && i >= r.tables[table + 1].before * r.agents) ++table;
    const NewRows::Table& t = r.tables[table];
    const std::int64_t at = i - t.before * r.agents, agent = at / t.width, column = at % t.width;
    t.memory[(agent * r.capacity + r.row) * t.width + column] = r.block[i];
  }
}

void put_rows(device::Stream& stream, const NewRows& rows) {
  launch("rows/put", put_rows_kernel, blocks_for(rows.numbers), kThreads, stream, rows);
}

const device::RegisterLaunch registration(kBackend, device::kPutRows, put_rows);

}  // namespace
}  // namespace hardy::cuda
