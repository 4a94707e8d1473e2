// Statistics that a few wild values do not move: medians, median absolute deviations, quantiles. Of columns
// with up to 65,536 rows from all of them, of longer ones from 64 stretches of 1,024 rows spread evenly over
// the file.
#pragma once

#include <vector>

#include "datasets/store.h"

namespace hardy::datasets {

// The sample, dimension by dimension, sorted; values that are not finite are left out.
std::vector<std::vector<double>> sorted_sample(Reader& reader, const Column& column);

// Of a sorted list; linear between order statistics; NaN of an empty one.
double quantile(const std::vector<double>& sorted, double p);

struct RobustScale {
  double median = 0, mad = 0;
  // |x - median| / (1.4826 MAD): how many standard deviations away, were the bulk normal. 0 where MAD is 0.
  double z(double x) const;
};
RobustScale robust_scale(const std::vector<double>& sorted);

}  // namespace hardy::datasets
