#include "engine/ops/token_log_probs.h"

#include <algorithm>
#include <numeric>

#include "engine/ops/concat.h"
#include "engine/ops/reshape.h"
#include "engine/ops/sample_tokens.h"
#include "tests/engine/count_allocations.h"
#include "tests/engine/ops/check.h"

namespace hardy::test {
namespace {

// A head over rows, and what the gradient is asked for: the coefficients of log_prob and entropy.
struct Head {
  std::int64_t A, N, d, V;
  bool shared = false;
  double temperature = 1;
  std::vector<double> hidden, weight, of_log_prob, of_entropy;
  std::vector<std::int32_t> target;

  Head(std::int64_t A_, std::int64_t N_, std::int64_t d_, std::int64_t V_, bool shared_ = false)
      : A(A_), N(N_), d(d_), V(V_), shared(shared_) {
    hidden = random_values({A * N * d}, -1, 1, 1);
    weight = random_values({(shared ? 1 : A) * V * d}, -1, 1, 2);
    of_log_prob = random_values({A * N}, -1, 1, 3);
    of_entropy = random_values({A * N}, -1, 1, 4);
    const Random random(5, RandomStream::kUser);
    for (std::int64_t i = 0; i < A * N; ++i)
      target.push_back(static_cast<std::int32_t>(
          random.integer(static_cast<std::uint64_t>(i), static_cast<std::uint32_t>(V))));
  }

  template <class T>
  struct Result {
    std::vector<T> log_prob, entropy, dhidden, dweight;
    bool operator==(const Result&) const = default;
  };
  template <class T>
  Result<T> run(int threads = 1) const {
    const DType type = sizeof(T) == 8 ? DType::kF64 : DType::kF32;
    Graph g;
    const Tensor x = g.parameter("x", type, {A, N, d}), w = g.parameter("w", type, {shared ? 1 : A, V, d}),
                 t = g.input("t", DType::kI32, {A, N}), cl = g.input("cl", type, {A, N}),
                 ce = g.input("ce", type, {A, N});
    const ops::TokenLogProbs y = ops::token_log_probs(g, x, w, t, temperature);
    const Tensor loss = ops::sum_to(
        g, ops::add(g, ops::multiply(g, cl, y.log_prob), ops::multiply(g, ce, y.entropy)), Shape{1});
    const std::vector<Tensor> slopes = graph::differentiate(g, loss, {x, w});
    Plan plan(g, {y.log_prob, y.entropy, slopes[0], slopes[1]}, {.agents = A});
    fill<T>(plan, x, hidden);
    fill<T>(plan, w, weight);
    fill<T>(plan, cl, of_log_prob);
    fill<T>(plan, ce, of_entropy);
    std::copy(target.begin(), target.end(), plan.data<std::int32_t>(t));
    ThreadTeam team(threads);
    plan.run(team);
    const std::int64_t before = allocations();
    plan.run(team);
    EXPECT_EQ(allocations(), before);
    const auto all = [&](Tensor v) {
      return std::vector<T>(plan.data<T>(v), plan.data<T>(v) + g.shape(v).elements());
    };
    return {all(y.log_prob), all(y.entropy), all(slopes[0]), all(slopes[1])};
  }

