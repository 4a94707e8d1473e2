#include "datasets/corruption/judgement.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "engine/base/json.h"

namespace hardy::datasets {
namespace {

// By ranks (Mann, Whitney 1947), equal scores sharing the mean of theirs.
double area_under_curve(const std::vector<float>& scores, const RowSet& recorded) {
  std::vector<std::int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto score = [&](std::int64_t row) { return scores[static_cast<std::size_t>(row)]; };
  std::ranges::stable_sort(order, {}, score);
  double ranks = 0, hits = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    double among = 0;
    for (; end < order.size() && score(order[end]) == score(order[begin]); ++end)
      among += recorded.has(order[end]);
    ranks += among * (static_cast<double>(begin + end + 1) / 2);
    hits += among;
    begin = end;
  }
  const double others = static_cast<double>(scores.size()) - hits;
  return (ranks - hits * (hits + 1) / 2) / (hits * others);
}

}  // namespace

nlohmann::json measured(const Judgement& j, const RowSet* recorded) {
  struct Tenth {
    std::int64_t rows = 0, recorded = 0;
    double sum = 0;
  };
  std::array<Tenth, 10> tenths{};
  double hits = 0;
  for (std::size_t i = 0; i < j.wrong.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    Tenth& t = tenths[std::min<std::size_t>(9, static_cast<std::size_t>(j.wrong[i] * 10))];
    ++t.rows;
    t.sum += static_cast<double>(j.wrong[i]);
    if (recorded) t.recorded += recorded->has(row);
    if (j.replaced.has(row)) hits += static_cast<double>(j.wrong[i]);
  }
  nlohmann::json calibration = nlohmann::json::array();
  double expected = 0;
  std::int64_t wrong = 0;
  for (const Tenth& t : tenths) {
    expected += t.sum;
    wrong += t.recorded;
    nlohmann::json line{{"rows", t.rows}};
    if (t.rows) line["expected"] = t.sum / static_cast<double>(t.rows);
    if (t.rows && recorded) line["recorded"] = static_cast<double>(t.recorded) / static_cast<double>(t.rows);
    calibration.push_back(line);
  }
  nlohmann::json m{{"expected_wrong", expected},
                   {"replaced", j.replaced.count()},
                   {"expected_hits", hits},
                   {"doubtful", j.doubtful.count()},
                   {"calibration", calibration}};
  if (wrong > 0 && wrong < static_cast<std::int64_t>(j.wrong.size()))
    m["auc"] = area_under_curve(j.wrong, *recorded);
  return m;
}

}  // namespace hardy::datasets
