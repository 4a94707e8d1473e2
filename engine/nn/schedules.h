// Learning rates over steps, in closed form: at(step) depends on the step alone, so that a resumed run
// goes on where it stopped.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace hardy::nn {

class Schedule {
 public:
  Schedule() = default;  // 0
  static Schedule constant(double value) { return {Kind::kConstant, value, value, 1}; }
  // From `start` to `end` in equal steps over `steps`, then `end`.
  static Schedule linear(double start, double end, std::int64_t steps) {
    return {Kind::kLinear, start, end, steps};
  }
  // end + (start - end) (1 + cos(pi t / steps)) / 2 (Loshchilov, Hutter 2017, without restarts), then `end`.
  static Schedule cosine(double start, double end, std::int64_t steps) {
    return {Kind::kCosine, start, end, steps};
  }
  // The same schedule, its first `steps` steps scaled up from 0.
  Schedule warmed_up(std::int64_t steps) const {
    Schedule s = *this;
    s.warm_up_ = steps;
    return s;
  }

  constexpr double at(std::int64_t step) const {
    const double t = static_cast<double>(std::min(step, steps_)) / static_cast<double>(steps_);
    double value = start_;
    if (kind_ == Kind::kLinear) value = start_ + (end_ - start_) * t;
    if (kind_ == Kind::kCosine) value = end_ + (start_ - end_) * 0.5 * (1 + std::cos(std::numbers::pi * t));
    return step < warm_up_ ? value * static_cast<double>(step + 1) / static_cast<double>(warm_up_) : value;
  }

 private:
  enum class Kind { kConstant, kLinear, kCosine };
  Schedule(Kind kind, double start, double end, std::int64_t steps)
      : kind_(kind), start_(start), end_(end), steps_(std::max<std::int64_t>(steps, 1)) {}

  Kind kind_ = Kind::kConstant;
  double start_ = 0, end_ = 0;
  std::int64_t steps_ = 1, warm_up_ = 0;
};

}  // namespace hardy::nn
