#include "engine/ops/sample_tokens.h"

#include <array>

#include "engine/ops/attributes.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/token_draw.h"
#include "engine/ops/token_rows.h"

namespace hardy::ops {
namespace {

using detail::TokenRow;
using detail::TokenSizes;

template <class T>
std::int64_t largest_of(const T* z, std::int64_t n, T top) {
  const T* at = std::find(z, z + n, top);
  return at == z + n ? 0 : at - z;  // NaN
}

// hidden, weight, keys, seeds -> token, log_prob, entropy
template <class T>
void sample(const KernelCall& call, ThreadTeam& team) {
  const TokenSizes n(call.inputs[0].shape, call.inputs[1].shape);
  const double temperature = call.attribute<TokenHead>().temperature;
  const bool greedy = temperature == 0;
  const std::int64_t each = call.inputs[0].shape[1];  // rows of an agent
  const T scale = greedy ? T(1) : static_cast<T>(1 / temperature);
  const std::int64_t most = std::min(n.chunk(), n.N);
  T *logits = thread_scratch<T, Scratch::kTokenLogits>(most * n.V),
    *weights = thread_scratch<T, Scratch::kTokenWeights>(greedy ? 0 : most * n.V);
  for (std::int64_t a = 0; a < n.A; ++a)
    for (std::int64_t first = 0; first < n.N; first += most) {
      const T *x = call.inputs[0].as<const T>() + (a * n.N + first) * n.d,
              *w = call.inputs[1].as<const T>() + a * n.V * n.d;
      detail::in_parts(
          std::min(most, n.N - first), n, team, [&](std::int64_t begin, std::int64_t end, ThreadTeam& inner) {
            T* part = logits + begin * n.V;
            detail::token_products(x + begin * n.d, w, end - begin, n, part, inner);
            for_rows(end - begin, 8 * n.V, inner, [&](std::int64_t i) {
              const std::int64_t at = a * n.N + first + begin + i;
              T *z = part + i * n.V, *e = greedy ? nullptr : weights + (begin + (n.wide() ? i : 0)) * n.V;
              const TokenRow<T> row = detail::token_row(z, n.V, scale, e);
              std::int64_t token = 0;
              if (greedy) {
                token = largest_of(z, n.V, row.top);
              } else {
                const double total =
                    sum_of<double>(n.V, [&](std::int64_t k) { return static_cast<double>(e[k]); });
                token = token_at(token_uniform(call.inputs[3].as<const std::int32_t>() + 2 * (at / each),
                                               call.inputs[2].as<const std::int32_t>() + 4 * at),
                                 e, n.V, total);
              }
              call.outputs[0].as<std::int32_t>()[at] = static_cast<std::int32_t>(token);
              call.outputs[1].as<T>()[at] = row.log_prob(z[token]);
              call.outputs[2].as<T>()[at] = row.entropy;
            });
          });
    }
}

void sample_cpu(const KernelCall& call, ThreadTeam& team) {
  (call.outputs[1].type == DType::kF64 ? sample<double> : sample<float>)(call, team);
}

constexpr Op kSampleTokens{.name = "sample_tokens", .cpu = sample_cpu};

}  // namespace

Sampled sample_tokens(Graph& g, Tensor hidden, Tensor weight, Tensor keys, Tensor seeds, double temperature) {
  const DType type = detail::check_token_operands(g, "sample_tokens", hidden, weight);
  const std::int64_t A = g.shape(hidden)[0], N = g.shape(hidden)[1];
  if (g.type(keys) != DType::kI32 || !(g.shape(keys) == Shape{A, N, 4}) || g.type(seeds) != DType::kI32 ||
      !(g.shape(seeds) == Shape{A, 2}))
    g.shape_error("sample_tokens", "hidden [A, N, d] needs keys i32 [A, N, 4] and seeds i32 [A, 2]",
                  {hidden, keys, seeds});
  if (!(temperature >= 0) || !std::isfinite(temperature))
    g.shape_error("sample_tokens", "the temperature must be 0 or above", {hidden});
  const TokenHead attributes{temperature};
  const Shape row{A, N};
  const std::vector<Tensor> all =
      g.apply(kSampleTokens, std::array{hidden, weight, keys, seeds},
              std::array{std::pair{DType::kI32, row}, std::pair{type, row}, std::pair{type, row}},
              &attributes, sizeof attributes);
  return {all[0], all[1], all[2]};
}

}  // namespace hardy::ops
