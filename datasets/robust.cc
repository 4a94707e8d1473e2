#include "datasets/robust.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "datasets/pieces.h"

namespace hardy::datasets {
namespace {

constexpr std::int64_t kWhole = 65536, kStretches = 16, kStretch = 2048;
constexpr double kNormal = 1.4826;  // MAD of a normal distribution times this is its standard deviation

// What counts as a usual excursion; the header says why.
constexpr double kBulk = 3, kSmooth = 0.25, kEntry = 3, kReach = 0.995, kReachDeviations = 3;
constexpr std::size_t kShortestExcursion = 3, kFewEpisodes = 10;
constexpr double kMostEpisodes = 0.6;
// What counts as a usual step.
constexpr double kAlike = 2, kStill = 20, kStillShare = 3;
constexpr std::size_t kParts = 16;
constexpr std::size_t kLooked = 2048;  // rows whose values are counted

// Where the flags say that an episode ends; nothing where the file lacks them or they are of another shape.
void add_ends(Reader& reader, const char* key, std::int64_t rows, const SampledRows& sampled,
              std::vector<std::uint8_t>& ends) {
  const Column* c = reader.find(key);
  if (!c || c->type == ArrayType::kString || c->rows() != rows || c->row_elements() != 1) return;
  const std::vector<double> flags = sample(reader, *c, sampled)[0];
  for (std::size_t i = 0; i < flags.size(); ++i) ends[i] |= flags[i] != 0;
}

// Whether rows [begin, end), which lie outside the bulk, are where the dimension goes by itself. entered,
// left: there is a row before and after in the same episode. `steps` is scratch.
bool is_excursion(const std::vector<double>& x, double median, std::size_t begin, std::size_t end,
                  bool entered, bool left, std::vector<double>& steps) {
  if (end - begin < kShortestExcursion) return false;
  steps.clear();
  double away = std::abs(x[begin] - median);
  for (std::size_t i = begin + 1; i < end; ++i) {
    steps.push_back(std::abs(x[i] - x[i - 1]));
    away += std::abs(x[i] - median);
  }
  away /= static_cast<double>(end - begin);
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(steps.begin(), middle, steps.end());
  const double usual =
      kEntry * std::accumulate(steps.begin(), steps.end(), 0.0) / static_cast<double>(steps.size());
  return *middle <= kSmooth * away && usual > 0 &&
         ((entered && std::abs(x[begin] - x[begin - 1]) <= usual) ||
          (left && std::abs(x[end] - x[end - 1]) <= usual));
}

// |x - median| over the bulk and the excursions from it; the largest of each episode.
struct UsualDistances {
  std::vector<double> all, largest;
};
UsualDistances usual_distances(const std::vector<double>& x, const SampledRows& rows, double median,
                               double bulk) {
  UsualDistances usual;
  std::vector<double> steps;
  const auto far = [&](std::size_t i) { return std::abs(x[i] - median) > bulk; };
  std::size_t begun = 0;  // before this row all episodes have their place in `largest`
  for (std::size_t i = 0; i < x.size();) {
    for (; begun <= i; ++begun)
      if (rows.begins[begun]) usual.largest.push_back(0);
    if (!std::isfinite(x[i])) {
      ++i;
      continue;
    }
    std::size_t end = i + 1;
    if (far(i)) {
      while (end < x.size() && !rows.begins[end] && far(end)) ++end;  // NaN and infinities are not far
      const bool entered = !rows.begins[i] && std::isfinite(x[i - 1]);
      const bool left = end < x.size() && !rows.begins[end] && std::isfinite(x[end]);
      if (!is_excursion(x, median, i, end, entered, left, steps)) {
        i = end;
        continue;
      }
    }
    for (; i < end; ++i) {
      usual.all.push_back(std::abs(x[i] - median));
      usual.largest.back() = std::max(usual.largest.back(), usual.all.back());
    }
  }
  return usual;
}

}  // namespace

SampledRows sampled_rows(Reader& reader, std::int64_t rows) {
  SampledRows sampled;
  std::int64_t total = 0;
  if (rows <= kWhole) {
    sampled.stretches.push_back({0, rows});
    total = rows;
  } else {
    for (std::int64_t i = 0; i < kStretches; ++i)
      sampled.stretches.push_back({i * (rows - kStretch) / (kStretches - 1), kStretch});
    total = kStretches * kStretch;
  }
  std::vector<std::uint8_t> ends(static_cast<std::size_t>(total), 0);
  for (const char* key : {"terminals", "timeouts"}) add_ends(reader, key, rows, sampled, ends);
  sampled.begins.assign(ends.size(), 0);
  std::copy(ends.begin(), ends.end() - (ends.empty() ? 0 : 1),
            sampled.begins.begin() + (ends.empty() ? 0 : 1));
  std::size_t at = 0;
  for (const auto& s : sampled.stretches) {
    if (at < sampled.begins.size()) sampled.begins[at] = 1;
    at += static_cast<std::size_t>(s.rows);
  }
  return sampled;
}

std::vector<std::vector<double>> sample(Reader& reader, const Column& column, const SampledRows& rows) {
  const auto width = static_cast<std::size_t>(column.row_elements());
  std::vector<std::vector<double>> dimensions(width);
  for (const auto& stretch : rows.stretches)
    for (std::int64_t at = 0; at < stretch.rows; at += kPieceRows) {
      const std::vector<double> x =
          read_doubles(reader, column, stretch.first + at, std::min(kPieceRows, stretch.rows - at));
      for (std::size_t k = 0; k < width; ++k)
        for (std::size_t i = k; i < x.size(); i += width) dimensions[k].push_back(x[i]);
    }
  return dimensions;
}

double quantile(std::vector<double> values, double p) {
  std::erase_if(values, [](double v) { return !std::isfinite(v); });
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double at = p * static_cast<double>(values.size() - 1);
  const auto low = values.begin() + static_cast<std::ptrdiff_t>(at);
  std::nth_element(values.begin(), low, values.end());
  const double below = *low, share = at - std::floor(at);
  if (share == 0) return below;
  return below + share * (*std::min_element(low + 1, values.end()) - below);
}

double RobustScale::z(double x) const { return deviation > 0 ? std::abs(x - median) / deviation : 0; }

RobustScale robust_scale(const std::vector<double>& x, const SampledRows& rows, Excursions excursions) {
  RobustScale scale;
  const double median = quantile(x, 0.5);
  if (std::isnan(median)) return scale;
  scale.median = median;
  std::vector<double> away(x.size());
  std::ranges::transform(x, away.begin(), [&](double v) { return std::abs(v - median); });
  scale.deviation = kNormal * quantile(std::move(away), 0.5);
  UsualDistances usual = usual_distances(x, rows, median, kBulk * scale.deviation);
  double reach = quantile(std::move(usual.all), kReach);
  if (excursions == Excursions::kOfMostEpisodes && usual.largest.size() >= kFewEpisodes)
    reach = std::min(reach, quantile(std::move(usual.largest), kMostEpisodes));
  reach /= kReachDeviations;
  if (reach > scale.deviation) scale.deviation = reach;
  return scale;
}

double usual_step(const std::vector<double>& x, const SampledRows& rows) {
  std::vector<double> steps(x.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 1; i < x.size(); ++i)
    if (!rows.begins[i] && std::isfinite(x[i] - x[i - 1])) steps[i] = x[i] - x[i - 1];
  std::vector<double> sizes(steps.size());
  std::ranges::transform(steps, sizes.begin(), [](double s) { return std::abs(s); });
  const double median = quantile(sizes, 0.5);
  if (std::isnan(median)) return 0;

  const auto alike = [&](std::size_t i, std::size_t beside) {  // NaN is like nothing
    return steps[i] * steps[beside] > 0 && sizes[i] <= kAlike * sizes[beside] &&
           sizes[beside] <= kAlike * sizes[i];
  };
  std::vector<double> motion;
  for (std::size_t i = 1; i < steps.size(); ++i)
    if (sizes[i] <= median || (i + 1 < steps.size() && alike(i, i - 1) && alike(i, i + 1)))
      motion.push_back(sizes[i]);
  const double most = quantile(std::move(motion), kReach);
  if (most > kStill * median) return most / kStillShare;

  std::vector<double> parts;
  for (std::size_t k = 0; k < kParts; ++k)
    parts.push_back(quantile({sizes.begin() + static_cast<std::ptrdiff_t>(k * sizes.size() / kParts),
                              sizes.begin() + static_cast<std::ptrdiff_t>((k + 1) * sizes.size() / kParts)},
                             0.5));
  return quantile(std::move(parts), 0.25);
}

// Whether among some thousand rows, spread over the sample, a dimension repeats itself.
static bool has_few_values(const std::vector<double>& x) {
  std::vector<double> some;
  const std::size_t stride = std::max<std::size_t>(1, x.size() / kLooked);
  for (std::size_t i = 0; i < x.size(); i += stride) some.push_back(x[i]);
  std::erase_if(some, [](double v) { return std::isnan(v); });
  std::ranges::sort(some);
  const std::size_t all = some.size();
  some.erase(std::unique(some.begin(), some.end()), some.end());
  return 8 * some.size() < all;
}

Usual usual_of(Reader& reader, const Column& column, const SampledRows& rows, Excursions excursions) {
  Usual usual;
  for (const auto& x : sample(reader, column, rows)) {
    usual.scales.push_back(robust_scale(x, rows, excursions));
    usual.steps.push_back(usual_step(x, rows));
    usual.few_values = usual.few_values && has_few_values(x);
  }
  return usual;
}

}  // namespace hardy::datasets
