// Pointwise ops in one launch, link by link, against the launches of their own and the CPU; and the columns
// of a batch in one launch.
#include "algorithms/offline/formulas.h"
#include "engine/ops/concat.h"
#include "engine/ops/formulas.h"
#include "engine/ops/gather.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reshape.h"
#include "engine/ops/softmax.h"
#include "formula.h"
#include "tests/cuda/device/training.h"
#include "tests/engine/graph/some_graph.h"

namespace hardy::test {
namespace {

constexpr std::int64_t kSizes[] = {1, 31, 33, 255, 257};

std::size_t launches(const Case& c, bool fuse = true) {
  return Plan(c.g, c.outputs, {.fuse = fuse, .in_place = fuse, .device = &device()}).steps();
}
// The same bits as one by one, on a device whose compiler contracts nothing; near the CPU's, from PTX too.
void compare_chain(const Case& c, const std::string& what, double tolerance = 1e-6) {
  compare(c, tolerance, what);
  EXPECT_LT(launches(c), launches(c, false)) << what << ": nothing was joined";
  if (!is_emulated()) return;
  const auto joined = run_on_device(c), one_by_one = run_on_device(c, false);
  for (std::size_t i = 0; i < joined.size(); ++i)
    EXPECT_EQ(joined[i], one_by_one[i]) << what << " output " << i;
}

TEST(DeviceChains, LinksHaveTheBitsOfLaunchesAndWhatIsReadElsewhereIsWritten) {
  for (const std::int64_t n : kSizes) {
    Case c;
    const Tensor a = c.normal(DType::kF32, {2, 3, n}), row = c.normal(DType::kF32, {2, 1, n}, 1, 2),
                 column = c.normal(DType::kF32, {2, 3, 1}), number = c.normal(DType::kF32, {1});
    Graph& g = c.g;
    const Tensor first = ops::add(g, ops::multiply(g, a, row), number),
                 second = ops::tanh(g, ops::subtract(g, ops::stretch(g, column, {2, 3, n}), first)),
                 flat = ops::exp(g, ops::reshape(g, second, {6, n})),
                 last =
                     ops::map(g, algorithms::Huber{}, ops::reshape(g, flat, {2, 3, n}), ops::square(g, row));
    c.outputs = {second, last, ops::sum(g, ops::divide(g, first, row), 1)};
    compare_chain(c, "size " + std::to_string(n));
    // The row's square, the column stretched (one number a row is not), what comes before that, after it, the
    // sum.
    EXPECT_EQ(launches(c), n == 1 ? 4u : 5u);
  }
}

// Every functor that chains know, between two others; the derivatives by way of the gradient.
template <int N, class F>
void between(const F& formula) {
  for (const std::int64_t n : kSizes) {
    Case c;
    std::array<Tensor, N> x;
    for (Tensor& t : x) t = ops::affine(c.g, c.normal(DType::kF32, {2, n}, 0.2, 0.5), 0.9, 0.01);
    const Tensor y = std::apply([&](auto... operand) { return ops::map(c.g, formula, operand...); }, x);
    c.value_and_gradients(ops::multiply(c.g, y, x[0]));
    compare_chain(c, std::string(F::kName) + " of " + std::to_string(n));
  }
}
TEST(DeviceChains, FormulasAndTheirDerivativesAreLinks) {
  between<2>(ops::Divide{});
  between<2>(ops::Minimum{});
  between<1>(ops::Softplus{});
  between<1>(ops::Clamp{0.3, 0.6});
  between<1>(ops::Gelu{});
  between<1>(algorithms::Expectile{0.7});
  between<3>(algorithms::BootstrapTarget{0.99});
  between<3>(algorithms::HuberWithin{});
  between<1>(algorithms::AdvantageWeight{3.0, 4.0});
  between<1>(algorithms::Uncertainty{0.5, 0.2, 0.9});
  between<2>(algorithms::FollowQuantile{0.9, 0.02});
}

TEST(DeviceChains, ALongRowOfOpsIsCutWhereALaunchIsFull) {
  Case c;
  Tensor y = c.normal(DType::kF32, {2, 257});
  for (int i = 0; i < 40; ++i) y = ops::tanh(c.g, y);
  c.outputs = {y};
  EXPECT_EQ(launches(c), 4u);
  compare_chain(c, "40 tanhs", 1e-5);
}

TEST(DeviceChains, WhatAChainDoesNotKnowIsALaunchOfItsOwn) {
  Case own, wide;
  const Tensor x = own.normal(DType::kF32, {2, 33});
  own.outputs = {ops::square(own.g, ops::map(own.g, LogCosh{}, ops::tanh(own.g, ops::square(own.g, x))))};
  if (is_emulated()) {  // where the sample of docs/gpu.md, whose functor it is, is loaded
    EXPECT_EQ(launches(own), 3u);
    compare(own, 1e-6, "a functor of one's own between two links", false);
  }
  const Tensor z = wide.normal(DType::kF64, {2, 33});
  wide.outputs = {ops::square(wide.g, ops::tanh(wide.g, z))};
  EXPECT_EQ(launches(wide), 2u);
}

// Outputs of some size: of gradients that cancel out only rounding is left.
TEST(DeviceChains, GraphsOfEveryKindOfOpAreNearTheCpus) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    SomeGraph s(seed, 2, 5, 6);
    Case c{.g = s.g, .operands = {}, .outputs = s.outputs, .values = {}};
    for (Tensor t : s.sources) {
      std::vector<float> x(static_cast<std::size_t>(s.g.shape(t).elements()));
      const Random random(c.operands.size(), RandomStream::kUser);
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = 2 * random.uniform(i) - 1;
      const auto* bytes = reinterpret_cast<const std::byte*>(x.data());
      c.operands.push_back(t);
      c.values.emplace_back(bytes, bytes + x.size() * sizeof x[0]);
    }
    const auto results = run_on_cpu(c);
    for (std::size_t i = results.size(); i-- > 0;) {
      std::vector<float> x(results[i].size() / sizeof(float));
      std::memcpy(x.data(), results[i].data(), results[i].size());
      if (std::ranges::none_of(x, [](float y) { return std::abs(y) > 1e-3f; }))
        c.outputs.erase(c.outputs.begin() + static_cast<std::ptrdiff_t>(i));
    }
    ASSERT_GT(c.outputs.size(), 3u);
    compare(c, 2e-4, "graph " + std::to_string(seed));
  }
}

