#include "algorithms/cleaning/forward_models.h"

#include <functional>

#include "engine/base/error.h"

namespace hardy::algorithms {
namespace {

constexpr float kNudge = 0.25f;  // deviations of an action over which a slope is taken

}  // namespace

void require_transitions(const Chains& chains, const std::string& path, const std::string& fix) {
  std::int64_t transitions = 0;
  for (std::int64_t row = 0; row < chains.rows; ++row) transitions += chains.is_transition(row);
  if (transitions < kLeastTransitions)
    throw Error("has " + std::to_string(transitions) + " transitions", path,
                "models need " + std::to_string(kLeastTransitions) + " at least: " + fix);
}

ForwardModels::ForwardModels(const Chains& chains, const Beliefs& beliefs, const RegressionSettings& settings,
                             std::uint64_t seed)
    : c_(chains),
      beliefs_(beliefs),
      models_(static_cast<std::int64_t>(chains.d + chains.a), static_cast<std::int64_t>(chains.d),
              chains.rows, settings, seed) {}

void ForwardModels::put(std::int64_t at, std::int64_t row, int from, int to) {
  const std::span<const float> x = c_.copy_from(row, from), y = c_.copy_to(row, to);
  const std::span<float> input = models_.input(at), target = models_.target(at);
  hold(x, input.data());
  hold(c_.action_of(row), input.data() + c_.d);
  for (std::size_t k = 0; k < c_.d; ++k) target[k] = std::clamp((y[k] - x[k]) / c_.steps[k], -50.0f, 50.0f);
}

std::int64_t ForwardModels::take_first_rows(std::int64_t least) {
  const auto take = [&](bool agreeing) {
    std::int64_t n = 0;
    for (std::int64_t row = 0; row < c_.rows; ++row) {
      const std::int64_t state = beliefs_.state_of(row);
      if (!c_.is_transition(row) ||
          (agreeing && (beliefs_.copies_differ(state) || beliefs_.copies_differ(state + 1))))
        continue;
      put(n++, row, kObservation, c_.has_next ? kNext : kObservation);
    }
    return n;
  };
  const std::int64_t n = take(true);
  return n >= std::max(least, c_.rows / 10) ? n : take(false);
}

std::int64_t ForwardModels::take_whole_rows(std::int64_t least) {
  const std::vector<std::array<float, 4>>& whole = beliefs_.marks().whole;
  std::vector<float> surest;
  for (const std::array<float, 4>& pairs : whole) surest.push_back(*std::ranges::max_element(pairs));
  std::vector<float> sorted = surest;
  const auto last = sorted.begin() + static_cast<std::ptrdiff_t>(std::min(least, c_.rows - 1));
  std::ranges::nth_element(sorted, last, std::greater<>());
  const float limit = std::min(0.5f, *last);
  std::int64_t n = 0;
  for (std::int64_t row = 0; row < c_.rows; ++row) {
    const auto at = static_cast<std::size_t>(row);
    if (!c_.is_transition(row) || surest[at] < limit) continue;
    const auto pair = static_cast<int>(std::ranges::max_element(whole[at]) - whole[at].begin());
    const bool nothing_known = surest[at] == 0;  // where the file is nearly all wrong
    put(n++, row, pair / 2, nothing_known && c_.has_next ? kNext : pair % 2);
  }
  return n;
}

void ForwardModels::evaluate(const std::vector<float>& x, std::span<float> step, std::span<float> slope,
                             ThreadTeam& team, const StopToken& stop) {
  const std::size_t width = c_.d + c_.a, n = x.size() / width;
  models_.predict(x, step, {}, team, stop);
  if (slope.empty()) return;
  std::vector<float> y(n * c_.d), nudged;
  for (std::size_t k = 0; k < c_.a; ++k) {
    nudged = x;
    for (std::size_t i = 0; i < n; ++i) nudged[i * width + c_.d + k] += kNudge;
    models_.predict(nudged, y, {}, team, stop);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < c_.d; ++j)
        slope[(i * c_.a + k) * c_.d + j] = (y[i * c_.d + j] - step[i * c_.d + j]) / kNudge;
  }
}

void ForwardModels::forecast(Forecasts& f, ThreadTeam& team, const StopToken& stop) {
  f.step.resize(static_cast<std::size_t>(c_.rows) * 2 * c_.d);
  f.slope.resize(f.step.size() * c_.a);
  std::vector<std::size_t> places;  // row * 2 + copy
  for (std::int64_t row = 0; row < c_.rows; ++row) {
    if (!c_.is_transition(row)) continue;
    places.push_back(static_cast<std::size_t>(row) * 2);
    if (beliefs_.copies_differ(beliefs_.state_of(row))) places.push_back(places.back() + 1);
  }
  in_chunks(places.size(), [&](std::size_t begin, std::size_t n) {
    std::vector<float> x(n * (c_.d + c_.a)), step(n * c_.d), slope(n * c_.d * c_.a);
    for (std::size_t i = 0; i < n; ++i) {
      const auto row = static_cast<std::int64_t>(places[begin + i] / 2);
      float* to = x.data() + i * (c_.d + c_.a);
      hold(c_.copy_from(row, places[begin + i] % 2 ? kNext : kObservation), to);
      hold(c_.action_of(row), to + c_.d);
    }
    evaluate(x, step, slope, team, stop);
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t place = places[begin + i];
      std::copy_n(step.data() + i * c_.d, c_.d, f.step.data() + place * c_.d);
      std::copy_n(slope.data() + i * c_.d * c_.a, c_.d * c_.a, f.slope.data() + place * c_.d * c_.a);
    }
  });
}

}  // namespace hardy::algorithms
