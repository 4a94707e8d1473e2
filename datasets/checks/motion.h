// Whether something moves from a row to the next, or stands still.
#pragma once

#include <cmath>
#include <vector>

namespace hardy::datasets {

class Motion {
 public:
  // Usual steps, by dimension (datasets/robust.h).
  explicit Motion(std::vector<double> usual) : least_(std::move(usual)) {
    for (double& step : least_) step *= kMoves;
  }
  // Whether a dimension gets from the row before to this one by more than a quarter of a usual step. The
  // first row, which has none before it (null), moves.
  bool moves(const double* before, const double* now) const {
    if (!before) return true;
    for (std::size_t k = 0; k < least_.size(); ++k)
      if (least_[k] > 0 && std::abs(now[k] - before[k]) > least_[k]) return true;
    return false;
  }

 private:
  static constexpr double kMoves = 0.25;
  std::vector<double> least_;
};

}  // namespace hardy::datasets
