// How long a device takes for a batched matrix product, by each way that it has. For tables: nothing is
// chosen by a clock, which would make another choice, and other bits, from run to run.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/device/launch.h"

namespace hardy::ops {

// C [count, m, n] = op(A) op(B) in f32, as a layer (bias, ReLU) or as the gradient of its weights (column
// sums of B) has it.
struct TimedProduct {
  std::int64_t m = 0, n = 0, k = 0, count = 1;
  bool transpose_a = false, transpose_b = false;
  bool bias_and_relu = false, column_sums = false;
  int repetitions = 1;  // which the times are the means of
};

// Microseconds on the device, one after another.
struct ProductTimes {
  std::vector<double> library;  // by the library's offers, in their order, which took the product
  std::vector<double> own;      // by a kernel of the backend's own: for few inputs, or else for tensor cores
};

inline constexpr device::LaunchName<const TimedProduct&, ProductTimes&> kTimeProduct{"time", "product"};

}  // namespace hardy::ops
