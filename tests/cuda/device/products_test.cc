// Products on tensor cores (cuda/ops/tensor_product.h) against sums in double precision, from the host's
// build of the kernel and from nvcc's PTX: every size, transposition, epilogue, alignment and tile, outputs
// poisoned before.
#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cuda/ops/tensor_product.h"
#include "engine/ops/linear.h"
#include "tests/cuda/device/devices.h"

namespace hardy::test {
namespace {

using cuda::Product;
using device::Products;

device::Device& with(Products products) {
  static std::map<Products, std::unique_ptr<device::Device>> opened;
  auto& d = opened[products];
  if (!d) d = device::open_device(device_name(), {.products = products});
  return *d;
}

constexpr std::int64_t kGap = 8;  // elements behind each matrix that nobody may write

// A product with its operands, each `shift` elements behind the beginning of its memory, and kGap between
// two.
struct Problem {
  Product p;
  std::int64_t shift = 0;
  std::vector<float> a, b, c, bias, sums;

  Problem(std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t count = 1) {
    p.m = m, p.n = n, p.k = k, p.count = count;
    p.stride_a = m * k + kGap, p.stride_b = k * n + kGap, p.stride_c = m * n + kGap;
    p.stride_bias = p.stride_sums = n + kGap;
    a = drawn(1, p.stride_a * count), b = drawn(2, p.stride_b * count);
  }
  static std::vector<float> drawn(std::uint64_t stream, std::int64_t n) {
    const Random random(stream, RandomStream::kUser);
    std::vector<float> x;
    for (std::int64_t i = 0; i < n; ++i)
      x.push_back(static_cast<float>(random.normal(static_cast<std::uint64_t>(i))));
    return x;
  }
  std::string text() const {
    std::string s = std::to_string(p.m) + " x " + std::to_string(p.k) + " by " + std::to_string(p.n) + ", " +
                    std::to_string(p.count) + " of them, shift " + std::to_string(shift);
    for (const auto& [has, what] : {std::pair{p.transpose_a, ", A transposed"},
                                    {p.transpose_b, ", B transposed"},
                                    {p.accumulate, ", added"},
                                    {!bias.empty(), ", bias"},
                                    {!sums.empty(), ", sums"},
                                    {p.activation == Activation::kRelu, ", ReLU"},
                                    {p.activation == Activation::kTanh, ", tanh"}})
      if (has) s += what;
    return s;
  }
};

std::vector<float> poisoned(std::int64_t n) {
  std::vector<float> x(static_cast<std::size_t>(n));
  std::memset(x.data(), 0xff, x.size() * sizeof(float));
  return x;
}

using Multiply = void (*)(const Product&, device::Stream&);

// C and the columns' sums, with what lies between them. The kernel itself is asked, whatever suits.
struct Found {
  std::vector<float> c, sums;
};
Found run(const Problem& q, device::Device& d = with(Products::kThreeTf32),
          Multiply multiply = cuda::multiply_on_tensor_cores) {
  const auto stream = d.stream();
  std::vector<device::Memory> memories;
  const auto put = [&](const std::vector<float>& x) {
    memories.push_back(device::allocate(d, (x.size() + static_cast<std::size_t>(q.shift)) * sizeof(float)));
    float* at = static_cast<float*>(memories.back().get()) + q.shift;
    d.upload(at, x.data(), x.size() * sizeof(float));
    return at;
  };
  Product p = q.p;
  Found found{poisoned(p.stride_c * p.count), poisoned(p.stride_sums * p.count)};
  for (std::int64_t i = 0; p.accumulate && i < p.count; ++i)
    std::copy_n(q.c.begin() + i * p.stride_c, p.m * p.n, found.c.begin() + i * p.stride_c);
  float* sums = put(found.sums);
  p.a = put(q.a), p.b = put(q.b), p.c = put(found.c);
  if (!q.bias.empty()) p.bias = put(q.bias);
  if (!q.sums.empty()) p.column_sums = sums;
  multiply(p, *stream);
  stream->synchronise();
  d.download(found.c.data(), p.c, found.c.size() * sizeof(float));
  d.download(found.sums.data(), sums, found.sums.size() * sizeof(float));
  return found;
}

// Each number within `tolerance` of what it is in double precision, as a part of the sum of its terms' sizes;
// and nothing written beside them.
void expect_right(const Problem& q, const Found& found, double tolerance = 1e-6) {
  const Product& p = q.p;
  SCOPED_TRACE(q.text());
  const auto unwritten = [](float x) {
    std::uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits == 0xffffffffu;
  };
  const auto b_at = [&](std::int64_t i, std::int64_t k, std::int64_t j) {
    return static_cast<double>(
        q.b[static_cast<std::size_t>(i * p.stride_b + (p.transpose_b ? j * p.k + k : k * p.n + j))]);
  };
  double worst = 0, worst_sum = 0;
  for (std::int64_t i = 0; i < p.count; ++i) {
    for (std::int64_t row = 0; row < p.m; ++row)
      for (std::int64_t j = 0; j < p.n; ++j) {
        const auto at = static_cast<std::size_t>(i * p.stride_c + row * p.n + j);
        double sum = p.accumulate ? static_cast<double>(q.c[at]) : 0, size = std::abs(sum);
        for (std::int64_t k = 0; k < p.k; ++k) {
          const double x = static_cast<double>(q.a[static_cast<std::size_t>(
                               i * p.stride_a + (p.transpose_a ? k * p.m + row : row * p.k + k))]) *
                           b_at(i, k, j);
          sum += x;
          size += std::abs(x);
        }
        if (!q.bias.empty())
          sum += static_cast<double>(q.bias[static_cast<std::size_t>(i * p.stride_bias + j)]);
        if (p.activation == Activation::kRelu) sum = std::max(sum, 0.0);
        if (p.activation == Activation::kTanh) sum = std::tanh(sum);
        const double apart = std::abs(static_cast<double>(found.c[at]) - sum) / (size + 1);
        worst = std::isnan(apart) ? INFINITY : std::max(worst, apart);
      }
    for (std::int64_t j = 0; !q.sums.empty() && j < p.n; ++j) {
      double sum = 0, size = 1;
      for (std::int64_t k = 0; k < p.k; ++k) sum += b_at(i, k, j), size += std::abs(b_at(i, k, j));
      const double apart =
          std::abs(static_cast<double>(found.sums[static_cast<std::size_t>(i * p.stride_sums + j)]) - sum) /
          size;
      worst_sum = std::isnan(apart) ? INFINITY : std::max(worst_sum, apart);
    }
    for (std::int64_t gap = 0; gap < kGap; ++gap) {
      EXPECT_TRUE(unwritten(found.c[static_cast<std::size_t>((i + 1) * p.stride_c - 1 - gap)]));
      EXPECT_TRUE(unwritten(found.sums[static_cast<std::size_t>((i + 1) * p.stride_sums - 1 - gap)]));
    }
  }
  EXPECT_LE(worst, tolerance);
  EXPECT_LE(worst_sum, tolerance);
}

// By tiles of each size.
template <cuda::TileSize size>
void in_tiles(const Product& p, device::Stream& stream) {
  cuda::multiply_in_tiles(size, p, stream);
}
constexpr std::array<Multiply, 3> kTiles{in_tiles<cuda::TileSize::kSmall>, in_tiles<cuda::TileSize::kMiddle>,
                                         in_tiles<cuda::TileSize::kLarge>};
bool are_same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void expect_right_from_both(const Problem& q, bool ptx = has_ptx()) {
  device::Device& d = with(Products::kThreeTf32);
  const Found host = run(q, d, kTiles[0]);
  expect_right(q, host);
  emulation::options().seed += 1;
  for (std::size_t i = 1; i < kTiles.size(); ++i) {
    const Found other = run(q, d, kTiles[i]);
    EXPECT_TRUE(are_same(host.c, other.c)) << q.text() << ": other bits in another schedule, by tiles " << i;
    EXPECT_TRUE(are_same(host.sums, other.sums)) << q.text() << ": other sums, by tiles " << i;
  }
  if (!ptx) return;
  const FromPtx from_ptx;
  static std::size_t turn = 0;  // PTX takes its time: each problem by one size, each size in its turn
  expect_right(q, run(q, d, kTiles[turn++ % kTiles.size()]));
}

// The kernel is called by its name, which a GPU's library does not show.
#define REQUIRE_ITS_NAME() REQUIRE_EMULATION()

constexpr std::array<std::int64_t, 5> kSizes{1, 31, 33, 255, 257};

TEST(TensorProduct, EverySizeIsThatOfDoublePrecisionInEveryTransposition) {
  REQUIRE_ITS_NAME();
  for (std::size_t i = 0; i < kSizes.size(); ++i)
    for (const int form : {0, 1, 2, 3})
      for (const auto& [m, n, k] : {std::array{kSizes[i], kSizes[(i + 1) % 5], kSizes[(i + 2) % 5]},
                                    std::array{kSizes[i], kSizes[(i + 3) % 5], kSizes[(i + 1) % 5]}}) {
        Problem q(m, n, k);
        q.p.transpose_a = form % 2 == 1, q.p.transpose_b = form / 2 == 1;
        expect_right_from_both(q, has_ptx() && m * n * k < 1 << 20);
      }
}

TEST(TensorProduct, LinesOfWholePacksGoByPacksAndHaveTheBitsOfThoseThatDoNot) {
  REQUIRE_ITS_NAME();
  for (const int form : {0, 1, 2, 3})
    for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{4, 8, 12}, {68, 132, 36}, {128, 64, 256}}) {
      Problem q(m, n, k, 2);
      q.p.transpose_a = form % 2 == 1, q.p.transpose_b = form / 2 == 1;
      expect_right_from_both(q);
      const Found whole = run(q);
      q.shift = 1;  // no longer on multiples of 16 bytes
      const Found shifted = run(q);
      expect_right(q, shifted);
      EXPECT_EQ(0, std::memcmp(whole.c.data(), shifted.c.data(), whole.c.size() * sizeof(float))) << q.text();
    }
}

