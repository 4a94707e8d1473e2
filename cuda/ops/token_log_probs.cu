// token_log_probs and its gradient (engine/ops/token_log_probs.h).
#include "cuda/ops/token_rows.cuh"
#include "engine/ops/attributes.h"

namespace hardy::cuda {
namespace {

template <class T>
__global__ void __launch_bounds__(kRowThreads)
    log_probs_kernel(T* logits, const std::int32_t* target, std::int64_t N, std::int64_t V,
                     std::int64_t first, std::int64_t rows, T scale, T* log_prob, T* entropy) {
  const ChunkRow here(N, V, first, rows);
  const std::int64_t token = target[here.at];
  if (token < 0) {
    if (threadIdx.x == 0) log_prob[here.at] = entropy[here.at] = 0;
    return;
  }
  T* z = logits + here.logits;
  const TokenRow<T> row = token_row(z, V, scale);  // which waits for all logits
  if (threadIdx.x == 0) {
    log_prob[here.at] = token < V ? z[token] - row.top - row.log_total : T(NAN);
    entropy[here.at] = row.entropy;
  }
}

// A row's logits into scale times the slopes of g log p_token + h entropy.
template <class T>
__global__ void __launch_bounds__(kRowThreads)
    slopes_kernel(T* logits, const T* of_log_prob, const T* of_entropy, const std::int32_t* target,
                  std::int64_t N, std::int64_t V, std::int64_t first, std::int64_t rows, T scale) {
  const ChunkRow here(N, V, first, rows);
  const std::int64_t token = target[here.at];
  const T g = of_log_prob[here.at], h = of_entropy[here.at];
  T* z = logits + here.logits;
  if (token < 0 || (g == 0 && h == 0)) {
    for (std::int64_t j = threadIdx.x; j < V; j += kRowThreads) z[j] = 0;
    return;
  }
  const TokenRow<T> row = token_row(z, V, scale);
  for (std::int64_t j = threadIdx.x; j < V; j += kRowThreads) {
    const T x = z[j] - row.top, p = exp(x) / row.total, slope = g + h * (x - row.log_total + row.entropy);
    z[j] = token < V ? scale * ((j == token ? g : T(0)) - p * slope) : T(NAN);
  }
}

void log_probs(const graph::KernelCall& call, device::Stream& stream) {
  const TokenSizes n(call.inputs[0].shape, call.inputs[1].shape);
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    const T scale = static_cast<T>(1 / call.attribute<ops::TokenHead>().temperature);
    for_chunks(n, call.inputs[0].as<const T>(), call.inputs[1].as<const T>(), stream,
               [&](std::int64_t first, std::int64_t rows, T* logits) {
                 launch("token_log_probs", log_probs_kernel<T>, static_cast<unsigned>(n.A * rows),
                        kRowThreads, stream, logits, call.inputs[2].as<const std::int32_t>(), n.N, n.V, first,
                        rows, scale, call.outputs[0].as<T>(), call.outputs[1].as<T>());
               });
  });
}

void gradient(const graph::KernelCall& call, device::Stream& stream) {
  const TokenSizes n(call.inputs[2].shape, call.inputs[3].shape);
  with_float(call.outputs[0].type, [&](auto t) {
    using T = decltype(t);
    const T scale = static_cast<T>(1 / call.attribute<ops::TokenHead>().temperature);
    const T *hidden = call.inputs[2].as<const T>(), *weight = call.inputs[3].as<const T>();
    for_chunks(n, hidden, weight, stream, [&](std::int64_t first, std::int64_t rows, T* logits) {
      launch("token_log_probs_gradient", slopes_kernel<T>, static_cast<unsigned>(n.A * rows), kRowThreads,
             stream, logits, call.inputs[0].as<const T>(), call.inputs[1].as<const T>(),
             call.inputs[4].as<const std::int32_t>(), n.N, n.V, first, rows, scale);
      Product p;  // dhidden = dz W
      p.type = call.outputs[0].type;
      p.m = rows, p.n = n.d, p.k = n.V, p.count = n.A;
      p.a = logits, p.stride_a = rows * n.V;
      p.b = weight, p.stride_b = n.V * n.d;
      p.c = call.outputs[0].as<T>() + first * n.d, p.stride_c = n.N * n.d;
      multiply(p, stream);
      Product q;  // dweight += dz^T hidden
      q.type = p.type;
      q.m = n.V, q.n = n.d, q.k = rows, q.count = n.A;
      q.a = logits, q.stride_a = rows * n.V, q.transpose_a = true;
      q.b = hidden + first * n.d, q.stride_b = n.N * n.d;
      q.c = call.outputs[1].as<T>(), q.stride_c = n.V * n.d;
      q.accumulate = first > 0;
      multiply(q, stream);
    });
  });
}

const graph::RegisterKernel registration(kBackend, "token_log_probs", log_probs);
const graph::RegisterKernel gradient_registration(kBackend, "token_log_probs_gradient", gradient);

}  // namespace
}  // namespace hardy::cuda