  // The rows `kept` of one agent's batch, in that order.
  Head some(const std::vector<std::size_t>& kept) const {
    Head h = *this;
    h.N = static_cast<std::int64_t>(kept.size());
    h.hidden.clear(), h.of_log_prob.clear(), h.of_entropy.clear(), h.target.clear();
    for (const std::size_t i : kept) {
      const auto row = hidden.begin() + static_cast<std::ptrdiff_t>(i) * d;
      h.hidden.insert(h.hidden.end(), row, row + d);
      h.of_log_prob.push_back(of_log_prob[i]);
      h.of_entropy.push_back(of_entropy[i]);
      h.target.push_back(target[i]);
    }
    return h;
  }
};

// p = softmax(W h / temperature) of a row, and its entropy.
std::vector<double> probabilities(const Head& h, std::size_t row) {
  const std::size_t d = static_cast<std::size_t>(h.d), V = static_cast<std::size_t>(h.V),
                    of = h.shared ? 0 : row / static_cast<std::size_t>(h.N) * V * d;
  std::vector<double> p(V);
  for (std::size_t j = 0; j < V; ++j)
    p[j] = std::inner_product(&h.hidden[row * d], &h.hidden[row * d] + d, &h.weight[of + j * d], 0.0) /
           h.temperature;
  const double top = *std::max_element(p.begin(), p.end());
  for (double& x : p) x = std::exp(x - top);
  const double total = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= total;
  return p;
}

TEST(TokenLogProbs, AreTheSoftmaxsAtTheTargetsAndItsEntropy) {
  // Tokens on each way through a product, and more than one chunk of rows.
  for (const auto& [N, V] : {std::pair<std::int64_t, std::int64_t>{7, 3}, {2100, 37}, {5, 64}, {70, 1501}})
    for (const bool shared : {false, true}) {
      Head h(2, N, 9, V, shared);
      h.temperature = 0.7;
      h.target[3] = -1;
      const auto y = h.run<double>(2);
      const auto single = h.run<float>(2);
      for (std::size_t i = 0; i<h.target.size(); i += V> 1000 || N > 1000 ? 61 : 1) {
        const std::vector<double> p = probabilities(h, i);
        double entropy = 0;
        for (const double x : p) entropy -= x * std::log(x);
        const bool asked = h.target[i] >= 0;
        const double log_prob = asked ? std::log(p[static_cast<std::size_t>(h.target[i])]) : 0;
        EXPECT_NEAR(y.log_prob[i], log_prob, 1e-13) << V << " tokens, row " << i;
        EXPECT_NEAR(y.entropy[i], asked ? entropy : 0, 1e-13);
        EXPECT_NEAR(single.log_prob[i], log_prob, 3e-6);
        EXPECT_NEAR(single.entropy[i], asked ? entropy : 0, 3e-6);
      }
    }
}

TEST(TokenLogProbs, HaveTheRightGradients) {
  for (const std::int64_t V : {3, 21})
    for (const std::int64_t weights : {1, 2})
      for (const double temperature : {1.0, 1.7})
        check_op({{{2, 6, 5}}, {{weights, V, 5}}}, [&](Graph& g, const std::vector<Tensor>& x) {
          // Of twelve targets one is past -1 ... V - 1 never, and some are -1.
          const Tensor t = g.input("targets", DType::kI32, {2, 6});
          const ops::TokenLogProbs y = ops::token_log_probs(g, x[0], x[1], t, temperature);
          return ops::concat(g, {y.log_prob, y.entropy}, 1);
        });
  // With other targets than 0, which check_op leaves: against the closed form.
  Head h(1, 40, 6, 17);
  h.temperature = 0.6;
  h.target[4] = -1;
  const auto y = h.run<double>();
  std::vector<double> dweight(17 * 6, 0.0);
  for (std::size_t i = 0; i < 40; ++i) {
    const std::vector<double> p = probabilities(h, i);
    double entropy = 0;
    for (const double x : p) entropy -= x * std::log(x);
    std::vector<double> dhidden(6, 0.0);
    for (std::size_t j = 0; j < 17 && h.target[i] >= 0; ++j) {
      const double one = static_cast<std::int32_t>(j) == h.target[i];
      const double dz =
          (h.of_log_prob[i] * (one - p[j]) - h.of_entropy[i] * p[j] * (std::log(p[j]) + entropy)) / 0.6;
      for (std::size_t k = 0; k < 6; ++k) {
        dhidden[k] += dz * h.weight[j * 6 + k];
        dweight[j * 6 + k] += dz * h.hidden[i * 6 + k];
      }
    }
    for (std::size_t k = 0; k < 6; ++k) EXPECT_NEAR(y.dhidden[i * 6 + k], dhidden[k], 1e-13) << i;
  }
  for (std::size_t k = 0; k < dweight.size(); ++k) EXPECT_NEAR(y.dweight[k], dweight[k], 1e-12);
}

TEST(TokenLogProbs, HaveTheSameBitsForAnyNumberOfThreads) {
  for (const auto& [N, V] : {std::pair<std::int64_t, std::int64_t>{2500, 33}, {90, 1030}}) {
    Head h(1, N, 12, V);
    for (std::size_t i = 0; i < h.target.size(); i += 3) h.target[i] = -1;
    EXPECT_TRUE(h.run<float>(1) == h.run<float>(3)) << V << " tokens";
  }
}

TEST(TokenLogProbs, ARowsBitsDoNotDependOnTheRowsBesideIt) {
  for (const std::int64_t V : {4, 33, 1030}) {
    const Head h(1, 61, 12, V);
    const auto all = h.run<float>();
    for (const std::size_t i : {0u, 5u, 60u}) {
      const auto one = h.some({i}).run<float>();
      EXPECT_EQ(one.log_prob[0], all.log_prob[i]);
      EXPECT_EQ(one.entropy[0], all.entropy[i]);
      EXPECT_TRUE(std::equal(one.dhidden.begin(), one.dhidden.end(),
                             all.dhidden.begin() + static_cast<std::ptrdiff_t>(i) * 12));
    }
  }
}

TEST(TokenLogProbs, RowsThatAreNotAskedForOrHaveNoCoefficientAddNothing) {
  Head h(1, 1300, 12, 33);
  std::vector<std::size_t> counted;
  for (std::size_t i = 0; i < 1300; ++i) {
    if (i % 3 == 0) {
      counted.push_back(i);
      continue;
    }
    if (i % 3 == 1) h.target[i] = -1;
    if (i % 3 == 2) h.of_log_prob[i] = h.of_entropy[i] = 0;
    for (std::size_t k = 0; k < 12; ++k) h.hidden[i * 12 + k] = i % 3 == 1 ? NAN : 1e6;
  }
  const auto all = h.run<float>(2);
  const auto few = h.some(counted).run<float>();
  EXPECT_TRUE(all.dweight == few.dweight);
  for (std::size_t n = 0; n < counted.size(); ++n)
    for (std::size_t k = 0; k < 12; ++k) EXPECT_EQ(all.dhidden[counted[n] * 12 + k], few.dhidden[n * 12 + k]);
  for (std::size_t i = 0; i < 1300; ++i)
    if (i % 3 != 0) {
      EXPECT_EQ(all.dhidden[i * 12], 0);
      EXPECT_TRUE(i % 3 == 2 || all.log_prob[i] == 0);
    }
  std::fill(h.target.begin(), h.target.end(), -1);
  const auto none = h.run<float>();
  EXPECT_EQ(none.dweight, std::vector<float>(33 * 12, 0.0f));
  EXPECT_EQ(none.dhidden, std::vector<float>(1300 * 12, 0.0f));
}

TEST(TokenLogProbs, LargeLogitsDoNotOverflowAndNaNIsNotHidden) {
  Head h(1, 3, 4, 9);
  for (std::size_t k = 0; k < 4; ++k) {
    h.hidden[k] *= 1e4;
    h.hidden[4 + k] = NAN;
  }
  h.target[2] = 9;  // there is no such token
  const auto y = h.run<float>();
  EXPECT_TRUE(std::isfinite(y.log_prob[0]) && std::isfinite(y.dhidden[0]));
  EXPECT_GE(y.entropy[0], 0);
  EXPECT_TRUE(std::isnan(y.log_prob[1]) && std::isnan(y.entropy[1]) && std::isnan(y.log_prob[2]));
}

TEST(TokenLogProbs, RefuseWhatDoesNotFit) {
  Graph g;
  const Tensor x = g.parameter("x", DType::kF32, {2, 3, 4}), w = g.parameter("w", DType::kF32, {2, 5, 4}),
               odd = g.input("odd", DType::kF32, {3, 5, 4}), t = g.input("t", DType::kI32, {2, 3}),
               keys = g.input("keys", DType::kI32, {2, 3, 4}), seeds = g.input("seeds", DType::kI32, {2, 2});
  expect_shape_error([&] { ops::token_log_probs(g, x, odd, t); },
                     {"op token_log_probs", "[A, V, d] or [1, V, d]"});
  expect_shape_error([&] { ops::token_log_probs(g, x, w, keys); },
                     {"op token_log_probs", "targets i32 [A, N]"});
  expect_shape_error([&] { ops::token_log_probs(g, x, w, t, 0); }, {"op token_log_probs", "above 0"});
  expect_shape_error([&] { ops::sample_tokens(g, x, w, t, seeds, 1); },
                     {"op sample_tokens", "keys i32 [A, N, 4]"});
  expect_shape_error([&] { ops::sample_tokens(g, x, w, keys, seeds, -1); },
                     {"op sample_tokens", "0 or above"});
  const Tensor loss = ops::sum_to(g, ops::token_log_probs(g, x, w, t).log_prob, Shape{1});
  const Tensor slope = graph::differentiate(g, loss, {x})[0];
  expect_shape_error([&] { graph::differentiate(g, ops::sum_to(g, slope, Shape{1}), {x}); },
                     {"token_log_probs_gradient", "no gradient rule"});
}

// --- draws
// ---------------------------------------------------------------------------------------------------

struct Drawn {
  std::vector<std::int32_t> token;
  std::vector<float> log_prob, entropy;
  bool operator==(const Drawn&) const = default;
};
// Row i has the words keys[i].
Drawn draw(const Head& h, const std::vector<PhiloxBlock>& keys, std::uint64_t seed, int threads = 1) {
  Graph g;
  const Tensor x = g.input("x", DType::kF32, {h.A, h.N, h.d}), w = g.input("w", DType::kF32, {h.A, h.V, h.d}),
               k = g.input("k", DType::kI32, {h.A, h.N, 4}), s = g.input("s", DType::kI32, {h.A, 2});
  const ops::Sampled y = ops::sample_tokens(g, x, w, k, s, h.temperature);
  Plan plan(g, {y.token, y.log_prob, y.entropy}, {.agents = h.A});
  fill<float>(plan, x, h.hidden);
  fill<float>(plan, w, h.weight);
  for (std::size_t i = 0; i < keys.size(); ++i)
    for (std::size_t j = 0; j < 4; ++j)
      plan.data<std::int32_t>(k)[4 * i + j] = static_cast<std::int32_t>(keys[i][j]);
  for (std::int64_t a = 0; a < h.A; ++a) {
    plan.data<std::int32_t>(s)[2 * a] = static_cast<std::int32_t>(seed + static_cast<std::uint64_t>(a));
    plan.data<std::int32_t>(s)[2 * a + 1] = static_cast<std::int32_t>(seed >> 32);
  }
  ThreadTeam team(threads);
  plan.run(team);
  const std::int64_t n = h.A * h.N;
  return {{plan.data<std::int32_t>(y.token), plan.data<std::int32_t>(y.token) + n},
          {plan.data<float>(y.log_prob), plan.data<float>(y.log_prob) + n},
          {plan.data<float>(y.entropy), plan.data<float>(y.entropy) + n}};
}
std::vector<PhiloxBlock> numbered(std::int64_t n) {
  std::vector<PhiloxBlock> keys;
  for (std::int64_t i = 0; i < n; ++i) keys.push_back({static_cast<std::uint32_t>(i), 7, 0, 1});
  return keys;
}

TEST(SampleTokens, HaveTheLogProbabilitiesOfTokenLogProbsToTheBit) {
  for (const std::int64_t V : {3, 4, 21, 64, 1500})
    for (const double temperature : {1.0, 0.8}) {
      Head h(2, 70, 24, V);
      h.temperature = temperature;
      const Drawn drawn = draw(h, numbered(140), 9, 2);
      h.target = drawn.token;
      const auto given = h.run<float>();
      EXPECT_EQ(drawn.log_prob, given.log_prob) << V;
      EXPECT_EQ(drawn.entropy, given.entropy) << V;
      // Decoding: row by row.
      Head one = h.some({41});
      one.A = 1;
      one.weight.resize(static_cast<std::size_t>(V) * 24);
      const Drawn alone = draw(one, {numbered(140)[41]}, 9);
      EXPECT_EQ(alone.token[0], drawn.token[41]);
      EXPECT_EQ(alone.log_prob[0], drawn.log_prob[41]);
    }
}

TEST(SampleTokens, AreDrawnWithTheirProbabilities) {
  Head h(1, 20000, 3, 5);
  for (std::size_t i = 0; i < h.hidden.size(); ++i) h.hidden[i] = h.hidden[i % 3];
  h.temperature = 0.5;
  const std::vector<double> p = probabilities(h, 0);
  const Drawn drawn = draw(h, numbered(20000), 3);
  for (std::size_t j = 0; j < 5; ++j) {
    const double share =
        static_cast<double>(std::ranges::count(drawn.token, static_cast<std::int32_t>(j))) / 20000;
    EXPECT_NEAR(share, p[j], 4 * std::sqrt(p[j] * (1 - p[j]) / 20000)) << j;
  }
  // The uniform of a row is the house's generator's, so that what is drawn can be said in advance.
  const PhiloxBlock key = Random(3, RandomStream::kToken).block(0),
                    block = philox4x32({11, 7, 0, 1}, key[0], key[1]);
  const double u =
      (static_cast<double>(block[0] >> 5) * 67108864.0 + static_cast<double>(block[1] >> 6)) * 0x1p-53;
  double passed = 0;
  std::int32_t expected = 0;
  while (passed + p[static_cast<std::size_t>(expected)] <= u)
    passed += p[static_cast<std::size_t>(expected++)];
  EXPECT_EQ(drawn.token[11], expected);
}

TEST(SampleTokens, ADrawFollowsItsKeyAndSeedNotItsPlace) {
  const Head h(1, 90, 8, 40);
  const std::vector<PhiloxBlock> keys = numbered(90);
  const Drawn all = draw(h, keys, 5, 3);
  std::vector<std::size_t> turned(90);
  std::iota(turned.rbegin(), turned.rend(), 0u);
  const Drawn back = draw(h.some(turned), {keys.rbegin(), keys.rend()}, 5);
  for (std::size_t i = 0; i < 90; ++i) {
    EXPECT_EQ(back.token[89 - i], all.token[i]);
    EXPECT_EQ(back.log_prob[89 - i], all.log_prob[i]);
  }
  EXPECT_NE(draw(h, keys, 6).token, all.token);
  for (std::size_t word = 0; word < 4; ++word) {
    std::vector<PhiloxBlock> other = keys;
    for (PhiloxBlock& b : other) b[word] += 1000;
    EXPECT_NE(draw(h, other, 5).token, all.token) << "word " << word;
  }
}

TEST(SampleTokens, AtTemperatureZeroAreTheFirstOfTheLargest) {
  Head h(1, 3, 2, 6);
  h.temperature = 0;
  h.hidden = {1, 0, 0, 1, -1, 0};
  h.weight = {0.5, 0, 2, 1, 0.25, 3, 2, 0, 1, 3, -1, 0};
  const Drawn drawn = draw(h, numbered(3), 1);
  EXPECT_EQ(drawn.token, (std::vector<std::int32_t>{1, 2, 5}));
  h.temperature = 1;
  h.target = drawn.token;
  EXPECT_EQ(drawn.log_prob, h.run<float>().log_prob);
}

}  // namespace
}  // namespace hardy::test
