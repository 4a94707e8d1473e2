#include "engine/ops/token_log_probs.h"

#include <array>

#include "engine/ops/arithmetic.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/token_rows.h"

namespace hardy::ops {
namespace {

using detail::TokenRow;
using detail::TokenSizes;

// Rows [begin, end) of a chunk of chosen ones, side by side: where they lie where that is so, else copied.
template <class T>
const T* rows_together(const T* x, const std::int64_t* chosen, std::int64_t begin, std::int64_t end,
                       std::int64_t d, T* copy) {
  if (chosen[end - 1] - chosen[begin] == end - 1 - begin) return x + chosen[begin] * d;
  for (std::int64_t i = begin; i < end; ++i) std::copy_n(x + chosen[i] * d, d, copy + i * d);
  return copy + begin * d;
}

// hidden, weight, targets -> log_prob, entropy
template <class T>
void forward(const KernelCall& call, ThreadTeam& team) {
  const TokenSizes n(call.inputs[0].shape, call.inputs[1].shape);
  const T scale = static_cast<T>(1 / call.attribute<TokenHead>().temperature);
  const std::int64_t most = std::min(n.chunk(), n.N);
  T *copy = thread_scratch<T, Scratch::kTokenRows>(most * n.d),
    *logits = thread_scratch<T, Scratch::kTokenLogits>(most * n.V);
  std::int64_t* chosen = thread_scratch<std::int64_t, Scratch::kTokenChoice>(n.N);
  for (std::int64_t a = 0; a < n.A; ++a) {
    const T *x = call.inputs[0].as<const T>() + a * n.N * n.d,
            *w = call.inputs[1].as<const T>() + a * n.V * n.d;
    const auto* target = call.inputs[2].as<const std::int32_t>() + a * n.N;
    T *log_prob = call.outputs[0].as<T>() + a * n.N, *entropy = call.outputs[1].as<T>() + a * n.N;
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < n.N; ++i) {
      log_prob[i] = entropy[i] = 0;
      if (target[i] >= 0) chosen[count++] = i;
    }
    for (std::int64_t first = 0; first < count; first += most)
      detail::in_parts(std::min(most, count - first), n, team,
                       [&](std::int64_t begin, std::int64_t end, ThreadTeam& inner) {
                         T* z = logits + begin * n.V;
                         detail::token_products(rows_together(x, chosen + first, begin, end, n.d, copy), w,
                                                end - begin, n, z, inner);
                         for_rows(end - begin, 8 * n.V, inner, [&](std::int64_t i) {
                           const std::int64_t at = chosen[first + begin + i], token = target[at];
                           const TokenRow<T> row = detail::token_row(z + i * n.V, n.V, scale);
                           log_prob[at] =
                               token < n.V ? row.log_prob(z[i * n.V + token]) : static_cast<T>(NAN);
                           entropy[at] = row.entropy;
                         });
                       });
  }
}

// A row's logits into scale times the slopes of g log p_token + h entropy.
template <class T>
void slopes(T* z, std::int64_t V, std::int64_t token, T scale, T g, T h) {
  using Vec = typename simd::VectorOf<T>::type;
  const TokenRow<T> row = detail::token_row(z, V, scale);
  const Vec top = simd::broadcast<T>(row.top), log_total = simd::broadcast<T>(row.log_total),
            share = simd::broadcast<T>(1 / row.total), entropy = simd::broadcast<T>(row.entropy),
            all = simd::broadcast<T>(g), of_entropy = simd::broadcast<T>(h),
            minus = simd::broadcast<T>(-scale);
  detail::for_vectors<T>(0, V, [&](std::int64_t i, std::int64_t count) {
    const Vec x = detail::load_part<T>(z + i, count, row.top) - top, p = simd::exp<T>(x) * share;
    const Vec slope = simd::fused<T>(of_entropy, x - log_total + entropy, all);
    detail::store_part(z + i, count, minus * p * slope);
  });
  if (token < V)
    z[token] += scale * g;
  else
    z[0] = static_cast<T>(NAN);
}

// dlog_prob, dentropy, hidden, weight, targets -> dhidden, dweight
template <class T>
void backward(const KernelCall& call, ThreadTeam& team) {
  const TokenSizes n(call.inputs[2].shape, call.inputs[3].shape);
  const T scale = static_cast<T>(1 / call.attribute<TokenHead>().temperature);
  // How many rows a product of the weight's gradient sums follows from the sizes of weight alone.
  const std::int64_t most = n.chunk(), held = std::min(most, n.N);
  T *copy = thread_scratch<T, Scratch::kTokenRows>(held * n.d),
    *slope = thread_scratch<T, Scratch::kTokenLogits>(held * n.V),
    *result = thread_scratch<T, Scratch::kTokenSlopes>(held * n.d);
  std::int64_t* chosen = thread_scratch<std::int64_t, Scratch::kTokenChoice>(n.N);
  for (std::int64_t a = 0; a < n.A; ++a) {
    const T *g = call.inputs[0].as<const T>() + a * n.N, *h = call.inputs[1].as<const T>() + a * n.N,
            *x = call.inputs[2].as<const T>() + a * n.N * n.d,
            *w = call.inputs[3].as<const T>() + a * n.V * n.d;
    const auto* target = call.inputs[4].as<const std::int32_t>() + a * n.N;
    T *dx = call.outputs[0].as<T>() + a * n.N * n.d, *dw = call.outputs[1].as<T>() + a * n.V * n.d;
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < n.N; ++i)
      if (target[i] >= 0 && (g[i] != 0 || h[i] != 0))
        chosen[count++] = i;
      else
        std::fill_n(dx + i * n.d, n.d, T(0));
    for (std::int64_t first = 0; first < count; first += most) {
      const std::int64_t rows = std::min(most, count - first);
      const std::int64_t* these = chosen + first;
      const T* together = rows_together(x, these, 0, rows, n.d, copy);
      const bool apart = together == copy;
      detail::in_parts(rows, n, team, [&](std::int64_t begin, std::int64_t end, ThreadTeam& inner) {
        T* z = slope + begin * n.V;
        detail::token_products(together + begin * n.d, w, end - begin, n, z, inner);
        for_rows(end - begin, 16 * n.V, inner, [&](std::int64_t i) {
          const std::int64_t at = these[begin + i];
          slopes<T>(z + i * n.V, n.V, target[at], scale, g[at], h[at]);
        });
        GemmArgs<T> args;
        args.m = end - begin, args.n = n.d, args.k = n.V;
        args.a = z, args.lda = n.V;
        args.b = w, args.ldb = n.d;
        args.c = apart ? result + begin * n.d : dx + these[begin] * n.d, args.ldc = n.d;
        gemm_batched(args, 1, {}, inner);
        if (apart)
          for (std::int64_t i = begin; i < end; ++i) std::copy_n(result + i * n.d, n.d, dx + these[i] * n.d);
      });
      GemmArgs<T> args;
      args.m = n.V, args.n = n.d, args.k = rows;
      args.a = slope, args.lda = n.V, args.transpose_a = true;
      args.b = together, args.ldb = n.d;
      args.c = dw, args.ldc = n.d;
      args.accumulate = first > 0;
      gemm_batched(args, 1, {}, team);
    }
    if (count == 0) std::fill_n(dw, n.V * n.d, T(0));
  }
}

