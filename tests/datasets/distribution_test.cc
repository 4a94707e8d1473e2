// Statistics that see each number once, against sums and counts over all of them.
#include "datasets/distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/base/json.h"
#include "engine/base/random.h"

namespace hardy::datasets {
namespace {

std::vector<double> values(std::size_t n, double scale, double offset) {
  const Random random(9, RandomStream::kUser);
  std::vector<double> x;
  for (std::size_t i = 0; i < n; ++i) x.push_back(static_cast<float>(offset + scale * random.normal(i)));
  return x;
}

// Mean, deviation and extremes by their definitions; each bin's count by looking at every value.
void expect_right(const nlohmann::json& r, const std::vector<double>& x) {
  double mean = 0, square = 0, low = x[0], high = x[0];
  for (const double v : x) {
    mean += v / static_cast<double>(x.size());
    low = std::min(low, v);
    high = std::max(high, v);
  }
  for (const double v : x) square += (v - mean) * (v - mean) / static_cast<double>(x.size());
  EXPECT_NEAR(r.at("mean").get<double>(), mean, 1e-12 * std::max(std::abs(low), std::abs(high)));
  EXPECT_NEAR(r.at("std").get<double>(), std::sqrt(square), 1e-9 * std::sqrt(square));
  EXPECT_EQ(r.at("min"), low);
  EXPECT_EQ(r.at("max"), high);
  const auto edges = r.at("histogram").at("edges").get<std::vector<double>>();
  const auto counts = r.at("histogram").at("counts").get<std::vector<std::int64_t>>();
  ASSERT_EQ(edges.size(), counts.size() + 1);
  ASSERT_LE(counts.size(), 24u);
  EXPECT_GE(counts.size(), 20u);
  EXPECT_LE(edges.front(), low);
  EXPECT_GT(edges.back(), high);
  for (std::size_t b = 0; b < counts.size(); ++b) {
    EXPECT_EQ(counts[b],
              std::ranges::count_if(x, [&](double v) { return v >= edges[b] && v < edges[b + 1]; }))
        << b;
    EXPECT_DOUBLE_EQ(edges[b + 1] - edges[b], edges[1] - edges[0]);
  }
}

TEST(Distribution, IsWhatAllTheValuesSayHoweverTheyAreCutIntoPieces) {
  for (const auto& [scale, offset] : {std::pair{1.0, 0.0}, {1e-3, 7.0}, {1e9, -5e8}, {30.0, -1e4}}) {
    std::vector<double> x = values(20000, scale, offset);
    x[19990] = offset + 400 * scale;  // the range grows when most has been counted
    for (const std::size_t piece : {20000u, 1000u, 37u}) {
      Distribution d;
      for (std::size_t at = 0; at < x.size(); at += piece)
        d.add(std::span(x).subspan(at, std::min(piece, x.size() - at)));
      expect_right(d.result(), x);
    }
  }
}

TEST(Distribution, LeavesOutWhatIsNotFiniteAndCountsIt) {
  std::vector<double> x = values(5000, 1, 0);
  Distribution clean, with;
  clean.add(x);
  x.insert(x.begin() + 3000, {NAN, INFINITY});
  x.insert(x.begin() + 10, -INFINITY);
  with.add(x);
  nlohmann::json r = with.result();
  EXPECT_EQ(r.at("not_finite"), 3);
  EXPECT_EQ(r.at("histogram"), clean.result().at("histogram"));
  EXPECT_NEAR(r.at("std").get<double>(), clean.result().at("std").get<double>(), 1e-12);
  Distribution nothing;
  nothing.add(std::vector<double>{NAN});
  EXPECT_EQ(nothing.result(), (nlohmann::json{{"not_finite", 1}}));
}

TEST(Distribution, OfOneValueStandsInOneBinAndWidelyDifferentMagnitudesAreCounted) {
  Distribution same;
  same.add(std::vector<double>(100, 2.5));
  EXPECT_EQ(same.result().at("histogram").at("counts"), nlohmann::json{100});
  EXPECT_EQ(same.result().at("std"), 0.0);
  std::vector<double> x{1e-30, 2e-30, 1e30, -1e30, 0, 5};
  for (int i = 0; i < 100; ++i) x.push_back(i);
  Distribution d;
  for (const double v : x) d.add(std::span(&v, 1));
  expect_right(d.result(), x);
}

TEST(Distribution, OfColumnsIsThatOfEachDimension) {
  const std::vector<double> x = values(9000, 2, 1);
  Distributions columns(3);
  columns.add(std::span(x).first(6000));
  columns.add(std::span(x).subspan(6000));
  for (std::size_t k = 0; k < 3; ++k) {
    std::vector<double> one;
    for (std::size_t i = k; i < x.size(); i += 3) one.push_back(x[i]);
    expect_right(columns.result()[k], one);
  }
}

}  // namespace
}  // namespace hardy::datasets
