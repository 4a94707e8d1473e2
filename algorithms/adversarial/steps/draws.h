// A replica's uniform numbers: Philox keyed by (seed, what for, episode, index), or one splitmix64 sequence
// read in order, which an independent program reproduces with ten lines.
#pragma once

#include <array>
#include <cstdint>

#include "algorithms/adversarial/game.h"
#include "engine/base/random.h"

namespace hardy::algorithms {

enum class DrawFor : std::uint32_t {
  kPlay = 1101,
  kCovariance = 1102,
  kMagnitude = 1103,
  kCover = 1104,
  kBonus = 1105,
  kUniform = 1106,
  kUnvisited = 1107
};

// The first 2 `blocks` numbers that W replicas' Draws give after begin(purpose, episode), all lanes at once:
// out [2 blocks][W].
template <std::size_t W>
void philox_uniforms(const std::array<std::uint64_t, W>& seeds, DrawFor purpose, std::int64_t episode,
                     int blocks, double* out) {
  const auto step = static_cast<std::uint64_t>(episode);
  for (int index = 0; index < blocks; ++index) {
    std::uint64_t c[4][W], key0[W], key1[W];  // 32-bit words, each in the low half
    for (std::size_t w = 0; w < W; ++w) {
      c[0][w] = static_cast<std::uint32_t>(index), c[1][w] = static_cast<std::uint32_t>(purpose);
      c[2][w] = static_cast<std::uint32_t>(step), c[3][w] = static_cast<std::uint32_t>(step >> 32);
      key0[w] = static_cast<std::uint32_t>(seeds[w]), key1[w] = static_cast<std::uint32_t>(seeds[w] >> 32);
    }
    for (int round = 0; round < 10; ++round)
      for (std::size_t w = 0; w < W; ++w) {
        const std::uint64_t p0 = 0xD2511F53u * c[0][w], p1 = 0xCD9E8D57u * c[2][w];
        c[0][w] = ((p1 >> 32) ^ c[1][w] ^ key0[w]) & 0xFFFFFFFFu, c[1][w] = p1 & 0xFFFFFFFFu;
        c[2][w] = ((p0 >> 32) ^ c[3][w] ^ key1[w]) & 0xFFFFFFFFu, c[3][w] = p0 & 0xFFFFFFFFu;
        key0[w] = (key0[w] + 0x9E3779B9u) & 0xFFFFFFFFu, key1[w] = (key1[w] + 0xBB67AE85u) & 0xFFFFFFFFu;
      }
    for (std::size_t half = 0; half < 2; ++half)
      for (std::size_t w = 0; w < W; ++w)
        out[(static_cast<std::size_t>(index) * 2 + half) * W + w] =
            (static_cast<double>(static_cast<std::int64_t>(c[2 * half][w] >> 5)) * 67108864.0 +
             static_cast<double>(static_cast<std::int64_t>(c[2 * half + 1][w] >> 6))) *
            0x1p-53;
  }
}

class Draws {
 public:
  Draws() : Draws({}, 0) {}
  Draws(const RandomChoice& choice, std::uint64_t seed)
      : splitmix_(choice.splitmix), seed_(seed), sequence_(seed), random_(seed, RandomStream::kUser) {}

  // The numbers that follow are the episode's, for one purpose. A sequence just goes on.
  void begin(DrawFor purpose, std::int64_t episode) {
    if (splitmix_) return;
    random_ = Random(seed_, static_cast<std::uint32_t>(purpose), static_cast<std::uint64_t>(episode));
    index_ = 0;
  }
  double next() {  // [0,1), 53 bits
    if (splitmix_) return sequence_.uniform();
    if ((index_ & 1) == 0) block_ = random_.block(index_ >> 1);
    const std::size_t half = (index_++ & 1) * 2;
    return (static_cast<double>(block_[half] >> 5) * 67108864.0 +
            static_cast<double>(block_[half + 1] >> 6)) *
           0x1p-53;
  }

 private:
  bool splitmix_;
  std::uint64_t seed_;
  SplitMix64 sequence_;
  Random random_;
  PhiloxBlock block_{};
  std::uint32_t index_ = 0;
};

}  // namespace hardy::algorithms
