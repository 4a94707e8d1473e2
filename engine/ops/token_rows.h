// Rows of logits z = W h / temperature: what the ops share that never hold more than a chunk of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "engine/base/simd.h"
#include "engine/graph/graph.h"
#include "engine/ops/gemm.h"
#include "engine/ops/gemm_kernel.h"
#include "engine/ops/rows.h"
#include "engine/ops/vectors.h"

namespace hardy::ops::detail {

// hidden [A, N, d], weight [A, V, d]; with one weight for all agents their rows count as one agent's.
struct TokenSizes {
  std::int64_t A, N, d, V;
  TokenSizes(const Shape& hidden, const Shape& weight)
      : A(weight[0]), N(hidden[0] * hidden[1] / weight[0]), d(hidden[2]), V(weight[1]) {}
  bool wide() const { return V >= 1024; }
  // Rows whose logits are held at once.
  std::int64_t chunk() const { return wide() ? std::clamp<std::int64_t>((1 << 22) / V, 64, 512) : 2048; }
};

// part(begin, end, team) over `rows` rows: of narrow logits many parts at once, each on its thread; of wide
// ones a single part, whose products and rows the team shares. A row's bits are the same either way.
template <class Part>
void in_parts(std::int64_t rows, const TokenSizes& n, ThreadTeam& team, Part&& part) {
  static ThreadTeam alone(1);
  if (n.wide()) return part(std::int64_t{0}, rows, team);
  const std::int64_t most = std::clamp<std::int64_t>(32768 / n.V, 32, 256);
  const std::int64_t grain = std::clamp<std::int64_t>(rows / (2 * team.size()), 32, most);
  team.for_range(rows, grain, [&](std::int64_t begin, std::int64_t end) { part(begin, end, alone); });
}

// z [rows, V] = x [rows, d] W^T.
template <class T>
void token_products(const T* x, const T* weight, std::int64_t rows, const TokenSizes& n, T* z,
                    ThreadTeam& team) {
  GemmArgs<T> args;
  args.m = rows, args.n = n.V, args.k = n.d;
  args.a = x, args.lda = n.d;
  args.b = weight, args.ldb = n.d, args.transpose_b = true;
  args.c = z, args.ldc = n.V;
  gemm_batched(args, 1, {}, team);
}

// Of a row z of V logits, p = softmax(z): log p_j = z_j - top - log_total, p_j = e^{z_j - top} / total.
template <class T>
struct TokenRow {
  T top, total, log_total, entropy;
  T log_prob(T z) const { return z - top - log_total; }
};

// Multiplies the row's products by `scale` (1 / temperature), so that they are its logits. exponentials:
// null, or where e^{z_j - top} goes.
template <class T>
TokenRow<T> token_row(T* z, std::int64_t V, T scale, T* exponentials = nullptr) {
  using Vec = typename simd::VectorOf<T>::type;
  constexpr std::int64_t lanes = simd::VectorOf<T>::kLanes, block = 1024;
  const Vec times = simd::broadcast<T>(scale);
  Vec tops = simd::broadcast<T>(-static_cast<T>(HUGE_VAL));
  for_vectors<T>(0, V, [&](std::int64_t i, std::int64_t count) {
    const Vec x = load_part<T>(z + i, count, -static_cast<T>(HUGE_VAL));
    const Vec logits = x * times;
    store_part(z + i, count, logits);
    tops = larger_lanes(tops, logits);
  });
  TokenRow<T> row;
  row.top = largest_lane<T>(tops);
  const Vec top = simd::broadcast<T>(row.top);
  Vec totals{}, products{};  // of e^{z - top}, and of that times z - top
  for (std::int64_t begin = 0; begin < V; begin += block) {
    Vec some{}, some_products{};
    for_vectors<T>(begin, std::min(V, begin + block), [&](std::int64_t i, std::int64_t count) {
      const Vec x = load_part<T>(z + i, count, row.top) - top;
      Vec e = simd::exp<T>(x);
      if (count < lanes) e = first_lanes<T>(e, count, T(0));
      if (exponentials) store_part(exponentials + i, count, e);
      some += e;
      some_products = simd::fused<T>(e, x, some_products);
    });
    totals += some;
    products += some_products;
  }
  row.total = hardy::detail::sum_of<T>(totals);
  row.log_total = std::log(row.total);
  row.entropy = row.log_total - hardy::detail::sum_of<T>(products) / row.total;
  return row;
}

// Errors that name `op`, unless hidden and weight fit.
DType check_token_operands(const graph::Graph& g, const char* op, graph::Tensor hidden, graph::Tensor weight);

}  // namespace hardy::ops::detail
