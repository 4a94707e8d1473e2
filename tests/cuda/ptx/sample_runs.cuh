// Runs of the sample kernels, and what they should give: the same for the emulation, for PTX and for a GPU.
#pragma once

#include <cmath>
#include <ostream>
#include <vector>

#include "tests/cuda/emulation/device_array.h"
#include "tests/cuda/ptx/samples.cuh"

namespace hardy::samples {

using emulation::testing::DeviceArray;
using emulation::testing::succeed;
using Outputs = std::vector<double>;

template <class T>
Outputs as_doubles(const std::vector<T>& values) {
  return Outputs(values.begin(), values.end());
}

inline std::vector<float> waves(std::size_t n, float frequency) {
  std::vector<float> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = std::sin(frequency * static_cast<float>(i));
  return v;
}

inline Outputs run_axpy() {
  const DeviceArray<float> x(waves(300, 0.1f)), y(waves(300, 0.3f));
  succeed(cuda::launch(axpy, 3, 128, 0, nullptr, 0.7f, x.data(), y.data(), 300));
  return as_doubles(y.get());
}
inline Outputs run_product() {
  const DeviceArray<float> a(waves(33 * 31, 0.1f)), b(waves(31 * 40, 0.2f)), c(33 * 40);
  succeed(
      cuda::launch(product, dim3(3, 3), dim3(16, 16), 0, nullptr, 33, 40, 31, a.data(), b.data(), c.data()));
  return as_doubles(c.get());
}
inline Outputs run_softmax() {
  const DeviceArray<float> x(waves(5 * 70, 0.1f)), y(5 * 70);
  succeed(cuda::launch(softmax, 2, 128, 0, nullptr, x.data(), y.data(), 5, 70));
  return as_doubles(y.get());
}
inline Outputs run_sum_by_cub() {
  std::vector<int> x(257);
  for (int i = 0; i < 257; ++i) x[static_cast<std::size_t>(i)] = i * i;
  const DeviceArray<int> in(x), out(1);
  succeed(cuda::launch(sum_by_cub<128>, 1, 128, 0, nullptr, in.data(), 257, out.data()));
  return as_doubles(out.get());
}
inline Outputs run_histogram() {
  std::vector<int> x(257);
  for (int i = 0; i < 257; ++i) x[static_cast<std::size_t>(i)] = i * i / 3;
  const DeviceArray<int> in(x), counts(std::vector<int>(8, 0));
  succeed(cuda::launch(histogram, 2, 64, 8 * sizeof(int), nullptr, in.data(), 257, counts.data()));
  return as_doubles(counts.get());
}
inline Outputs run_draw() {
  const DeviceArray<unsigned> bits(100);
  const DeviceArray<float> uniform(100);
  succeed(cuda::launch(draw, 1, 128, 0, nullptr, 0x123456789ull, 77ull, bits.data(), uniform.data(), 100));
  Outputs all = as_doubles(bits.get());
  const Outputs more = as_doubles(uniform.get());
  all.insert(all.end(), more.begin(), more.end());
  return all;
}
inline Outputs run_roots() {
  std::vector<double> x(65);
  for (int i = 0; i < 65; ++i) x[static_cast<std::size_t>(i)] = i - 32;
  const DeviceArray<double> in(x), out(65);
  succeed(cuda::launch(roots, 1, 96, 0, nullptr, in.data(), out.data(), 65));
  return out.get();
}

inline Outputs expect_axpy() {
  const std::vector<float> x = waves(300, 0.1f), y = waves(300, 0.3f);
  Outputs out;
  for (std::size_t i = 0; i < 300; ++i) out.push_back(static_cast<double>(std::fma(0.7f, x[i], y[i])));
  return out;
}
inline Outputs expect_product() {
  const std::vector<float> a = waves(33 * 31, 0.1f), b = waves(31 * 40, 0.2f);
  Outputs out;
  for (std::size_t i = 0; i < 33; ++i)
    for (std::size_t j = 0; j < 40; ++j) {
      float sum = 0.0f;
      for (std::size_t k = 0; k < 31; ++k) sum = std::fma(a[i * 31 + k], b[k * 40 + j], sum);
      out.push_back(static_cast<double>(sum));
    }
  return out;
}
inline Outputs expect_softmax() {
  const std::vector<float> x = waves(5 * 70, 0.1f);
  Outputs out;
  for (std::size_t row = 0; row < 5; ++row) {
    double sum = 0;
    for (std::size_t j = 0; j < 70; ++j) sum += std::exp(static_cast<double>(x[row * 70 + j]));
    for (std::size_t j = 0; j < 70; ++j) out.push_back(std::exp(static_cast<double>(x[row * 70 + j])) / sum);
  }
  return out;
}
inline Outputs expect_sum_by_cub() {
  double sum = 0;
  for (int i = 0; i < 257; ++i) sum += i * i;
  return {sum};
}
inline Outputs expect_histogram() {
  Outputs counts(8, 0.0);  // two blocks count everything
  for (int i = 0; i < 257; ++i) counts[static_cast<std::size_t>(i * i / 3 & 7)] += 2;
  return counts;
}
inline Outputs expect_draw() {
  const Random random(0x123456789ull, RandomStream::kNoise, 77);
  Outputs out;
  for (unsigned i = 0; i < 100; ++i) out.push_back(random.bits(i));
  for (unsigned i = 0; i < 100; ++i) out.push_back(static_cast<double>(random.uniform(i)));
  return out;
}
inline Outputs expect_roots() {
  Outputs out;
  for (int i = -32; i < 33; ++i)
    out.push_back(i < 0 ? -std::sqrt(-static_cast<double>(i)) / 3 : std::sqrt(static_cast<double>(i)) / 3);
  return out;
}

struct Sample {
  const char* name;
  Outputs (*run)();       // on the device
  Outputs (*expected)();  // a loop on the host
  double tolerance;       // 0: the same bits
};
inline void PrintTo(const Sample& sample, std::ostream* out) { *out << sample.name; }  // in tests' names

inline const Sample kSamples[] = {{"axpy", run_axpy, expect_axpy, 0},
                                  {"product", run_product, expect_product, 0},
                                  {"softmax", run_softmax, expect_softmax, 2e-7},
                                  {"sum_by_cub", run_sum_by_cub, expect_sum_by_cub, 0},
                                  {"histogram", run_histogram, expect_histogram, 0},
                                  {"draw", run_draw, expect_draw, 0},
                                  {"roots", run_roots, expect_roots, 0}};

}  // namespace hardy::samples
