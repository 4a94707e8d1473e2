// sample_tokens (engine/ops/sample_tokens.h): each thread of a row's block sums a stretch of its
// probabilities, and one looks for the stretch, then the token, at which they pass the draw.
#include "cuda/ops/token_rows.cuh"
#include "engine/ops/attributes.h"
#include "engine/ops/token_draw.h"

namespace hardy::cuda {
namespace {

struct SmallerOf {
  __device__ std::int64_t operator()(std::int64_t a, std::int64_t b) const { return a < b ? a : b; }
};

template <class T>
__global__ void __launch_bounds__(kRowThreads)
    sample_kernel(T* logits, const std::int32_t* keys, const std::int32_t* seeds, std::int64_t N,
                  std::int64_t each, std::int64_t V, std::int64_t first, std::int64_t rows, T scale,
                  bool greedy, std::int32_t* tokens, T* log_prob, T* entropy) {
  __shared__ double sums[kRowThreads];
  const ChunkRow here(N, V, first, rows);
  T* z = logits + here.logits;
  const TokenRow<T> row = token_row(z, V, scale);
  std::int64_t token = V;
  if (greedy) {
    for (std::int64_t j = threadIdx.x; j < V; j += kRowThreads)
      if (z[j] == row.top && j < token) token = j;
    token = over_block(token, SmallerOf());
  } else {
    const std::int64_t stretch = (V + kRowThreads - 1) / kRowThreads, begin = threadIdx.x * stretch;
    const std::int64_t end = begin + stretch < V ? begin + stretch : V;
    double sum = 0;
    for (std::int64_t j = begin; j < end; ++j) sum += static_cast<double>(exp(z[j] - row.top));
    sums[threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
      double total = 0;
      for (int s = 0; s < kRowThreads; ++s) total += sums[s];
      double left = ops::token_uniform(seeds + 2 * (here.at / each), keys + 4 * here.at) * total;
      int chosen = 0;
      bool passed = false;
      for (int s = 0; s < kRowThreads && !passed; ++s) {
        if (sums[s] > 0) chosen = s;
        passed = left < sums[s];
        if (!passed) left -= sums[s];
      }
      if (!passed) left = total;  // rounding carried the draw past the end: the last token that is not 0
      token = chosen * stretch;
      for (std::int64_t j = token; j < V && j < (chosen + 1) * stretch; ++j) {
        const double weight = static_cast<double>(exp(z[j] - row.top));
        if (weight > 0) token = j;
        if (left < weight) break;
        left -= weight;
      }
    }
  }
  if (threadIdx.x != 0) return;
  if (token == V) token = 0;  // NaN
  tokens[here.at] = static_cast<std::int32_t>(token);
  log_prob[here.at] = z[token] - row.top - row.log_total;
  entropy[here.at] = row.entropy;
}

void sample(const graph::KernelCall& call, device::Stream& stream) {
  const TokenSizes n(call.inputs[0].shape, call.inputs[1].shape);
  const double temperature = call.attribute<ops::TokenHead>().temperature;
  with_float(call.outputs[1].type, [&](auto t) {
    using T = decltype(t);
    const T scale = temperature == 0 ? T(1) : static_cast<T>(1 / temperature);
    for_chunks(n, call.inputs[0].as<const T>(), call.inputs[1].as<const T>(), stream,
               [&](std::int64_t first, std::int64_t rows, T* logits) {
                 launch("sample_tokens", sample_kernel<T>, static_cast<unsigned>(n.A * rows), kRowThreads,
                        stream, logits, call.inputs[2].as<const std::int32_t>(),
                        call.inputs[3].as<const std::int32_t>(), n.N, call.inputs[0].shape[1], n.V, first,
                        rows, scale, temperature == 0, call.outputs[0].as<std::int32_t>(),
                        call.outputs[1].as<T>(), call.outputs[2].as<T>());
               });
  });
}

const graph::RegisterKernel registration(kBackend, "sample_tokens", sample);

}  // namespace
}  // namespace hardy::cuda
