// The tensor cores' product as kernels ask for it (cuda/tensor_cores.cuh), against a loop over whole matrices
// in double precision that knows nothing of lanes; and layouts that are wrong, which must show.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "cuda/emulation/control.h"
#include "cuda/launch.h"
#include "cuda/tensor_cores.cuh"
#include "tests/cuda/emulation/device_array.h"

namespace hardy::emulation::testing {
namespace {

constexpr int kM = 16, kN = 8, kK = 8;

// How a lane finds what it holds: the i-th of its four elements of A, two of B, four of C.
struct Place {
  int row, column;
};
enum Layout {
  kRight,
  kATransposed,
  kAHalvesSwapped,
  kBTransposed,
  kBHalvesSwapped,
  kCRowsSwapped,
  kCTransposed
};
__host__ __device__ Place of_a(Layout layout, int lane, int i) {
  const int g = lane / 4, t = lane % 4, low = i % 2, high = i / 2;
  if (layout == kATransposed) return {t + high * 4 + low * 8, g};
  if (layout == kAHalvesSwapped) return {g + high * 8, t + low * 4};
  return {g + low * 8, t + high * 4};
}
__host__ __device__ Place of_b(Layout layout, int lane, int i) {
  const int g = lane / 4, t = lane % 4;
  if (layout == kBTransposed) return {g, t + i * 4};
  if (layout == kBHalvesSwapped) return {t + (1 - i) * 4, g};
  return {t + i * 4, g};
}
__host__ __device__ Place of_c(Layout layout, int lane, int i) {
  const int g = lane / 4, t = lane % 4, low = i % 2, high = i / 2;
  if (layout == kCRowsSwapped) return {g + low * 8, t * 2 + high};
  if (layout == kCTransposed) return {t * 2 + low + high * 8, g};
  return {g + high * 8, t * 2 + low};
}

__global__ void product_of_a_warp(Layout layout, const float* a, const float* b, const float* c, float* d) {
  const int lane = static_cast<int>(threadIdx.x);
  std::uint32_t of_lane[4], of_other[2];
  float sum[4];
  for (int i = 0; i < 4; ++i) {
    const Place p = of_a(layout, lane, i);
    of_lane[i] = __float_as_uint(a[p.row * kK + p.column]);
  }
  for (int i = 0; i < 2; ++i) {
    const Place p = of_b(layout, lane, i);
    of_other[i] = __float_as_uint(b[p.row * kN + p.column]);
  }
  for (int i = 0; i < 4; ++i) {
    const Place p = of_c(layout, lane, i);
    sum[i] = c[p.row * kN + p.column];
  }
  cuda::multiply_add(sum, of_lane, of_other);
  for (int i = 0; i < 4; ++i) {
    const Place p = of_c(layout, lane, i);
    d[p.row * kN + p.column] = sum[i];
  }
}

__global__ void round_to_tf32(const float* x, std::uint32_t* y) {
  y[threadIdx.x] = cuda::to_tf32(x[threadIdx.x]);
}

__global__ void product_without_a_lane(float* d) {
  if (threadIdx.x == 5) return;
  const std::uint32_t a[4] = {}, b[2] = {};
  float sum[4] = {};
  cuda::multiply_add(sum, a, b);
  d[threadIdx.x] = sum[0];
}

// Values of at most 10 bits, other ones in every row and column.
std::vector<float> values(int rows, int columns, int seed) {
  std::vector<float> x;
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j)
      x.push_back(static_cast<float>((i * 37 + j * 101 + seed) % 509 - 250) / 16);
  return x;
}
struct Operands {
  std::vector<float> a = values(kM, kK, 3), b = values(kK, kN, 71), c = values(kM, kN, 200);
};

std::vector<float> on_the_device(const Operands& o, Layout layout = kRight) {
  const DeviceArray<float> a(o.a), b(o.b), c(o.c), d(std::vector<float>(kM * kN, NAN));
  succeed(hardy::cuda::launch(product_of_a_warp, 1, 32, 0, nullptr, layout, a.data(), b.data(), c.data(),
                              d.data()));
  return d.get();
}

// The largest distance from C + A B in double precision; `seen` is what becomes of an element of A and B
// before.
double error(
    const Operands& o, const std::vector<float>& d,
    const std::function<double(float)>& seen = [](float x) { return static_cast<double>(x); }) {
  double largest = 0;
  for (std::size_t i = 0; i < kM; ++i)
    for (std::size_t j = 0; j < kN; ++j) {
      double sum = static_cast<double>(o.c[i * kN + j]);
      for (std::size_t k = 0; k < kK; ++k) sum += seen(o.a[i * kK + k]) * seen(o.b[k * kN + j]);
      const double apart = std::abs(static_cast<double>(d[i * kN + j]) - sum);
      largest = std::isnan(apart) ? INFINITY : std::max(largest, apart);
    }
  return largest;
}

TEST(EmulatedTensorCores, AWarpsProductIsThatOfTheMatricesUnderEverySchedule) {
  const Operands o;
  const Options before = options();
  for (const Schedule schedule : {Schedule::kForward, Schedule::kReverse, Schedule::kRandom}) {
    options().schedule = schedule;
    EXPECT_EQ(error(o, on_the_device(o)), 0.0);  // sums of multiples of 1/256 below 2^16
  }
  options() = before;
}

TEST(EmulatedTensorCores, AFragmentThatIsLaidOutOtherwiseGivesAnotherProduct) {
  const Operands o;
  for (const Layout wrong :
       {kATransposed, kAHalvesSwapped, kBTransposed, kBHalvesSwapped, kCRowsSwapped, kCTransposed})
    EXPECT_GT(error(o, on_the_device(o, wrong)), 1.0) << wrong;
}

// A kernel that forgets to round feeds bits that the cores do not read.
TEST(EmulatedTensorCores, BitsBeyondThoseOfTf32AreCutOff) {
  Operands o;
  for (float& x : o.a) x += 0x1p-9f;
  const auto cut = [](float x) {
    return static_cast<double>(std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & ~0x1fffu));
  };
  const std::vector<float> d = on_the_device(o);
  EXPECT_LT(error(o, d, cut), 1e-3);
  EXPECT_GT(error(o, d), 1e-3);
}

