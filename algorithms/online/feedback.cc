#include "algorithms/online/feedback.h"

#include <algorithm>

#include "datasets/corruption/corrupt_plan.h"

namespace hardy::algorithms {
namespace {

using datasets::Element;

std::vector<double> deviations(const std::vector<float>& column, std::size_t width) {
  const std::vector<double> rows(column.begin(), column.end());
  datasets::StandardDeviation deviation(width, false);
  deviation.first(rows);
  deviation.second(rows);
  return deviation.result();
}

constexpr std::uint64_t kDrawsOfElement = 1 << 16;  // more than any row is wide

}  // namespace

FeedbackCorruption::FeedbackCorruption(const FeedbackSettings& settings, const datasets::Transitions& data)
    : rate_(settings.rate), scale_(settings.scale) {
  const auto obs = static_cast<std::size_t>(data.observation_size),
             act = static_cast<std::size_t>(data.action_size);
  for (const Element e : datasets::all_elements()) {
    if (std::ranges::find(settings.elements, e) == settings.elements.end()) continue;
    attacks_.push_back({e, e == Element::kRewards        ? std::vector<double>()
                           : e == Element::kActions      ? deviations(data.actions, act)
                           : e == Element::kObservations ? deviations(data.observations, obs)
                                                         : deviations(data.next_observations, obs)});
  }
}

bool FeedbackCorruption::corrupt(const Random& draws, std::uint64_t first, const Step& step) const {
  bool any = false;
  for (const Attack& attack : attacks_) {
    std::uint64_t draw = first + static_cast<std::uint64_t>(attack.element) * kDrawsOfElement;
    if (draws.uniform64(draw++) >= rate_) continue;
    any = true;
    const auto noise = [&] { return scale_ * (2 * draws.uniform64(draw++) - 1); };
    if (attack.element == Element::kRewards) {
      *step.reward = static_cast<float>(30 * noise());
      continue;
    }
    const std::span<float> x = attack.element == Element::kActions        ? step.action
                               : attack.element == Element::kObservations ? step.observation
                                                                          : step.next_observation;
    for (std::size_t k = 0; k < x.size(); ++k)
      x[k] = static_cast<float>(static_cast<double>(x[k]) + noise() * attack.std[k]);
  }
  return any;
}

}  // namespace hardy::algorithms
