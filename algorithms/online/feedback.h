// What an interaction stores, attacked before it is stored: the noise of `hardy data corrupt --mode random`
// (RIQL's released attack code) on each step by itself. The environment goes on from where it really is.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "datasets/corruption/corrupt.h"
#include "datasets/transitions.h"
#include "engine/base/random.h"

namespace hardy::algorithms {

struct FeedbackSettings {
  std::vector<datasets::Element> elements;  // none: nothing is attacked
  double rate = 0.3, scale = 1;
};

class FeedbackCorruption {
 public:
  // data: whose standard deviations the noise is measured by, in the units of what will be stored.
  FeedbackCorruption(const FeedbackSettings& settings, const datasets::Transitions& data);

  struct Step {
    std::span<float> observation, action;
    float* reward;
    std::span<float> next_observation;
  };
  // Each element with probability rate: x + U(-scale, scale) std, a reward 30 U(-scale, scale). draws: the
  // step's, whose numbers from `first` on are this function's. Returns whether anything was attacked.
  bool corrupt(const Random& draws, std::uint64_t first, const Step& step) const;

 private:
  struct Attack {
    datasets::Element element;
    std::vector<double> std;  // a number a dimension; none of rewards
  };
  std::vector<Attack> attacks_;
  double rate_, scale_;
};

}  // namespace hardy::algorithms
