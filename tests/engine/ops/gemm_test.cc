// Matrix products against a plain loop in float64, and the promise that an element's bits do not depend
// on its surroundings.
#include "engine/ops/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "engine/base/random.h"
#include "engine/base/threads.h"
#include "engine/ops/gemm_kernel.h"
#include "tests/engine/count_allocations.h"

namespace hardy {
namespace {

constexpr std::int64_t kSizes[] = {1, 2, 3, 5, 6, 7, 15, 16, 17, 23, 31, 33, 64, 255, 256, 257};
constexpr std::int64_t kGap = 3;  // elements between rows that belong to nobody

// One batched product with every operand in place: gaps hold NaN, which must be neither read nor written.
template <class T>
struct Product {
  GemmArgs<T> args;
  GemmStrides strides;
  std::int64_t count;
  std::vector<T> a, b, c, bias, mask, sums;

  Product(std::int64_t m, std::int64_t n, std::int64_t k, bool ta = false, bool tb = false,
          std::int64_t products = 1, std::int64_t gap = kGap)
      : count(products) {
    const auto fill = [&](std::vector<T>& x, std::int64_t rows, std::int64_t columns, std::uint64_t which,
                          std::int64_t& ld, std::int64_t& stride) {
      ld = columns + gap;
      stride = rows * ld;
      x.assign(static_cast<std::size_t>(count * stride), std::numeric_limits<T>::quiet_NaN());
      const Random random(which, RandomStream::kUser);
      for (std::int64_t r = 0; r < count * rows; ++r)
        for (std::int64_t i = 0; i < columns; ++i)
          x[static_cast<std::size_t>(r * ld + i)] =
              static_cast<T>(2 * random.uniform(static_cast<std::uint64_t>(r * columns + i)) - 1);
    };
    std::int64_t unused;
    args.m = m, args.n = n, args.k = k, args.transpose_a = ta, args.transpose_b = tb;
    fill(a, ta ? k : m, ta ? m : k, 1, args.lda, strides.a);
    fill(b, tb ? n : k, tb ? k : n, 2, args.ldb, strides.b);
    fill(mask, m, n, 3, args.ldmask, strides.relu_mask);
    fill(bias, 1, n, 4, unused, strides.bias);
    args.ldc = n + (gap ? gap + 1 : 0);
    strides.c = m * args.ldc;
    c.assign(static_cast<std::size_t>(count * strides.c), std::numeric_limits<T>::quiet_NaN());
    strides.column_sums = n;
    sums.assign(static_cast<std::size_t>(count * n), std::numeric_limits<T>::quiet_NaN());
    args.a = a.data(), args.b = b.data(), args.c = c.data();
  }
  void fill_c(T value) {
    for (std::int64_t r = 0; r < count * args.m; ++r)
      for (std::int64_t j = 0; j < args.n; ++j) c[static_cast<std::size_t>(r * args.ldc + j)] = value;
  }
  void run(int threads = 1) {
    ThreadTeam team(threads);
    gemm_batched(args, count, strides, team);
  }
  T at_a(std::int64_t q, std::int64_t i, std::int64_t p) const {
    return args.a[q * strides.a + (args.transpose_a ? p * args.lda + i : i * args.lda + p)];
  }
  T at_b(std::int64_t q, std::int64_t p, std::int64_t j) const {
    return args.b[q * strides.b + (args.transpose_b ? j * args.ldb + p : p * args.ldb + j)];
  }
  T at_c(std::int64_t q, std::int64_t i, std::int64_t j) const {
    return c[static_cast<std::size_t>(q * strides.c + i * args.ldc + j)];
  }

