#include "engine/ops/dropout.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/base/random.h"
#include "engine/base/threads.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/attributes.h"

namespace hardy::ops {
namespace {

using graph::Graph;
using graph::KernelCall;
using graph::Op;
using graph::Tensor;

constexpr int kLanes = 16, kHalves = 8;  // blocks at once, 16-bit draws a block

// philox4x32 of kLanes blocks that follow one another, side by side: halves [kLanes][kHalves].
void halves_of(std::uint32_t first, const Keep& keep, std::uint64_t step, std::uint64_t seed,
               std::uint16_t* halves) {
  std::uint32_t c[4][kLanes];
  for (std::uint32_t l = 0; l < kLanes; ++l) {
    c[0][l] = first + l;
    c[1][l] = keep.stream;
    c[2][l] = static_cast<std::uint32_t>(step);
    c[3][l] = static_cast<std::uint32_t>(step >> 32);
  }
  auto key0 = static_cast<std::uint32_t>(seed), key1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round, key0 += 0x9E3779B9u, key1 += 0xBB67AE85u)
    for (int l = 0; l < kLanes; ++l) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c[0][l],
                          p1 = std::uint64_t{0xCD9E8D57u} * c[2][l];
      c[0][l] = static_cast<std::uint32_t>(p1 >> 32) ^ c[1][l] ^ key0;
      c[1][l] = static_cast<std::uint32_t>(p1);
      c[2][l] = static_cast<std::uint32_t>(p0 >> 32) ^ c[3][l] ^ key1;
      c[3][l] = static_cast<std::uint32_t>(p0);
    }
  for (int l = 0; l < kLanes; ++l)
    for (int w = 0; w < 4; ++w) {
      halves[l * kHalves + 2 * w] = static_cast<std::uint16_t>(c[w][l]);
      halves[l * kHalves + 2 * w + 1] = static_cast<std::uint16_t>(c[w][l] >> 16);
    }
}

constexpr std::int64_t kPiece = 1 << 14;  // elements that a thread draws at a time

// seeds, step -> 0 or 1 / (the share that is kept).
void keep_kernel(const KernelCall& call, ThreadTeam& team) {
  const Keep keep = call.attribute<Keep>();
  const auto word = [](const std::int32_t* x) {
    return static_cast<std::uint32_t>(x[0]) | std::uint64_t{static_cast<std::uint32_t>(x[1])} << 32;
  };
  const std::int64_t agents = call.inputs[0].shape[0], each = call.outputs[0].elements() / agents,
                     pieces = (each + kPiece - 1) / kPiece;
  const graph::Buffer& step = call.inputs[1];
  const auto* words = step.as<const std::int32_t>();
  const std::int64_t before =
      step.shape[1] < 3 ? 0 : each * static_cast<std::int64_t>(static_cast<std::uint32_t>(words[2]));
  team.run(agents * pieces, [&](std::int64_t task) {
    const std::int64_t agent = task / pieces, begin = task % pieces * kPiece,
                       end = std::min(each, begin + kPiece);
    const std::uint64_t seed = word(call.inputs[0].as<const std::int32_t>() + 2 * agent);
    float* out = call.outputs[0].as<float>() + agent * each;
    std::array<std::uint16_t, std::size_t{kLanes} * kHalves> halves;
    for (std::int64_t i = begin; i < end;) {
      const std::int64_t draw = before + i, block = draw / kHalves, from = draw % kHalves,
                         n = std::min<std::int64_t>(end - i, kLanes * kHalves - from);
      halves_of(static_cast<std::uint32_t>(block), keep, word(words), seed, halves.data());
      for (std::int64_t k = 0; k < n; ++k)
        out[i + k] = halves[static_cast<std::size_t>(from + k)] < keep.below ? 0.0f : keep.scale;
      i += n;
    }
  });
}

constexpr Op kKeep{.name = "random_keep", .cpu = keep_kernel};

}  // namespace

Tensor dropout(Graph& g, Tensor x, double rate, Tensor seeds, Tensor step, std::int64_t site) {
  const Shape& s = g.shape(x);
  if (s.rank() < 1 || g.type(seeds) != DType::kI32 || !(g.shape(seeds) == Shape{s[0], 2}) ||
      g.type(step) != DType::kI32 || g.type(x) != DType::kF32 ||
      !(g.shape(step) == Shape{1, 2} || g.shape(step) == Shape{1, 3}))
    g.shape_error("dropout", "needs x f32 [A, ...], seeds i32 [A, 2] and step i32 [1, 2] or [1, 3]",
                  {x, seeds, step});
  if (!(rate >= 0 && rate < 1) || site < 0 || site >= 900)
    throw Error("drops a share of 0 to 1, at one of 900 sites", "op dropout");
  const double below = std::min(std::round(65536 * rate), 65535.0);
  if (below == 0) return x;
  const Keep keep{kDropoutStreams + static_cast<std::uint32_t>(site), static_cast<std::uint32_t>(below),
                  static_cast<float>(65536 / (65536 - below))};
  return multiply(g, x, g.apply(kKeep, {seeds, step}, DType::kF32, s, keep));
}

}  // namespace hardy::ops
