// MT19937 with NumPy's legacy RandomState conventions. It exists only to reproduce published
// corruption masks bit for bit; everything else draws from Philox (engine/base/random.h).
#pragma once

#include <cstdint>
#include <random>
#include <span>

namespace hardy {

class NumpyRandomState {
 public:
  // seed as in numpy.random.RandomState(seed): init_genrand with a 32-bit seed.
  explicit NumpyRandomState(std::uint32_t seed) : engine_(seed) {}

  double random_sample() {  // [0, 1) with 53 bits from two words
    const std::uint32_t a = engine_() >> 5, b = engine_() >> 6;
    return (a * 67108864.0 + b) / 9007199254740992.0;
  }
  double uniform(double low, double high) { return low + (high - low) * random_sample(); }
  // uniform(low, high, size): one double per element in row-major order.
  void uniform(double low, double high, std::span<double> out) {
    for (double& x : out) x = uniform(low, high);
  }

 private:
  std::mt19937 engine_;  // the standard fixes its output; NumPy's legacy seeding is the same recurrence
};

}  // namespace hardy
