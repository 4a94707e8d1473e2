#include "datasets/corruption/corrupt_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>

#include "engine/base/error.h"

namespace hardy::datasets {

std::int64_t RowSet::count() const {
  std::int64_t n = 0;
  for (const std::uint64_t word : bits_) n += std::popcount(word);
  return n;
}

CorruptionDraws::CorruptionDraws(const CorruptionSettings& s)
    : settings_(s),
      state_(static_cast<std::uint32_t>(s.seed)),
      masks_(s.seed, RandomStream::kCorruptMask),
      noise_(s.seed, RandomStream::kCorruptNoise) {}

double CorruptionDraws::mask(std::uint64_t unit) {
  return settings_.generator == "numpy" ? state_.random_sample() : masks_.uniform64(unit);
}

RowSet CorruptionDraws::choose(Element element, std::int64_t rows, const std::vector<EpisodeRows>& episodes) {
  if (settings_.shared_rows && chosen_) return shared_;
  masks_ = Random(settings_.seed, RandomStream::kCorruptMask,
                  settings_.shared_rows ? 0 : static_cast<std::uint64_t>(element));
  RowSet set(rows);
  const auto add = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) set.add(row);
  };
  std::uint64_t unit = 0;
  switch (settings_.pattern) {
    case Pattern::kRows:
      for (std::int64_t row = 0; row < rows; ++row)
        if (mask(unit++) < settings_.rate) set.add(row);
      break;
    case Pattern::kBlocks:
      if (settings_.block == 0) {
        const auto window =
            static_cast<std::int64_t>(std::llround(settings_.rate * static_cast<double>(rows)));
        const auto begin = static_cast<std::int64_t>(mask(unit) * static_cast<double>(rows - window + 1));
        add(begin, begin + window);
      }
      for (std::int64_t row = 0; settings_.block > 0 && row < rows; row += settings_.block)
        if (mask(unit++) < settings_.rate) add(row, std::min(rows, row + settings_.block));
      break;
    case Pattern::kEpisodes:
      for (const EpisodeRows& e : episodes)
        if (mask(unit++) < settings_.rate) add(e.begin, e.end);
      break;
  }
  chosen_ = true;
  if (settings_.shared_rows) shared_ = set;
  return set;
}

std::function<double()> CorruptionDraws::noise(Element element, std::int64_t count) {
  const double scale = settings_.scale;
  if (settings_.generator == "numpy") {
    auto own = std::make_shared<NumpyRandomState>(state_);
    for (std::int64_t i = 0; i < count; ++i) state_.random_sample();
    return [own, scale] { return own->uniform(-scale, scale); };
  }
  const Random random(settings_.seed, RandomStream::kCorruptNoise, static_cast<std::uint64_t>(element));
  return
      [random, scale, k = std::uint64_t{0}]() mutable { return -scale + 2 * scale * random.uniform64(k++); };
}

void StandardDeviation::first(std::span<const double> rows) {
  const std::size_t d = mean_.size();
  const std::size_t whole = rows.size() / d;
  n_ += static_cast<double>(whole);
  for (std::size_t i = 0; i < rows.size(); i += d)
    for (std::size_t k = 0; k < d; ++k) {
      mean_[k] += rows[i + k];
      if (single_) mean_[k] = static_cast<float>(mean_[k]);
    }
}

void StandardDeviation::finish_mean() {
  have_mean_ = true;
  for (double& m : mean_) {
    m /= n_;
    if (single_) m = static_cast<float>(m);
  }
}

void StandardDeviation::second(std::span<const double> rows) {
  if (!have_mean_) finish_mean();
  const std::size_t d = mean_.size();
  for (std::size_t i = 0; i < rows.size(); i += d)
    for (std::size_t k = 0; k < d; ++k) {
      if (single_) {
        const float x = static_cast<float>(rows[i + k]) - static_cast<float>(mean_[k]);
        square_[k] = static_cast<float>(square_[k]) + x * x;
      } else {
        square_[k] += (rows[i + k] - mean_[k]) * (rows[i + k] - mean_[k]);
      }
    }
}

std::vector<double> StandardDeviation::result() const {
  std::vector<double> std;
  for (const double s : square_)
    std.push_back(single_ ? static_cast<double>(std::sqrt(static_cast<float>(s / n_))) : std::sqrt(s / n_));
  return std;
}

}  // namespace hardy::datasets