// --- the columns of a batch
// ---------------------------------------------------------------------------------

TEST(DeviceColumns, RowsOfAllTablesAndWhatIsJoinedOfThemAreOneLaunch) {
  for (const bool shared : {true, false})
    for (const std::int64_t n : kSizes) {
      Case c;
      Graph& g = c.g;
      const auto table = [&](std::int64_t width) {
        return c.normal(DType::kF32, shared ? Shape{70, width} : Shape{3, 70, width});
      };
      const Tensor index = c.integers({3, n}, 70), wide = table(33), narrow = table(1), other = table(7);
      const Tensor numbers = c.integers(shared ? Shape{70, 2} : Shape{3, 70, 2}, 1000);
      const Tensor a = ops::gather_rows(g, wide, index), b = ops::gather_rows(g, narrow, index),
                   d = ops::gather_rows(g, other, index);
      c.outputs = {a, ops::gather_rows(g, numbers, index), ops::concat(g, d, a),
                   ops::concat(g, {a, b, d}, -1), b};
      EXPECT_EQ(launches(c), 1u);
      compare(c, 0, (shared ? "shared, " : "own, ") + std::to_string(n));
    }
}

TEST(DeviceColumns, OtherDrawsAndTablesThatAreComputedStayApart) {
  Case c;
  Graph& g = c.g;
  const Tensor x = c.normal(DType::kF32, {40, 3}), y = c.normal(DType::kF32, {40, 5});
  const Tensor index = c.integers({2, 33}, 40), another = c.integers({2, 33}, 40);
  const Tensor made = ops::softmax(g, y);
  c.outputs = {ops::gather_rows(g, x, index), ops::gather_rows(g, y, another),
               ops::gather_rows(g, made, index)};
  EXPECT_EQ(launches(c), 4u);
  compare(c, 1e-6, "three draws");
}

TEST(DeviceColumns, MoreTablesThanALaunchTakesAreTwoLaunches) {
  Case c;
  const Tensor index = c.integers({2, 31}, 40);
  for (int i = 0; i < 18; ++i)
    c.outputs.push_back(ops::gather_rows(c.g, c.normal(DType::kF32, {40, 1 + i % 3}), index));
  EXPECT_EQ(launches(c), 2u);
  compare(c, 0, "18 tables");
}

}  // namespace
}  // namespace hardy::test