template <void (*kF32)(const KernelCall&, ThreadTeam&), void (*kF64)(const KernelCall&, ThreadTeam&)>
void by_type(const KernelCall& call, ThreadTeam& team) {
  (call.outputs[0].type == DType::kF64 ? kF64 : kF32)(call, team);
}

constexpr Op kGradient{.name = "token_log_probs_gradient", .cpu = by_type<backward<float>, backward<double>>};

std::vector<Tensor> rule(Graph& g, const Node& node, std::span<const Tensor> d) {
  const Tensor hidden = node.inputs[0], weight = node.inputs[1];
  const auto given = [&](std::size_t i) {
    return d[i] ? d[i] : fill(g, g.type(hidden), g.shape(node.outputs[i]), 0);
  };
  const std::array inputs{given(0), given(1), hidden, weight, node.inputs[2]};
  const std::array outputs{std::pair<DType, Shape>{g.type(hidden), g.shape(hidden)},
                           std::pair<DType, Shape>{g.type(weight), g.shape(weight)}};
  const std::vector<Tensor> both =
      g.apply(kGradient, inputs, outputs, node.attributes.data(), node.attributes.size());
  return {both[0], both[1], {}};
}
constexpr Op kTokenLogProbs{
    .name = "token_log_probs", .gradient = rule, .cpu = by_type<forward<float>, forward<double>>};

}  // namespace

DType detail::check_token_operands(const Graph& g, const char* op, Tensor hidden, Tensor weight) {
  const DType type = common_float_type(g, op, std::array{hidden, weight});
  const Shape &x = g.shape(hidden), &w = g.shape(weight);
  if (x.rank() != 3 || w.rank() != 3 || (w[0] != x[0] && w[0] != 1) || w[2] != x[2] || w[1] < 1)
    g.shape_error(op, "hidden [A, N, d] needs a weight [A, V, d] or [1, V, d]", {hidden, weight});
  return type;
}

TokenLogProbs token_log_probs(Graph& g, Tensor hidden, Tensor weight, Tensor targets, double temperature) {
  const DType type = detail::check_token_operands(g, "token_log_probs", hidden, weight);
  const Shape row{g.shape(hidden)[0], g.shape(hidden)[1]};
  if (g.type(targets) != DType::kI32 || !(g.shape(targets) == row))
    g.shape_error("token_log_probs", "hidden [A, N, d] needs targets i32 [A, N]", {hidden, targets});
  if (!(temperature > 0) || !std::isfinite(temperature))
    g.shape_error("token_log_probs", "the temperature must be above 0", {hidden});
  const TokenHead attributes{temperature};
  const std::vector<Tensor> both =
      g.apply(kTokenLogProbs, std::array{hidden, weight, targets},
              std::array{std::pair{type, row}, std::pair{type, row}}, &attributes, sizeof attributes);
  return {both[0], both[1]};
}

}  // namespace hardy::ops
