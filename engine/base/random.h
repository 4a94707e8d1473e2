// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011) keyed by
// (seed, stream, step, index). The same draw on any device, thread count, or resume.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <span>

namespace hardy {

using PhiloxBlock = std::array<std::uint32_t, 4>;

// One Philox4x32-10 block. key = the two halves of a seed; counter as the reference defines it.
constexpr PhiloxBlock philox4x32(PhiloxBlock counter, std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key0, static_cast<std::uint32_t>(p1),
               static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key1, static_cast<std::uint32_t>(p0)};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

// [0, 1) with 53 bits, of two words.
constexpr double uniform_of(std::uint32_t high, std::uint32_t low) {
  return (static_cast<double>(high >> 5) * 67108864.0 + static_cast<double>(low >> 6)) * 0x1p-53;
}

// What a draw is for. Two uses with different streams never share a number.
enum class RandomStream : std::uint32_t {
  kInit = 1,
  kBatch = 2,
  kNoise = 3,
  kNextNoise = 4,
  kExplore = 5,
  kEnvironment = 6,
  kEvaluation = 7,
  kCorruptMask = 8,
  kCorruptNoise = 9,
  kShuffle = 10,
  kProposals = 11,
  kToken = 12,
  kUser = 1000
};

// The numbers of one (seed, stream, step): index i is drawn directly, in any order.
class Random {
 public:
  constexpr Random(std::uint64_t seed, RandomStream stream, std::uint64_t step = 0)
      : seed_(seed), step_(step), stream_(static_cast<std::uint32_t>(stream)) {}
  constexpr Random(std::uint64_t seed, std::uint32_t stream, std::uint64_t step)
      : seed_(seed), step_(step), stream_(stream) {}

  constexpr PhiloxBlock block(std::uint32_t index) const {
    return philox4x32(
        {index, stream_, static_cast<std::uint32_t>(step_), static_cast<std::uint32_t>(step_ >> 32)},
        static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32));
  }
  constexpr std::uint32_t bits(std::uint64_t i) const {
    return block(static_cast<std::uint32_t>(i >> 2))[i & 3];
  }

  // [0, 1) with 24 bits, and [0, 1) with 53 bits (two words of one block).
  constexpr float uniform(std::uint64_t i) const { return static_cast<float>(bits(i) >> 8) * 0x1p-24f; }
  constexpr double uniform64(std::uint64_t i) const {
    const PhiloxBlock b = block(static_cast<std::uint32_t>(i >> 1));
    return uniform_of(b[(i & 1) * 2], b[(i & 1) * 2 + 1]);
  }
  // Uniform integer in [0, n): Lemire's multiply-shift without rejection; bias below n / 2^32.
  constexpr std::uint32_t integer(std::uint64_t i, std::uint32_t n) const {
    return static_cast<std::uint32_t>((std::uint64_t{bits(i)} * n) >> 32);
  }
  // Standard normal by Box-Muller; draws 2j and 2j+1 share a pair of words.
  constexpr double normal(std::uint64_t i) const {
    const PhiloxBlock b = block(static_cast<std::uint32_t>(i >> 2));
    const std::size_t pair = (i & 2);
    const double u = (static_cast<double>(b[pair]) + 0.5) * 0x1p-32;
    const double v = static_cast<double>(b[pair + 1]) * 0x1p-32;
    const double r = std::sqrt(-2.0 * std::log(u)), angle = 6.283185307179586476925 * v;
    return (i & 1) ? r * std::sin(angle) : r * std::cos(angle);
  }
  // Index drawn with probability weights[i] / sum(weights); weights >= 0 with a positive sum.
  std::size_t categorical(std::uint64_t i, std::span<const double> weights) const;
  // A uniform permutation of 0..n-1 (Fisher-Yates over this object's draws), written to `out`.
  void permutation(std::span<std::uint32_t> out) const;

 private:
  std::uint64_t seed_, step_;
  std::uint32_t stream_;
};

// splitmix64 (Steele, Lea, Flood 2014): u = (x >> 11) * 2^-53. Seed 1 begins 0.5665615751722809.
class SplitMix64 {
 public:
  explicit constexpr SplitMix64(std::uint64_t seed) : state_(seed) {}
  constexpr std::uint64_t bits() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  constexpr double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace hardy