TEST(TensorProduct, EpiloguesAreThoseOfTheProduct) {
  REQUIRE_ITS_NAME();
  for (const std::int64_t n : {33, 72})
    for (const Activation activation : {Activation::kNone, Activation::kRelu, Activation::kTanh})
      for (const int form : {0, 1, 2, 3, 4, 5, 6, 7}) {
        Problem q(35, n, 40, 3);
        q.p.activation = activation;
        q.p.transpose_b = activation == Activation::kTanh;
        if (form & 1) q.bias = Problem::drawn(3, q.p.stride_bias * q.p.count);
        if (form & 2) q.sums = {1};
        if (form & 4) q.p.accumulate = true, q.c = Problem::drawn(4, q.p.stride_c * q.p.count);
        expect_right_from_both(q);
      }
}

TEST(TensorProduct, SharedOperandsHaveAStrideOfZero) {
  REQUIRE_ITS_NAME();
  Problem q(40, 36, 44, 3);
  const Found own = run(q);
  q.p.stride_a = 0;
  const Found found = run(q);
  Problem copied = q;
  copied.p.stride_a = 40 * 44 + kGap;
  for (std::int64_t i = 1; i < 3; ++i)
    std::copy_n(q.a.begin(), copied.p.stride_a, copied.a.begin() + i * copied.p.stride_a);
  const Found expected = run(copied);
  EXPECT_EQ(0, std::memcmp(expected.c.data(), found.c.data(), found.c.size() * sizeof(float)));
  EXPECT_NE(0, std::memcmp(own.c.data(), found.c.data(), found.c.size() * sizeof(float)));
}

