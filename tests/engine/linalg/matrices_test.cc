// Small, interleaved problems and large ones, against loops in long double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/base/random.h"
#include "engine/linalg/dense.h"
#include "engine/linalg/small.h"

namespace hardy::linalg {
namespace {

using Numbers = std::vector<double>;
using Long = std::vector<long double>;

struct Problem {
  std::int64_t n, d;
  double ridge;
  Numbers phi, weight;
};
Problem some_problem(std::int64_t n, std::int64_t d, std::uint64_t seed) {
  Problem p{n, d, 0.01 + 0.01 * static_cast<double>(seed), Numbers(static_cast<std::size_t>(n * d)),
            Numbers(static_cast<std::size_t>(n))};
  const Random shared(1, RandomStream::kUser), own(seed, RandomStream::kNoise);
  for (std::size_t i = 0; i < p.phi.size(); ++i)
    p.phi[i] = shared.normal(i) / std::sqrt(static_cast<double>(d));
  for (std::size_t i = 0; i < p.weight.size(); ++i) p.weight[i] = own.uniform64(i) / static_cast<double>(n);
  return p;
}
std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

Long covariance(const Problem& p) {
  Long m(at(p.d * p.d));
  for (std::int64_t i = 0; i < p.d; ++i)
    for (std::int64_t j = 0; j < p.d; ++j) {
      long double sum = i == j ? p.ridge : 0.0L;
      for (std::int64_t k = 0; k < p.n; ++k)
        sum += static_cast<long double>(p.weight[at(k)]) * p.phi[at(k * p.d + i)] * p.phi[at(k * p.d + j)];
      m[at(i * p.d + j)] = sum;
    }
  return m;
}
// The inverse by Gauss and Jordan: another road than Cholesky's.
Long inverse(Long m, std::int64_t d) {
  Long inv(m.size());
  for (std::int64_t i = 0; i < d; ++i) inv[at(i * d + i)] = 1;
  for (std::int64_t c = 0; c < d; ++c) {
    const long double pivot = m[at(c * d + c)];
    for (std::int64_t j = 0; j < d; ++j) m[at(c * d + j)] /= pivot, inv[at(c * d + j)] /= pivot;
    for (std::int64_t r = 0; r < d; ++r) {
      const long double f = m[at(r * d + c)];
      if (r == c || f == 0) continue;
      for (std::int64_t j = 0; j < d; ++j)
        m[at(r * d + j)] -= f * m[at(c * d + j)], inv[at(r * d + j)] -= f * inv[at(c * d + j)];
    }
  }
  return inv;
}
long double kernel(const Problem& p, const Long& inv, std::int64_t a, std::int64_t b) {
  long double sum = 0;
  for (std::int64_t i = 0; i < p.d; ++i)
    for (std::int64_t j = 0; j < p.d; ++j)
      sum += p.phi[at(a * p.d + i)] * inv[at(i * p.d + j)] * p.phi[at(b * p.d + j)];
  return sum;
}
long double magnitude(const Problem& p, const Long& inv, std::int64_t a, double scale) {
  long double sum = 0;
  for (std::int64_t b = 0; b < p.n; ++b) sum += p.weight[at(b)] * std::min(kernel(p, inv, a, b), 0.0L);
  return scale * sum;
}

// What the two families of routines make of a problem; W replicas differ in weights and ridge alone.
struct Results {
  Numbers l, forms, magnitude, solved;  // solved: (L L^T)^{-1} phi_0
  Numbers first;                        // sum weight phi, of the team's
};
template <int W>
std::vector<Results> by_lanes(const std::vector<Problem>& replicas) {
  const std::int64_t n = replicas[0].n, d = replicas[0].d;
  Numbers weight(at(n * W)), m(at(d * d * W)), diagonal(at(d * W)),
      y(at(std::max(n * d * W, forms_scratch<W>(d)))), forms(at(n * W)), magnitude(at(n * W)), x(at(d * W)),
      ridge(W);
  for (int w = 0; w < W; ++w) {
    ridge[at(w)] = replicas[at(w)].ridge;
    for (std::int64_t k = 0; k < n; ++k) weight[at(k * W + w)] = replicas[at(w)].weight[at(k)];
    for (std::int64_t i = 0; i < d; ++i) x[at(i * W + w)] = replicas[at(w)].phi[at(i)];
  }
  const double* phi = replicas[0].phi.data();
  weighted_syrk<W>(phi, weight.data(), n, d, load<W>(ridge.data()), m.data());
  cholesky<W>(m.data(), d, diagonal.data());
  quadratic_forms<W>(m.data(), diagonal.data(), phi, n, d, y.data(), forms.data());
  whiten<W>(m.data(), diagonal.data(), phi, n, d, y.data());
  magnitude_term<W>(y.data(), weight.data(), n, d, 3.0, magnitude.data());
  solve_lower<W>(m.data(), diagonal.data(), d, x.data());
  solve_lower_transposed<W>(m.data(), diagonal.data(), d, x.data());
  std::vector<Results> results(W);
  const auto pick = [](const Numbers& from, int w) {
    Numbers own;
    for (std::size_t i = at(w); i < from.size(); i += W) own.push_back(from[i]);
    return own;
  };
  for (int w = 0; w < W; ++w)
    results[at(w)] = {pick(m, w), pick(forms, w), pick(magnitude, w), pick(x, w), {}};
  return results;
}
Results by_team(const Problem& p, int threads) {
  ThreadTeam team(threads);
  Results r{Numbers(at(p.d * p.d)), Numbers(at(p.n)), Numbers(at(p.n)), Numbers(at(p.d)), {}};
  Numbers packed(at(inverse_size(p.d))), y(p.phi.size());
  r.first = Numbers(at(p.d));
  weighted_moments(p.phi.data(), p.weight.data(), p.n, p.d, p.ridge, r.first.data(), r.l.data(), team);
  EXPECT_TRUE(cholesky(r.l.data(), p.d));
  pack_inverse(r.l.data(), p.d, packed.data());
  quadratic_forms(packed.data(), p.phi.data(), p.n, p.d, r.forms.data(), team);
  whiten(packed.data(), p.phi.data(), p.n, p.d, y.data(), team);
  magnitude_term(y.data(), p.weight.data(), p.n, p.d, 3.0, r.magnitude.data(), team);
  std::copy_n(p.phi.begin(), p.d, r.solved.begin());
  solve_lower(r.l.data(), p.d, r.solved.data());
  solve_lower_transposed(r.l.data(), p.d, r.solved.data());
  return r;
}

void expect_right(const Problem& p, const Results& r) {
  const Long m = covariance(p), inv = inverse(m, p.d);
  for (std::int64_t i = 0; i < p.d; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      long double sum = 0;
      for (std::int64_t k = 0; k <= j; ++k)
        sum += static_cast<long double>(r.l[at(i * p.d + k)]) * r.l[at(j * p.d + k)];
      EXPECT_NEAR(static_cast<double>(sum - m[at(i * p.d + j)]), 0, 1e-14);
    }
    long double solved = 0;
    for (std::int64_t j = 0; j < p.d; ++j) solved += inv[at(i * p.d + j)] * p.phi[at(j)];
    EXPECT_NEAR(r.solved[at(i)], static_cast<double>(solved), 1e-9);
  }
  for (std::int64_t a = 0; a < p.n; a += std::max<std::int64_t>(1, p.n / 23)) {
    EXPECT_NEAR(r.forms[at(a)], static_cast<double>(kernel(p, inv, a, a)), 1e-10);
    EXPECT_NEAR(r.magnitude[at(a)], static_cast<double>(magnitude(p, inv, a, 3.0)), 1e-10);
    EXPECT_GE(r.forms[at(a)], 0);
    EXPECT_LE(r.magnitude[at(a)], 0);
  }
}

TEST(SmallMatrices, AgreeWithLongDoubleLoops) {
  for (const auto& [n, d] : {std::pair{1, 1}, {12, 3}, {5, 7}, {60, 16}}) {
    const Problem p = some_problem(n, d, 1);
    expect_right(p, by_lanes<1>({p})[0]);
  }
}

template <int W>
void expect_same_sums(std::int64_t n, std::int64_t d) {
  const Problem p = some_problem(n, d, 5);
  Numbers weight(at(n * W)), ridge(W), direct(at(d * d * W)), through(direct.size()),
      psi(at(n * outer_size(d)));
  const Random random(6, RandomStream::kUser);
  for (std::size_t i = 0; i < weight.size(); ++i) weight[i] = random.uniform64(i);
  for (std::size_t w = 0; w < W; ++w) ridge[w] = 0.01 * static_cast<double>(w + 1);
  outer_products(p.phi.data(), n, d, psi.data());
  weighted_syrk<W>(p.phi.data(), weight.data(), n, d, load<W>(ridge.data()), direct.data());
  weighted_syrk_of<W>(psi.data(), weight.data(), n, d, load<W>(ridge.data()), through.data());
  EXPECT_EQ(direct, through) << W << " lanes, n = " << n << ", d = " << d;
}
TEST(SmallMatrices, SumsThroughOuterProductsHaveTheBitsOfThoseThroughFeatures) {
  for (const std::int64_t d : {1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 23}) {
    expect_same_sums<1>(d + 3, d);
    expect_same_sums<kLanes>(d + 3, d);
  }
}

TEST(SmallMatrices, ReplicasSideBySideHaveTheBitsTheyHaveAlone) {
  for (const auto& [n, d] : {std::pair{12, 3}, {40, 8}, {37, 5}}) {
    std::vector<Problem> replicas;
    for (int w = 0; w < kLanes; ++w) replicas.push_back(some_problem(n, d, static_cast<std::uint64_t>(w)));
    const std::vector<Results> together = by_lanes<kLanes>(replicas);
    for (std::size_t w = 0; w < replicas.size(); ++w) {
      const Results alone = by_lanes<1>({replicas[w]})[0];
      EXPECT_EQ(together[w].l, alone.l);
      EXPECT_EQ(together[w].forms, alone.forms);
      EXPECT_EQ(together[w].magnitude, alone.magnitude);
      EXPECT_EQ(together[w].solved, alone.solved);
    }
  }
}

template <int W>
void expect_same_together(std::int64_t count, std::int64_t d) {
  Numbers m(at(count * d * d * W)), diagonal(at(count * d * W)), x(diagonal.size());
  const Random random(7, RandomStream::kUser);
  for (std::size_t i = 0; i < m.size(); ++i) m[i] = random.normal(i) / 10;
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = random.normal(100000 + i);
  for (std::int64_t i = 0; i < count * d * W; ++i)  // above what the others of a row add up to
    m[at((i / (d * W) * d * d + i / W % d * (d + 1)) * W + i % W)] = static_cast<double>(d) + x[at(i)] / 10;
  Numbers m1 = m, diagonal1 = diagonal, x1 = x;
  cholesky<W>(m.data(), d, diagonal.data(), count);
  solve_lower<W>(m.data(), diagonal.data(), d, x.data(), count);
  solve_lower_transposed<W>(m.data(), diagonal.data(), d, x.data(), count);
  for (std::int64_t c = 0; c < count; ++c) {
    double *const l = m1.data() + c * d * d * W, *const inverse = diagonal1.data() + c * d * W,
                  *const v = x1.data() + c * d * W;
    cholesky<W>(l, d, inverse);
    solve_lower<W>(l, inverse, d, v);
    solve_lower_transposed<W>(l, inverse, d, v);
  }
  EXPECT_EQ(m, m1) << count << " of " << d;
  EXPECT_EQ(diagonal, diagonal1);
  EXPECT_EQ(x, x1);
  for (const double number : x) EXPECT_TRUE(std::isfinite(number));
}
TEST(SmallMatrices, SeveralTogetherHaveTheBitsTheyHaveAlone) {
  for (const std::int64_t d : {1, 3, 6})
    for (std::int64_t count = 1; count <= 9; ++count) {
      expect_same_together<1>(count, d);
      expect_same_together<kLanes>(count, d);
    }
}

// Chains of fused multiply-adds, written out.
template <int W>
void expect_chains(std::int64_t rows, std::int64_t columns) {
  Numbers shared(at(rows * columns)), x(at(columns * W)), weight(at(rows * W)), dots(at(rows * W)),
      sums(at(columns * W));
  const Random random(8, RandomStream::kUser);
  for (std::size_t i = 0; i < shared.size(); ++i) shared[i] = random.normal(i);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = random.normal(100000 + i);
  for (std::size_t i = 0; i < weight.size(); ++i) weight[i] = random.normal(200000 + i);
  dots_shared<W>(shared.data(), rows, columns, x.data(),
                 [&](std::int64_t r, Vec<W> dot) { store<W>(dots.data() + r * W, dot); });
  const std::int64_t first = columns / 3;
  column_sums<W>(shared.data(), rows, columns, weight.data(), first, columns,
                 [&](std::int64_t c, Vec<W> sum) { store<W>(sums.data() + c * W, sum); });
  for (std::int64_t w = 0; w < W; ++w) {
    for (std::int64_t r = 0; r < rows; ++r) {
      double sum = 0;
      for (std::int64_t c = 0; c < columns; ++c)
        sum = simd::multiply_add_scalar(shared[at(r * columns + c)], x[at(c * W + w)], sum);
      EXPECT_EQ(dots[at(r * W + w)], sum) << rows << " x " << columns;
    }
    for (std::int64_t c = 0; c < columns; ++c) {
      double sum = 0;
      for (std::int64_t r = 0; r < rows && c >= first; ++r)
        sum = simd::multiply_add_scalar(weight[at(r * W + w)], shared[at(r * columns + c)], sum);
      EXPECT_EQ(sums[at(c * W + w)], sum) << rows << " x " << columns;
    }
  }
}
TEST(Lanes, ProductsOfSharedRowsAndSumsOfSharedColumnsAreOneChainEach) {
  for (const auto& [rows, columns] : {std::pair{1, 1}, {4, 3}, {7, 5}, {12, 9}, {9, 10}}) {
    expect_chains<1>(rows, columns);
    expect_chains<kLanes>(rows, columns);
  }
}

TEST(DenseMatrices, AgreeWithLongDoubleLoops) {
  for (const auto& [n, d] : {std::pair{1, 1}, {90, 5}, {700, 33}}) {
    const Problem p = some_problem(n, d, 2);
    expect_right(p, by_team(p, 1));
  }
}

TEST(DenseMatrices, AWalkGivesFirstMomentsFormsAndProductsOfAnyNumberOfRows) {
  for (const auto& [n, d] : {std::pair{1, 1}, {7, 8}, {90, 5}, {130, 64}, {33, 41}}) {
    const Problem p = some_problem(n, d, 4);
    const Results r = by_team(p, 2);
    Numbers packed(at(inverse_size(d))), x(at(row_width(d))), y(x.size()), forms(at(n)), with_x(at(n)),
        with_y(at(n));
    const Random random(9, RandomStream::kUser);
    for (std::size_t i = 0; i < at(d); ++i) x[i] = random.normal(i), y[i] = random.normal(1000 + i);
    pack_inverse(r.l.data(), d, packed.data());
    forms_and_products(packed.data(), p.phi.data(), n, d, x.data(), y.data(), forms.data(), with_x.data(),
                       with_y.data());
    EXPECT_EQ(forms, r.forms);
    for (std::size_t i = 0; i < at(d); ++i) {
      long double first = 0;
      for (std::size_t k = 0; k < at(n); ++k)
        first += static_cast<long double>(p.weight[k]) * p.phi[k * at(d) + i];
      EXPECT_NEAR(r.first[i], static_cast<double>(first), 1e-15);
    }
    for (std::size_t k = 0; k < at(n); ++k) {
      long double px = 0, py = 0;
      for (std::size_t i = 0; i < at(d); ++i)
        px += static_cast<long double>(p.phi[k * at(d) + i]) * x[i],
            py += static_cast<long double>(p.phi[k * at(d) + i]) * y[i];
      EXPECT_NEAR(with_x[k], static_cast<double>(px), 1e-13);
      EXPECT_NEAR(with_y[k], static_cast<double>(py), 1e-13);
    }
  }
}

TEST(DenseMatrices, ThreadsChangeNoBit) {
  const Problem p = some_problem(3000, 20, 3);
  const Results one = by_team(p, 1), three = by_team(p, 3);
  for (std::int64_t i = 0; i < p.d; ++i)  // the upper triangle is nobody's
    for (std::int64_t j = 0; j <= i; ++j) EXPECT_EQ(one.l[at(i * p.d + j)], three.l[at(i * p.d + j)]);
  EXPECT_EQ(one.first, three.first);
  EXPECT_EQ(one.forms, three.forms);
  EXPECT_EQ(one.magnitude, three.magnitude);
}

TEST(DenseMatrices, CholeskyRefusesWhatIsNotPositiveDefinite) {
  Numbers m{1, 0, 2, 1};
  EXPECT_FALSE(cholesky(m.data(), 2));
}

// One-hot features of visited pairs: all products are of the same sign, and nothing is subtracted.
TEST(SmallMatrices, MagnitudeTermOfOneHotFeaturesIsExactlyZero) {
  constexpr std::int64_t n = 6;
  Problem p = some_problem(n, n, 1);
  std::fill(p.phi.begin(), p.phi.end(), 0.0);
  for (std::int64_t i = 0; i < n; ++i) p.phi[at(i * n + i)] = 1;
  const Numbers magnitude = by_lanes<1>({p})[0].magnitude;
  for (const double m : magnitude) EXPECT_EQ(m, 0);
}

}  // namespace
}  // namespace hardy::linalg
