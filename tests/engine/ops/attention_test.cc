#include "engine/ops/attention.h"

#include <algorithm>

#include "engine/ops/concat.h"
#include "engine/ops/random.h"
#include "engine/ops/reshape.h"
#include "engine/ops/rotary.h"
#include "tests/engine/ops/check.h"

namespace hardy::test {
namespace {

// What one plan computes; positions and lengths are its inputs.
struct Attention {
  std::int64_t A, S, T, U, H, G, d;
  std::vector<std::int32_t> first, last;  // [A, S]

  template <class T_>
  std::vector<T_> run(const std::vector<double>& q, const std::vector<double>& k,
                      const std::vector<double>& v, int threads = 1) const {
    const DType type = sizeof(T_) == 8 ? DType::kF64 : DType::kF32;
    Graph g;
    const Tensor tq = g.input("q", type, {A, S, T, H, d}), tk = g.input("k", type, {A, S, U, G, d}),
                 tv = g.input("v", type, {A, S, U, G, d}), tf = g.input("first", DType::kI32, {A, S}),
                 tl = g.input("last", DType::kI32, {A, S});
    const Tensor y = ops::attention(g, tq, tk, tv, tf, tl);
    Plan plan(g, {y});
    fill<T_>(plan, tq, q);
    fill<T_>(plan, tk, k);
    fill<T_>(plan, tv, v);
    std::copy(first.begin(), first.end(), plan.data<std::int32_t>(tf));
    std::copy(last.begin(), last.end(), plan.data<std::int32_t>(tl));
    ThreadTeam team(threads);
    plan.run(team);
    const T_* out = plan.data<T_>(y);
    return {out, out + A * S * T * H * d};
  }
  std::size_t q_at(std::int64_t s, std::int64_t t, std::int64_t h) const {
    return static_cast<std::size_t>(((s * T + t) * H + h) * d);
  }
  std::size_t k_at(std::int64_t s, std::int64_t j, std::int64_t group) const {
    return static_cast<std::size_t>(((s * U + j) * G + group) * d);
  }
};

std::vector<double> some(std::int64_t n, std::uint64_t seed) { return random_values({n}, -2, 2, seed); }

TEST(Attention, IsTheSoftmaxOverEarlierKeysHeadByHead) {
  const Attention a{2, 2, 70, 70, 4, 2, 6, {0, 0, 0, 0}, {70, 3, 0, 69}};
  const std::vector<double> q = some(2 * 2 * 70 * 4 * 6, 1), k = some(2 * 2 * 70 * 2 * 6, 2),
                            v = some(2 * 2 * 70 * 2 * 6, 3);
  const std::vector<double> y = a.run<double>(q, k, v);
  for (std::int64_t s = 0; s < 4; ++s)
    for (std::int64_t t = 0; t < a.T; ++t)
      for (std::int64_t h = 0; h < a.H; ++h)
        for (std::size_t i = 0; i < 6; ++i) {
          double total = 0, sum = 0;
          for (std::int64_t j = 0; j <= t; ++j) {
            double score = 0;
            for (std::size_t e = 0; e < 6; ++e) score += q[a.q_at(s, t, h) + e] * k[a.k_at(s, j, h / 2) + e];
            const double w = std::exp(score / std::sqrt(6.0));
            total += w;
            sum += w * v[a.k_at(s, j, h / 2) + i];
          }
          const bool padding = t >= a.last[static_cast<std::size_t>(s)];
          EXPECT_NEAR(y[a.q_at(s, t, h) + i], padding ? 0 : sum / total, 1e-13);
        }
}

// Rows in several tiles, elements in whole vectors and in parts of one.
TEST(Attention, OfOneTokenOverACacheHasTheBitsOfTheWholeSequence) {
  const std::int64_t length = 150;
  for (const std::int64_t d : {8, 24, 40, 64}) {
    const Attention whole{1, 1, length, length, 4, 2, d, {0}, {static_cast<std::int32_t>(length)}};
    const std::vector<double> q = some(length * 4 * d, 1), k = some(length * 2 * d, 2),
                              v = some(length * 2 * d, 3);
    const std::vector<float> y = whole.run<float>(q, k, v);
    for (const std::int64_t t : {0, 1, 11, 12, 63, 64, 65, 149}) {
      // A cache with room to spare, beside another sequence; what lies beyond the position is never seen.
      std::vector<double> cache_k = some(2 * 200 * 2 * d, 4),
                          cache_v(static_cast<std::size_t>(2 * 200 * 2 * d), NAN),
                          row(static_cast<std::size_t>(8 * d), 0.5);
      std::copy_n(k.begin(), (t + 1) * 2 * d, cache_k.begin() + 200 * 2 * d);
      std::copy_n(v.begin(), (t + 1) * 2 * d, cache_v.begin() + 200 * 2 * d);
      std::copy_n(q.begin() + t * 4 * d, 4 * d, row.begin() + 4 * d);
      const auto at = static_cast<std::int32_t>(t);
      const Attention one{1, 2, 1, 200, 4, 2, d, {7, at}, {8, at + 1}};
      const std::vector<float> decoded = one.run<float>(row, cache_k, cache_v, 3);
      EXPECT_TRUE(std::equal(decoded.begin() + 4 * d, decoded.end(), y.begin() + t * 4 * d))
          << t << " of d " << d;
    }
  }
}

TEST(Attention, ALaterTokensNumbersReachNoEarlierRow) {
  const Attention a{1, 1, 30, 30, 1, 1, 6, {0}, {30}};
  std::vector<double> q = some(180, 1), k = some(180, 2), v = some(180, 3);
  const std::vector<float> clean = a.run<float>(q, k, v);
  for (std::size_t i = 17 * 6; i < 180; ++i) k[i] = v[i] = NAN;
  const std::vector<float> y = a.run<float>(q, k, v);
  for (std::size_t i = 0; i < 180; ++i)
    EXPECT_TRUE(i < 17 * 6 ? y[i] == clean[i] : std::isnan(y[i])) << "row " << i / 6;
}

TEST(Attention, PaddingChangesNoBitOfARealToken) {
  const Attention tight{1, 1, 20, 20, 2, 1, 4, {0}, {20}}, padded{1, 1, 33, 33, 2, 1, 4, {0}, {20}};
  std::vector<double> q = some(33 * 8, 1), k = some(33 * 4, 2), v = some(33 * 4, 3);
  const std::vector<float> wide = padded.run<float>(q, k, v);
  q.resize(20 * 8);
  k.resize(20 * 4);
  v.resize(20 * 4);
  const std::vector<float> narrow = tight.run<float>(q, k, v);
  EXPECT_TRUE(std::equal(narrow.begin(), narrow.end(), wide.begin()));
}

// The gradients too, by sequences that are as long as they need be and by padded ones.
TEST(Attention, PaddingChangesNoBitOfAGradient) {
  const auto gradients = [](std::int64_t T) {
    const std::int64_t real = 70;
    Graph g;
    std::vector<Tensor> in;
    for (const char* name : {"q", "k", "v"}) in.push_back(g.parameter(name, DType::kF32, {1, 1, T, 2, 6}));
    const Tensor first = g.input("first", DType::kI32, {1, 1}), last = g.input("last", DType::kI32, {1, 1}),
                 weights = g.input("weights", DType::kF32, {1, 1, T, 2, 6});
    const Tensor y = ops::attention(g, in[0], in[1], in[2], first, last);
    const std::vector<Tensor> slopes =
        graph::differentiate(g, ops::sum_per_agent(g, ops::multiply(g, y, weights)), in);
    Plan plan(g, slopes);
    std::uint64_t seed = 0;
    for (const Tensor t : {in[0], in[1], in[2], weights}) fill<float>(plan, t, some(T * 12, ++seed));
    plan.data<std::int32_t>(last)[0] = static_cast<std::int32_t>(real);
    ThreadTeam team(2);
    plan.run(team);
    std::vector<float> all;
    for (const Tensor t : slopes) {
      all.insert(all.end(), plan.data<float>(t), plan.data<float>(t) + real * 12);
      for (std::int64_t i = real * 12; i < T * 12; ++i) EXPECT_EQ(plan.data<float>(t)[i], 0);
    }
    return all;
  };
  const std::vector<float> tight = gradients(70);
  EXPECT_EQ(gradients(71), tight);
  EXPECT_EQ(gradients(130), tight);
}

TEST(Attention, ARowThatSeesOneKeyHasNoSlopeInItsScore) {
  Graph g;
  std::vector<Tensor> in;
  for (const char* name : {"q", "k", "v"}) in.push_back(g.parameter(name, DType::kF32, {1, 1, 1, 2, 24}));
  const Tensor first = g.input("first", DType::kI32, {1, 1}), last = g.input("last", DType::kI32, {1, 1}),
               weights = g.input("weights", DType::kF32, {1, 1, 1, 2, 24});
  const Tensor y = ops::attention(g, in[0], in[1], in[2], first, last);
  const std::vector<Tensor> slopes =
      graph::differentiate(g, ops::sum_per_agent(g, ops::multiply(g, y, weights)), in);
  Plan plan(g, slopes);
  std::uint64_t seed = 0;
  for (const Tensor t : {in[0], in[1], in[2], weights}) fill<float>(plan, t, some(48, ++seed));
  plan.data<std::int32_t>(last)[0] = 1;
  ThreadTeam team(1);
  plan.run(team);
  for (std::size_t i = 0; i < 48; ++i) {
    EXPECT_EQ(plan.data<float>(slopes[0])[i], 0);
    EXPECT_EQ(plan.data<float>(slopes[1])[i], 0);
    EXPECT_EQ(plan.data<float>(slopes[2])[i], plan.data<float>(weights)[i]);
  }
}

TEST(Attention, LargeScoresDoNotOverflow) {
  const Attention a{1, 1, 70, 70, 1, 1, 2, {0}, {70}};
  std::vector<double> q = some(140, 1), k = some(140, 2), v = some(140, 3);
  for (double& x : q) x *= 1e3;
  for (double& x : k) x *= 1e3;
  const std::vector<float> y = a.run<float>(q, k, v);
  for (const float x : y) EXPECT_TRUE(std::isfinite(x) && std::abs(x) <= 2);
}

// Two agents' lengths between 0 and T, drawn; positions from 0 on.
Tensor drawn(Graph& g, std::int64_t n, std::int32_t limit) {
  return ops::random_index(g, n, g.scalar(DType::kI32, limit), g.input("seeds", DType::kI32, {2, 2}),
                           g.input("step", DType::kI32, {1, 2}), RandomStream::kUser);
}

TEST(Attention, HasTheRightGradient) {
  check_op({{{2, 3, 5, 4, 6}}, {{2, 3, 5, 2, 6}}, {{2, 3, 5, 2, 6}}},
           [](Graph& g, const std::vector<Tensor>& x) {
             return ops::attention(g, x[0], x[1], x[2], drawn(g, 3, 1), drawn(g, 3, 6));
           });
  check_op({{{2, 1, 70, 1, 2}}, {{2, 1, 70, 1, 2}}, {{2, 1, 70, 1, 2}}},
           [](Graph& g, const std::vector<Tensor>& x) {
             return ops::attention(
                 g, x[0], x[1], x[2], drawn(g, 1, 1),
                 ops::random_index(g, 1, g.scalar(DType::kI32, 71), g.input("s", DType::kI32, {2, 2}),
                                   g.input("t", DType::kI32, {1, 2}), RandomStream::kUser));
           });
}

TEST(Rotary, TurnsPairsByThePositionAndKeepsTheScoresOfEqualDistances) {
  Graph g;
  const Tensor x = g.input("x", DType::kF64, {1, 1, 3, 1, 4}), first = g.input("first", DType::kI32, {1, 1});
  const Tensor y = ops::rotary(g, x, first, 100);
  Plan plan(g, {y});
  const std::vector<double> row{1, -0.5, 0.25, 2};
  for (std::size_t t = 0; t < 3; ++t) std::copy(row.begin(), row.end(), plan.data<double>(x) + 4 * t);
  plan.data<std::int32_t>(first)[0] = 5;
  ThreadTeam team(1);
  plan.run(team);
  const double* out = plan.data<double>(y);
  for (std::size_t t = 0; t < 3; ++t)
    for (std::size_t i = 0; i < 2; ++i) {
      const double angle = (5.0 + static_cast<double>(t)) * (i == 0 ? 1.0 : 0.1);
      EXPECT_NEAR(out[4 * t + i], row[i] * std::cos(angle) - row[i + 2] * std::sin(angle), 1e-14);
      EXPECT_NEAR(out[4 * t + i + 2], row[i + 2] * std::cos(angle) + row[i] * std::sin(angle), 1e-14);
    }
  const auto score = [&](std::size_t a, std::size_t b) {
    double sum = 0;
    for (std::size_t i = 0; i < 4; ++i) sum += out[4 * a + i] * out[4 * b + i];
    return sum;
  };
  EXPECT_NEAR(score(0, 1), score(1, 2), 1e-13);
}

TEST(Rotary, ARowsBitsDoNotDependOnTheRowsBesideIt) {
  // A table of all positions serves many rows; one row, and rows far apart, have none.
  const auto turned = [](std::int64_t S, std::int64_t T, const std::vector<std::int32_t>& first) {
    Graph g;
    const Tensor x = g.input("x", DType::kF32, {1, S, T, 1, 6}), at = g.input("first", DType::kI32, {1, S});
    const Tensor y = ops::rotary(g, x, at);
    Plan plan(g, {y});
    std::fill_n(plan.data<float>(x), S * T * 6, 0.7f);
    std::copy(first.begin(), first.end(), plan.data<std::int32_t>(at));
    ThreadTeam team(2);
    plan.run(team);
    return std::vector<float>(plan.data<float>(y), plan.data<float>(y) + S * T * 6);
  };
  const std::vector<float> all = turned(2, 50, {0, 3}), apart = turned(2, 1, {20, 100000}),
                           one = turned(1, 1, {20});
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(apart[i], all[20 * 6 + i]);
    EXPECT_EQ(one[i], all[20 * 6 + i]);
    EXPECT_EQ(one[i], all[(50 + 17) * 6 + i]);
  }
}

// Halves of any length against the formula, element by element; queries, keys and values from one product.
template <class T>
void expect_turned_heads(std::int64_t half) {
  constexpr DType kType = sizeof(T) == 8 ? DType::kF64 : DType::kF32;
  const std::int64_t A = 2, S = 3, T_ = 2, H = 4, G = 2, d = 2 * half, width = (H + 2 * G) * d;
  Graph g;
  const Tensor qkv = g.input("qkv", kType, {A, S * T_, width}), first = g.input("first", DType::kI32, {A, S});
  const ops::Heads heads = ops::rotary_heads(g, qkv, first, {H, G}, 50);
  const Tensor alone =
      ops::rotary(g, ops::reshape(g, ops::slice(g, qkv, H * d, (H + G) * d), {A, S, T_, G, d}), first, 50);
  Plan plan(g, {heads.q, heads.k, heads.v, alone});
  const Random random(3, RandomStream::kUser);
  T* x = plan.data<T>(qkv);
  for (std::int64_t i = 0; i < A * S * T_ * width; ++i)
    x[i] = static_cast<T>(random.normal(static_cast<std::uint64_t>(i)));
  for (std::int32_t i = 0; i < A * S; ++i) plan.data<std::int32_t>(first)[i] = 3 * i;
  ThreadTeam team(2);
  plan.run(team);
  for (std::int64_t row = 0; row < A * S * T_; ++row)
    for (std::int64_t head = 0; head < H + 2 * G; ++head) {
      const T* from = x + row * width + head * d;
      const T* to = head < H       ? plan.data<T>(heads.q) + (row * H + head) * d
                    : head < H + G ? plan.data<T>(heads.k) + (row * G + head - H) * d
                                   : plan.data<T>(heads.v) + (row * G + head - H - G) * d;
      for (std::int64_t i = 0; i < half; ++i) {
        const double angle = static_cast<double>(row / T_ * 3 + row % T_) *
                             std::pow(50.0, -2.0 * static_cast<double>(i) / static_cast<double>(d));
        const bool turns = head < H + G;
        const T c = turns ? static_cast<T>(std::cos(angle)) : T(1),
                s = turns ? static_cast<T>(std::sin(angle)) : T(0);
        const T ahead = from[i] * c, back = from[i + half] * s, other = from[i + half] * c,
                beside = from[i] * s;
        ASSERT_EQ(to[i], ahead - back) << half << ": " << row << " " << head << " " << i;
        ASSERT_EQ(to[i + half], other + beside) << half << ": " << row << " " << head << " " << i;
      }
    }
  EXPECT_TRUE(
      std::equal(plan.data<T>(alone), plan.data<T>(alone) + A * S * T_ * G * d, plan.data<T>(heads.k)));
}
TEST(Rotary, OfHeadsSideBySideIsTheFormulasToTheBitForHalvesOfAnyLength) {
  for (const std::int64_t half : {1, 3, 4, 7, 8, 12, 16, 20, 31, 32, 33}) {
    expect_turned_heads<float>(half);
    expect_turned_heads<double>(half);
  }
  Graph g;
  const Tensor qkv = g.input("qkv", DType::kF32, {1, 6, 20}), first = g.input("first", DType::kI32, {1, 3});
  expect_shape_error([&] { ops::rotary_heads(g, qkv, first, {2, 1}); }, {"op rotary_heads", "d even"});
}

TEST(Rotary, HasTheRightGradient) {
  check_op({{{2, 3, 4, 2, 6}}},
           [](Graph& g, const std::vector<Tensor>& x) { return ops::rotary(g, x[0], drawn(g, 3, 9)); });
}

TEST(Attention, RefusesShapesThatDoNotFitAndASecondDerivative) {
  Graph g;
  const Tensor q = g.parameter("q", DType::kF32, {1, 2, 3, 4, 6}),
               k = g.input("k", DType::kF32, {1, 2, 3, 3, 6});
  const Tensor first = g.input("first", DType::kI32, {1, 2}),
               odd = g.input("odd", DType::kF32, {1, 2, 3, 3, 5});
  expect_shape_error([&] { ops::attention(g, q, k, k, first, first); }, {"op attention", "multiple of G"});
  expect_shape_error([&] { ops::rotary(g, odd, first); }, {"op rotary", "d even"});
  const Tensor y = ops::attention(g, q, q, q, first, first);
  const Tensor slope = graph::differentiate(g, ops::sum_per_agent(g, y), {q})[0];
  expect_shape_error([&] { graph::differentiate(g, ops::sum_per_agent(g, slope), {q}); },
                     {"attention_gradient"});
}

}  // namespace
}  // namespace hardy::test