TEST(TensorProduct, BitsDoNotDependOnHowManyProductsAreMadeAtOnce) {
  REQUIRE_ITS_NAME();
  const Problem all(70, 66, 100, 5);
  const Found together = run(all);
  for (std::int64_t i = 0; i < 5; ++i) {
    Problem alone(70, 66, 100);
    std::copy_n(all.a.begin() + i * all.p.stride_a, all.p.stride_a, alone.a.begin());
    std::copy_n(all.b.begin() + i * all.p.stride_b, all.p.stride_b, alone.b.begin());
    EXPECT_EQ(
        0, std::memcmp(run(alone).c.data(), together.c.data() + i * all.p.stride_c, 70 * 66 * sizeof(float)));
  }
}

TEST(TensorProduct, ANanStaysOneAndStaysInItsRow) {
  REQUIRE_ITS_NAME();
  for (const float bad : {NAN, INFINITY}) {
    Problem q(40, 36, 44);
    q.p.activation = Activation::kRelu;
    q.a[3 * 44 + 7] = bad;
    const Found found = run(q);
    for (std::int64_t i = 0; i < 40 * 36; ++i)
      EXPECT_EQ(std::isfinite(found.c[static_cast<std::size_t>(i)]), i / 36 != 3) << i;
  }
}

// The last of k fill no chunk, and a block goes on to other tiles and other products.
TEST(TensorProduct, BitsDoNotDependOnTheTile) {
  REQUIRE_ITS_NAME();
  for (const int form : {0, 1, 2, 3})
    for (const std::int64_t shift : {0, 1}) {
      Problem q(136, 72, 52, 5);
      q.p.transpose_a = form % 2 == 1, q.p.transpose_b = form / 2 == 1;
      q.shift = shift;
      q.sums = {1};
      q.bias = Problem::drawn(3, q.p.stride_bias * q.p.count);
      device::Device& d = with(Products::kThreeTf32);
      const Found small = run(q, d, kTiles[0]);
      expect_right(q, small);
      for (const Multiply tiles : {kTiles[1], kTiles[2]}) {
        const Found other = run(q, d, tiles);
        EXPECT_TRUE(are_same(small.c, other.c)) << q.text();
        EXPECT_TRUE(are_same(small.sums, other.sums)) << q.text();
      }
    }
}

