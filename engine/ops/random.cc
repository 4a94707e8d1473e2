#include "engine/ops/random.h"

#include <algorithm>
#include <cmath>

#include "engine/base/threads.h"
#include "engine/ops/attributes.h"

namespace hardy::ops {
namespace {

using graph::Graph;
using graph::KernelCall;
using graph::Op;
using graph::Tensor;

std::uint64_t word(const std::int32_t* halves) {
  return static_cast<std::uint32_t>(halves[0]) | std::uint64_t{static_cast<std::uint32_t>(halves[1])} << 32;
}
Random stream_of(const KernelCall& call, std::int64_t agent) {
  return {word(call.inputs[0].as<const std::int32_t>() + 2 * agent), call.attribute<Draw>().stream,
          word(call.inputs[1].as<const std::int32_t>())};
}

// The first draw of this pass, of `each` a pass.
std::uint64_t first_draw(const KernelCall& call, std::int64_t each) {
  const graph::Buffer& step = call.inputs[1];
  return step.shape[1] < 3 ? 0
                           : static_cast<std::uint64_t>(each) *
                                 static_cast<std::uint32_t>(step.as<const std::int32_t>()[2]);
}

void normal_kernel(const KernelCall& call, ThreadTeam& team) {
  const std::int64_t agents = call.inputs[0].shape[0], each = call.outputs[0].elements() / agents;
  const std::uint64_t first = first_draw(call, each);
  float* out = call.outputs[0].as<float>();
  team.run(agents, [&](std::int64_t a) {
    const Random random = stream_of(call, a);
    for (std::int64_t i = 0; i < each; ++i)
      out[a * each + i] = static_cast<float>(random.normal(first + static_cast<std::uint64_t>(i)));
  });
}

void index_kernel(const KernelCall& call, ThreadTeam& team) {
  const std::int64_t agents = call.inputs[0].shape[0], each = call.outputs[0].elements() / agents;
  const std::uint64_t first = first_draw(call, each);
  const auto limit = static_cast<std::uint32_t>(call.inputs[2].as<const std::int32_t>()[0]);
  std::int32_t* out = call.outputs[0].as<std::int32_t>();
  team.run(agents, [&](std::int64_t a) {
    const Random random = stream_of(call, a);
    for (std::int64_t i = 0; i < each; ++i)
      out[a * each + i] =
          static_cast<std::int32_t>(random.integer(first + static_cast<std::uint64_t>(i), limit));
  });
}

void categorical_kernel(const KernelCall& call, ThreadTeam& team) {
  const Shape& s = call.inputs[2].shape;
  const std::int64_t agents = s[0], rows = s[1], n = s[2];
  const std::uint64_t first = first_draw(call, rows);
  const float* logits = call.inputs[2].as<const float>();
  std::int32_t* out = call.outputs[0].as<std::int32_t>();
  team.run(agents, [&](std::int64_t a) {
    const Random random = stream_of(call, a);
    for (std::int64_t i = 0; i < rows; ++i) {
      const float* x = logits + (a * rows + i) * n;
      const double top = *std::max_element(x, x + n);
      double total = 0;
      for (std::int64_t k = 0; k < n; ++k) total += std::exp(x[k] - top);
      double left = random.uniform64(first + static_cast<std::uint64_t>(i)) * total;
      std::int64_t drawn = 0;
      for (std::int64_t k = 0; k < n; ++k) {
        const double weight = std::exp(x[k] - top);
        if (weight > 0) drawn = k;  // rounding may carry the draw past the last one
        if (left < weight) break;
        left -= weight;
      }
      out[a * rows + i] = static_cast<std::int32_t>(drawn);
    }
  });
}

constexpr Op kCategorical{.name = "random_categorical", .cpu = categorical_kernel};
constexpr Op kNormal{.name = "random_normal", .cpu = normal_kernel};
constexpr Op kIndex{.name = "random_index", .cpu = index_kernel};

void check_key(const Graph& g, const char* op, std::int64_t agents, Tensor seeds, Tensor step) {
  if (g.type(seeds) != DType::kI32 || !(g.shape(seeds) == Shape{agents, 2}))
    g.shape_error(op, "seeds must be i32 [" + std::to_string(agents) + ", 2]", {seeds});
  if (g.type(step) != DType::kI32 || !(g.shape(step) == Shape{1, 2} || g.shape(step) == Shape{1, 3}))
    g.shape_error(op, "the step must be i32 [1, 2], or [1, 3] with its pass", {step});
}

}  // namespace

Tensor random_normal(Graph& g, const Shape& shape, Tensor seeds, Tensor step, RandomStream stream) {
  check_key(g, "random_normal", shape[0], seeds, step);
  return g.apply(kNormal, {seeds, step}, DType::kF32, shape, Draw{static_cast<std::uint32_t>(stream)});
}

Tensor random_index(Graph& g, std::int64_t n, Tensor limit, Tensor seeds, Tensor step, RandomStream stream) {
  const std::int64_t agents = g.shape(seeds)[0];
  check_key(g, "random_index", agents, seeds, step);
  if (g.type(limit) != DType::kI32 || !(g.shape(limit) == Shape{1}))
    g.shape_error("random_index", "the limit must be i32 [1]", {limit});
  return g.apply(kIndex, {seeds, step, limit}, DType::kI32, Shape{agents, n},
                 Draw{static_cast<std::uint32_t>(stream)});
}

Tensor random_categorical(Graph& g, Tensor logits, Tensor seeds, Tensor step, RandomStream stream) {
  const Shape& s = g.shape(logits);
  if (s.rank() != 3 || s[2] < 1 || g.type(logits) != DType::kF32)
    g.shape_error("random_categorical", "logits must be f32 [agents, rows, choices]", {logits});
  check_key(g, "random_categorical", s[0], seeds, step);
  return g.apply(kCategorical, {seeds, step, logits}, DType::kI32, Shape{s[0], s[1]},
                 Draw{static_cast<std::uint32_t>(stream)});
}

}  // namespace hardy::ops