TEST(EmulatedTensorCores, NumbersAreRoundedToTenBitsToNearestAndTiesAwayFromZero) {
  const float ulp = 0x1p-10f, most = std::numeric_limits<float>::max();
  const std::vector<std::pair<float, float>> cases{{1, 1},
                                                   {1 + ulp / 2, 1 + ulp},
                                                   {1 + 0.499f * ulp, 1},
                                                   {-1 - ulp / 2, -1 - ulp},
                                                   {3, 3},
                                                   {-0.0f, -0.0f},
                                                   {1 + 1.5f * ulp, 1 + 2 * ulp},
                                                   {0.1f, 0x1.998p-4f},
                                                   {INFINITY, INFINITY},
                                                   {most, INFINITY},
                                                   {0x1p-135f, 0x1p-135f},
                                                   {0x1p-140f, 0}};
  std::vector<float> x;
  for (const auto& [from, to] : cases) x.push_back(from);
  const DeviceArray<float> in(x);
  const DeviceArray<std::uint32_t> out(x.size());
  succeed(hardy::cuda::launch(round_to_tf32, 1, static_cast<unsigned>(x.size()), 0, nullptr, in.data(),
                              out.data()));
  const std::vector<std::uint32_t> found = out.get();
  for (std::size_t i = 0; i < x.size(); ++i)
    EXPECT_EQ(found[i], std::bit_cast<std::uint32_t>(cases[i].second)) << "of " << x[i];
  const DeviceArray<float> nan(std::vector<float>{NAN});
  const DeviceArray<std::uint32_t> one(1);
  succeed(hardy::cuda::launch(round_to_tf32, 1, 1, 0, nullptr, nan.data(), one.data()));
  EXPECT_TRUE(std::isnan(std::bit_cast<float>(one.get()[0])));
}

TEST(EmulatedTensorCores, AProductOfPartOfAWarpIsReported) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const DeviceArray<float> d(32);
  EXPECT_DEATH(
      {
        succeed(hardy::cuda::launch(product_without_a_lane, 1, 32, 0, nullptr, d.data()));
        cudaDeviceSynchronize();
      },
      "a matrix product of lanes 0xffffffdf; it takes all of a warp");
}

}  // namespace
}  // namespace hardy::emulation::testing