TEST(TensorProduct, TilesAreTheLargestOfWhichThereAreEnough) {
  using cuda::TileSize;
  const auto size = [](std::int64_t m, std::int64_t n, std::int64_t count) {
    Product p;
    p.m = m, p.n = n, p.k = 256, p.count = count;
    return cuda::tile_size(p, 132);
  };
  EXPECT_EQ(size(256, 256, 320), TileSize::kLarge);
  EXPECT_EQ(size(256, 256, 50), TileSize::kLarge);  // 400 for 132
  EXPECT_EQ(size(256, 256, 49), TileSize::kMiddle);
  EXPECT_EQ(size(256, 256, 13), TileSize::kMiddle);  // 208
  EXPECT_EQ(size(256, 256, 12), TileSize::kSmall);
  EXPECT_EQ(size(256, 256, 1), TileSize::kSmall);
  EXPECT_EQ(size(2048, 4096, 1), TileSize::kLarge);
  EXPECT_EQ(size(256, 33, 1000), TileSize::kLarge);
  EXPECT_EQ(size(64, 256, 1000), TileSize::kMiddle);  // half of each would be empty
  EXPECT_EQ(size(32, 256, 1000), TileSize::kSmall);
}

double root_mean_square_error(const Problem& q, const Found& found) {
  double sum = 0;
  for (std::int64_t row = 0; row < q.p.m; ++row)
    for (std::int64_t j = 0; j < q.p.n; ++j) {
      double x = 0;
      for (std::int64_t k = 0; k < q.p.k; ++k)
        x += static_cast<double>(q.a[static_cast<std::size_t>(row * q.p.k + k)]) *
             static_cast<double>(q.b[static_cast<std::size_t>(k * q.p.n + j)]);
      x -= static_cast<double>(found.c[static_cast<std::size_t>(row * q.p.n + j)]);
      sum += x * x;
    }
  return std::sqrt(sum / static_cast<double>(q.p.m * q.p.n));
}