  // Every element against float64 (with `before` in C if the product accumulates), gaps untouched.
  void check(double before = 0) const {
    double worst = 0;
    for (std::int64_t q = 0; q < count; ++q)
      for (std::int64_t i = 0; i < args.m; ++i) {
        for (std::int64_t j = 0; j < args.n; ++j) {
          double x = args.accumulate ? before : 0, size = std::abs(x) + 1;
          for (std::int64_t p = 0; p < args.k; ++p) {
            const double y = static_cast<double>(at_a(q, i, p)) * static_cast<double>(at_b(q, p, j));
            x += y;
            size += std::abs(y);
          }
          if (args.bias) x += args.bias[q * strides.bias + j];
          if (args.act == Activation::kRelu) x = x < 0 ? 0 : x;
          if (args.act == Activation::kTanh) x = std::tanh(x);
          if (args.relu_mask && !(args.relu_mask[q * strides.relu_mask + i * args.ldmask + j] > 0)) x = 0;
          const double error = std::abs(x - at_c(q, i, j)) /
                               (size * std::numeric_limits<T>::epsilon() * (4 + std::sqrt(args.k)));
          worst = error <= worst ? worst : error;  // NaN counts as worst
        }
        for (std::int64_t j = args.n; j < args.ldc; ++j)
          ASSERT_TRUE(std::isnan(at_c(q, i, j))) << "written past a row's end";
      }
    ASSERT_LE(worst, 1.0) << args.m << "x" << args.n << "x" << args.k << " transposed " << args.transpose_a
                          << args.transpose_b;
    if (!args.column_sums) return;
    for (std::int64_t q = 0; q < count; ++q)
      for (std::int64_t j = 0; j < args.n; ++j) {
        double x = 0;
        for (std::int64_t p = 0; p < args.k; ++p) x += at_b(q, p, j);
        ASSERT_NEAR(sums[static_cast<std::size_t>(q * args.n + j)], x,
                    std::numeric_limits<T>::epsilon() * static_cast<double>(args.k + 1));
      }
  }
};

template <class T>
bool same_bits(T x, T y) {
  return std::memcmp(&x, &y, sizeof(T)) == 0;
}

template <class T>
class Gemm : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Gemm, Types);

TYPED_TEST(Gemm, EqualsAPlainLoopInFloat64AtEverySizeAndTranspose) {
  std::size_t turn = 0;
  for (const std::int64_t m : kSizes)
    for (const std::int64_t n : kSizes)
      for (int t = 0; t < 4; ++t) {
        turn += 5;  // prime to the number of sizes: every k meets every n
        Product<TypeParam> p(m, n, kSizes[turn % std::size(kSizes)], t & 1, t & 2);
        if (turn % 2) p.args.column_sums = p.sums.data();
        p.run();
        ASSERT_NO_FATAL_FAILURE(p.check());
      }
}

TYPED_TEST(Gemm, LongSumsAreCutWithoutLoss) {
  for (const std::int64_t n : {1, 3, 6, 20})
    for (int t = 0; t < 4; ++t)
      for (const std::int64_t k : {511, 512, 513, 1300}) {
        Product<TypeParam> p(9, n, k, t & 1, t & 2);
        p.args.bias = p.bias.data();
        p.args.act = Activation::kRelu;
        p.args.column_sums = p.sums.data();
        p.run();
        ASSERT_NO_FATAL_FAILURE(p.check());
      }
}

TYPED_TEST(Gemm, EpiloguesComeInTheirOrder) {
  for (const std::int64_t m : {1, 5, 6, 19, 40})
    for (const std::int64_t n : {1, 3, 6, 12, 16, 23, 70})
      for (int t = 0; t < 4; ++t)
        for (const Activation act : {Activation::kNone, Activation::kRelu, Activation::kTanh})
          for (int how = 0; how < 8; ++how) {
            Product<TypeParam> p(m, n, 17, t & 1, t & 2, 2);
            p.args.act = act;
            if (how & 1) p.args.bias = p.bias.data();
            if (how & 2) p.args.relu_mask = p.mask.data();
            if (how & 4) p.args.accumulate = true, p.fill_c(TypeParam(0.75));
            p.run();
            ASSERT_NO_FATAL_FAILURE(p.check(0.75));
          }
}

TYPED_TEST(Gemm, RowsWithoutAGapHaveTheBitsOfRowsWithOne) {
  int turn = 0;
  for (const std::int64_t m : {5, 133})
    for (const std::int64_t n : {1, 2, 3, 4, 5, 6, 7, 8, 12, 128})
      for (const std::int64_t k : {1, 2, 3, 4, 5, 6, 7, 8, 49, 600})
        for (int t = 0; t < 4; ++t) {
          if (n == 128 ? k > 8 : k < 7) continue;  // a few sums for many columns, many for a few
          const auto product = [&, how = turn++ % 12](std::int64_t gap) {
            Product<TypeParam> p(m, n, k, t & 1, t & 2, 2, gap);
            p.args.act = how < 4 ? Activation::kNone : how < 8 ? Activation::kRelu : Activation::kTanh;
            if (how % 2 == 0) p.args.bias = p.bias.data();
            if (how % 3 == 0) p.args.relu_mask = p.mask.data();
            if (how % 4 >= 2) p.args.accumulate = true, p.fill_c(TypeParam(0.75));
            p.run();
            return p;
          };
          const Product<TypeParam> with = product(kGap), without = product(0);
          ASSERT_NO_FATAL_FAILURE(with.check(0.75));
          for (std::int64_t q = 0; q < 2; ++q)
            for (std::int64_t i = 0; i < m; ++i)
              for (std::int64_t j = 0; j < n; ++j)
                ASSERT_TRUE(same_bits(with.at_c(q, i, j), without.at_c(q, i, j)))
                    << m << "x" << n << "x" << k << " transposed " << t << " at " << i << ", " << j;
        }
}

TYPED_TEST(Gemm, EveryElementIsOneChainOfMultiplyAddsInPiecesOf512) {
  for (const std::int64_t m : {1, 4, 6, 11, 37})
    for (const std::int64_t n : {1, 4, 5, 8, 9, 16, 23, 67})
      for (const std::int64_t k : {1, 7, 256, 600})
        for (int t = 0; t < 4; ++t) {
          Product<TypeParam> p(m, n, k, t & 1, t & 2);
          if (n <= detail::kDotColumns && !p.args.transpose_a)
            continue;  // a head: sums along k by a tree of its own
          p.run();
          for (std::int64_t i = 0; i < m; ++i)
            for (std::int64_t j = 0; j < n; ++j) {
              TypeParam sum = 0;
              for (std::int64_t p0 = 0; p0 < k; p0 += 512) {
                TypeParam piece = 0;
                for (std::int64_t q = p0; q < std::min(k, p0 + 512); ++q) {
#if defined(__FMA__) || defined(__aarch64__)
                  piece = std::fma(p.at_a(0, i, q), p.at_b(0, q, j), piece);
#else
                  piece += p.at_a(0, i, q) * p.at_b(0, q, j);
#endif
                }
                sum = p0 ? piece + sum : piece;
              }
              ASSERT_TRUE(same_bits(sum, p.at_c(0, i, j)))
                  << m << "x" << n << "x" << k << " at " << i << ", " << j;
            }
        }
}

TYPED_TEST(Gemm, ARowHasTheSameBitsAloneAndAmongOthers) {
  for (const std::int64_t n : {1, 2, 3, 4, 6, 7, 12, 16, 40, 256})
    for (const std::int64_t k : {3, 23, 64, 256, 777})
      for (int t = 0; t < 4; ++t) {
        Product<TypeParam> all(70, n, k, t & 1, t & 2);
        all.args.bias = all.bias.data();
        all.args.act = Activation::kRelu;
        all.run();
        for (const std::int64_t rows : {1, 2, 5, 13})
          for (const std::int64_t first : {0, 7, 57}) {
            Product<TypeParam> some = all;
            some.args.m = rows;
            some.args.a = all.a.data() + first * (some.args.transpose_a ? 1 : some.args.lda);
            some.args.b = all.b.data(), some.args.bias = all.bias.data(), some.args.c = some.c.data();
            some.run();
            for (std::int64_t i = 0; i < rows; ++i)
              for (std::int64_t j = 0; j < n; ++j)
                ASSERT_TRUE(same_bits(all.at_c(0, first + i, j), some.at_c(0, i, j)))
                    << n << " " << k << " " << t;
          }
      }
}

TYPED_TEST(Gemm, BitsAreTheSameForAnyThreadsAndAnyBatch) {
  for (const std::int64_t m : {1, 10, 64, 256})
    for (const std::int64_t n : {1, 6, 23, 100})
      for (int t = 0; t < 4; ++t) {
        Product<TypeParam> one(m, n, 97, t & 1, t & 2, 7);
        one.args.bias = one.bias.data();
        one.args.relu_mask = one.mask.data();
        one.args.column_sums = one.sums.data();
        Product<TypeParam> many = one, alone = one;
        many.args.c = many.c.data(), many.args.column_sums = many.sums.data();
        one.run(1);
        ASSERT_NO_FATAL_FAILURE(one.check());
        many.run(3);
        ASSERT_EQ(std::memcmp(one.c.data(), many.c.data(), one.c.size() * sizeof(TypeParam)), 0);
        ASSERT_EQ(std::memcmp(one.sums.data(), many.sums.data(), one.sums.size() * sizeof(TypeParam)), 0);
        alone.count = 1;
        for (std::int64_t q = 0; q < 7; ++q) {
          GemmArgs<TypeParam>& g = alone.args = one.args;
          g.a += q * one.strides.a, g.b += q * one.strides.b, g.bias += q * one.strides.bias;
          g.relu_mask += q * one.strides.relu_mask;
          g.c = alone.c.data() + q * one.strides.c, g.column_sums = alone.sums.data() + q * n;
          alone.run();
        }
        ASSERT_EQ(std::memcmp(one.c.data(), alone.c.data(), one.c.size() * sizeof(TypeParam)), 0);
        ASSERT_EQ(std::memcmp(one.sums.data(), alone.sums.data(), one.sums.size() * sizeof(TypeParam)), 0);
      }
}

// Products that are cut into blocks beside the same ones row by row, which are not: bits of elements, of
// epilogues and of column sums, for any number of threads.
TYPED_TEST(Gemm, ALargeProductHasTheBitsOfItsRowsAlone) {
  constexpr std::int64_t m = 517, n = 1067, k = 700, few = 40;
  for (int t = 0; t < 4; ++t)
    for (const bool accumulate : {false, true}) {
      Product<TypeParam> all(m, n, k, t & 1, t & 2);
      all.args.column_sums = all.sums.data();
      all.args.act = t == 3 ? Activation::kTanh : Activation::kRelu;
      all.args.accumulate = accumulate;
      all.args.one_chain = accumulate && t == 1;
      if (!accumulate) all.args.bias = all.bias.data(), all.args.relu_mask = all.mask.data();
      all.fill_c(TypeParam(0.75));
      Product<TypeParam> threads = all, part = all;
      threads.args.c = threads.c.data(), threads.args.column_sums = threads.sums.data();
      all.run();
      threads.run(3);
      ASSERT_EQ(std::memcmp(all.c.data(), threads.c.data(), all.c.size() * sizeof(TypeParam)), 0);
      ASSERT_EQ(std::memcmp(all.sums.data(), threads.sums.data(), all.sums.size() * sizeof(TypeParam)), 0);
      for (std::int64_t first = 0; first < m; first += few) {
        GemmArgs<TypeParam>& g = part.args = all.args;
        g.m = std::min(few, m - first);
        g.a += first * (g.transpose_a ? 1 : g.lda);
        g.c = part.c.data() + first * g.ldc;
        if (g.relu_mask) g.relu_mask += first * g.ldmask;
        g.column_sums = part.sums.data();
        part.run();
      }
      ASSERT_EQ(std::memcmp(all.c.data(), part.c.data(), all.c.size() * sizeof(TypeParam)), 0) << t;
      ASSERT_EQ(std::memcmp(all.sums.data(), part.sums.data(), all.sums.size() * sizeof(TypeParam)), 0) << t;
    }
}

#if defined(__AVX2__) && defined(__FMA__)
// A head's tree: lane l takes the p with p mod lanes of its own; then halves upon halves; then the p that are
// left.
TYPED_TEST(Gemm, AHeadSumsByTheTreeThatIsDocumented) {
  constexpr int lanes = simd::VectorOf<TypeParam>::kLanes;
  for (int n = 1; n <= detail::kDotColumns; ++n)
    for (const std::int64_t k : {7, 64, 100, 256}) {
      Product<TypeParam> p(13, n, k);
      p.run();
      for (std::int64_t i = 0; i < 13; ++i)
        for (std::int64_t j = 0; j < n; ++j) {
          std::vector<TypeParam> sums(lanes);
          const std::int64_t whole = k / lanes * lanes;
          for (std::int64_t q = 0; q < whole; ++q) {
            TypeParam& sum = sums[static_cast<std::size_t>(q % lanes)];
            sum = std::fma(p.at_a(0, i, q), p.at_b(0, q, j), sum);
          }
          for (std::size_t half = lanes / 2; half > 0; half /= 2)
            for (std::size_t l = 0; l < half; ++l) sums[l] += sums[l + half];
          for (std::int64_t q = whole; q < k; ++q)
            sums[0] = std::fma(p.at_a(0, i, q), p.at_b(0, q, j), sums[0]);
          ASSERT_TRUE(same_bits(sums[0], p.at_c(0, i, j))) << n << " " << k << " at " << i << ", " << j;
        }
    }
}
#endif

TEST(GemmOfPackedWeights, HasTheBitsOfTheWeightsAsTheyLie) {
  for (const std::int64_t m : {1, 12, 13, 100})
    for (const std::int64_t n : {9, 16, 17, 32, 45, 49, 100})
      for (const std::int64_t k : {1, 30, 97, 700}) {
        Product<float> plain(m, n, k, false, false, 2);
        Product<float> packed = plain;
        packed.args.a = packed.a.data(), packed.args.c = packed.c.data();
        packed.strides.b = packed_size(k, n);
        std::vector<float> panels(static_cast<std::size_t>(2 * packed.strides.b));
        ThreadTeam team(2);
        for (std::int64_t q = 0; q < 2; ++q)
          pack_b(plain.args.b + q * plain.strides.b, plain.args.ldb, k, n,
                 panels.data() + q * packed.strides.b, team);
        packed.args.b = panels.data(), packed.args.ldb = 0, packed.args.packed = true;
        plain.run();
        packed.run(2);
        ASSERT_EQ(std::memcmp(plain.c.data(), packed.c.data(), plain.c.size() * sizeof(float)), 0)
            << m << " " << n << " " << k;
        ASSERT_NO_FATAL_FAILURE(plain.check());
      }
  EXPECT_EQ(packed_size(10, detail::kDotColumns), 0);  // such a product sums otherwise
}

TYPED_TEST(Gemm, AColumnsSumHasTheSameBitsWhateverTheShape) {
  Product<TypeParam> wide(40, 61, 300, true, false);
  wide.args.column_sums = wide.sums.data();
  wide.run();
  for (const std::int64_t m : {1, 3, 40})
    for (const std::int64_t n : {1, 3, 8, 20})
      for (const std::int64_t first : {0, 5, 41}) {
        Product<TypeParam> part(m, n, 300, true, false);
        part.args.b = wide.args.b + first, part.args.ldb = wide.args.ldb;
        part.args.column_sums = part.sums.data();
        part.run();
        for (std::int64_t j = 0; j < n; ++j)
          ASSERT_TRUE(same_bits(part.sums[static_cast<std::size_t>(j)],
                                wide.sums[static_cast<std::size_t>(first + j)]));
      }
}

TYPED_TEST(Gemm, AStrideOfZeroSharesTheOperand) {
  for (const std::int64_t n : {1, 6, 33})
    for (int t = 0; t < 4; ++t) {
      Product<TypeParam> p(21, n, 23, t & 1, t & 2, 5);
      p.strides.a = 0;
      p.strides.bias = 0;
      p.args.bias = p.bias.data();
      p.run(2);
      ASSERT_NO_FATAL_FAILURE(p.check());
      p.strides.b = 0;
      p.run(2);
      ASSERT_NO_FATAL_FAILURE(p.check());
    }
}

TYPED_TEST(Gemm, NothingToSumLeavesTheBias) {
  for (const std::int64_t n : {1, 6, 16, 30}) {
    Product<TypeParam> p(9, n, 0);
    p.args.bias = p.bias.data();
    p.run();
    ASSERT_NO_FATAL_FAILURE(p.check());
    Product<TypeParam> none(0, n, 5);
    none.run();
  }
}

TYPED_TEST(Gemm, NaNAndInfinityReachTheirRowAndColumnAndNothingElse) {
  const TypeParam bad[] = {std::numeric_limits<TypeParam>::quiet_NaN(),
                           std::numeric_limits<TypeParam>::infinity()};
  for (const std::int64_t m : {1, 7, 40})
    for (const std::int64_t n : {1, 3, 6, 17, 40})
      for (int t = 0; t < 4; ++t)
        for (const TypeParam x : bad) {
          Product<TypeParam> p(m, n, 33, t & 1, t & 2);
          const std::int64_t row = m - 1, column = n - 1;
          p.a[static_cast<std::size_t>(p.args.transpose_a ? 32 * p.args.lda + row : row * p.args.lda + 32)] =
              x;
          p.b[static_cast<std::size_t>(p.args.transpose_b ? column * p.args.ldb + 5
                                                          : 5 * p.args.ldb + column)] = x;
          p.run();
          for (std::int64_t i = 0; i < m; ++i)
            for (std::int64_t j = 0; j < n; ++j)
              ASSERT_EQ(std::isfinite(p.at_c(0, i, j)), i != row && j != column) << i << ", " << j;
        }
}

TYPED_TEST(Gemm, ReluKeepsNaN) {
  for (const std::int64_t n : {1, 6, 16, 21}) {
    Product<TypeParam> p(8, n, 4);
    p.a[0] = std::numeric_limits<TypeParam>::quiet_NaN();
    p.args.act = Activation::kRelu;
    p.run();
    for (std::int64_t j = 0; j < n; ++j) {
      EXPECT_TRUE(std::isnan(p.at_c(0, 0, j)));
      EXPECT_GE(p.at_c(0, 1, j), 0);
    }
  }
}

TYPED_TEST(Gemm, NothingIsAllocatedAfterTheFirstCall) {
  ThreadTeam team(2);
  for (const std::int64_t n : {1, 6, 64}) {
    for (int t = 0; t < 4; ++t) {
      Product<TypeParam> p(64, n, 64, t & 1, t & 2, 4);
      p.args.column_sums = p.sums.data();
      gemm_batched(p.args, p.count, p.strides, team);
      const std::int64_t before = test::allocations();
      gemm_batched(p.args, p.count, p.strides, team);
      EXPECT_EQ(test::allocations(), before);
    }
  }
}

}  // namespace
}  // namespace hardy
