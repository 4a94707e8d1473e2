// A replica's uniform numbers: Philox keyed by (seed, what for, episode, index), or one splitmix64 sequence
// read in order, which an independent program reproduces with ten lines.
#pragma once

#include <cstdint>

#include "algorithms/adversarial/regret_run.h"
#include "engine/base/random.h"

namespace hardy::algorithms {

enum class DrawFor : std::uint32_t {
  kPlay = 1101,
  kCovariance = 1102,
  kMagnitude = 1103,
  kCover = 1104,
  kBonus = 1105
};

class Draws {
 public:
  Draws() : Draws({}, 0) {}
  Draws(const RandomChoice& choice, std::uint64_t seed)
      : splitmix_(choice.splitmix), seed_(seed), sequence_(seed), random_(seed, Stream::kUser) {}

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
  Block block_{};
  std::uint32_t index_ = 0;
};

}  // namespace hardy::algorithms