TEST(TensorProduct, IsAsAccurateAsF32WhereTf32IsAThousandTimesWorse) {
  REQUIRE_ITS_NAME();
  const Problem q(256, 256, 256);
  const double f32 = root_mean_square_error(q, run(q, with(Products::kF32), cuda::multiply)),
               three = root_mean_square_error(q, run(q, with(Products::kThreeTf32), cuda::multiply)),
               tf32 = root_mean_square_error(q, run(q, with(Products::kTf32), cuda::multiply));
  EXPECT_LT(three, f32);
  EXPECT_GT(tf32, 1000 * three);
}

// Which products are whose: by their own sizes and type alone.
TEST(TensorProduct, SmallProductsAndDoublesAreTheLibrarys) {
  REQUIRE_EMULATION();
  const auto by_the_library = [](const Problem& q, Products products) {
    device::Device& d = with(products);
    const auto before = emulation::statistics().library_calls;
    expect_right(q, run(q, d, cuda::multiply), products == Products::kTf32 ? 1e-2 : 1e-6);
    return emulation::statistics().library_calls - before;
  };
  EXPECT_EQ(by_the_library(Problem(32, 32, 32), Products::kThreeTf32), 0u);
  EXPECT_EQ(by_the_library(Problem(31, 40, 40), Products::kThreeTf32), 1u);
  EXPECT_EQ(by_the_library(Problem(40, 31, 40), Products::kThreeTf32), 1u);
  EXPECT_EQ(by_the_library(Problem(40, 40, 31), Products::kThreeTf32), 1u);
  EXPECT_EQ(by_the_library(Problem(40, 40, 40), Products::kF32), 1u);
  EXPECT_EQ(by_the_library(Problem(40, 40, 40), Products::kTf32), 1u);
  Product f64 = Problem(40, 40, 40).p;
  f64.type = DType::kF64;
  EXPECT_FALSE(cuda::suits_tensor_cores(f64));
}

// Layers and their gradients as graphs have them, agents by members, against the CPU.
TEST(TensorProduct, LayersAndTheirGradientsAgreeWithTheCpu) {
  device::Device& d = with(Products::kThreeTf32);
  for (const bool members : {false, true})
    for (const bool shared : {false, true})
      for (const std::int64_t n : {1, 31, 33, 255, 257}) {
        if (shared && !members) continue;
        const auto of = [&](std::initializer_list<std::int64_t> rest, bool own = true) {
          Shape s{2};
          if (members && own) s.push_back(3);
          for (std::int64_t size : rest) s.push_back(size);
          return s;
        };
        Case c;
        const std::int64_t in = n > 40 ? 36 : n, out = n > 40 ? 35 : n, rows = std::max<std::int64_t>(n, 33);
        const Tensor x = c.normal(DType::kF32, of({rows, in}, !shared)),
                     w = c.normal(DType::kF32, of({in, out}), 0.3), b = c.normal(DType::kF32, of({out})),
                     w2 = c.normal(DType::kF32, of({out, 34}), 0.3);
        const Tensor hidden = ops::relu(c.g, ops::add_bias(c.g, ops::linear(c.g, x, w), b));
        c.value_and_gradients(ops::linear(c.g, hidden, w2));
        compare(c, 4e-6 * std::sqrt(static_cast<double>(n + 9)), std::to_string(n), has_ptx() && n < 40, d);
      }
}

}  // namespace
}  // namespace hardy::test
