// Statistics that a few wild values do not move, and that rows which stand still do not shrink. Of columns
// with up to 65,536 rows from all of them, of longer ones from 16 stretches of 2,048 rows spread evenly over
// the file.
//
// The median absolute deviation answers "how far is usual" as long as most rows show what is usual. A robot
// that lies on the floor for most of its episodes shows next to nothing there: the MAD is a thousandth of
// what its joints do while they move, and every moving row is an outlier of z = 1000. A wider quantile in its
// place would be moved by corruption of that many rows. What tells the two apart is time: a state gets far
// from the bulk by moving there, a corrupted value is there at once. So a stretch of rows far from the bulk
// (beyond 3 deviations) counts as usual where it moves on smoothly (the middle one of its steps is at most a
// quarter of how far away it is) and a step of at most three times their mean leads there or away. Of the
// bulk and these stretches together the 99.5th percentile of |x - median| is taken, and a third of it is the
// scale's floor: on normal data, where that percentile is 2.8 deviations, the floor lies below the deviation
// and changes nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/store.h"

namespace hardy::datasets {

// Which rows are looked at: stretches of consecutive rows, in order, cut where episodes end.
struct SampledRows {
  struct Stretch {
    std::int64_t first = 0, rows = 0;
  };
  std::vector<Stretch> stretches;
  std::vector<std::uint8_t> begins;  // for each sampled row: the row before it is not the sample's, or
                                     // another episode's
};
// From a file's flags, where it has usable ones. `rows`: of the columns that will be sampled.
SampledRows sampled_rows(Reader& reader, std::int64_t rows);

// The sampled rows of a column, dimension by dimension, in the file's order; what is not finite as it stands.
std::vector<std::vector<double>> sample(Reader& reader, const Column& column, const SampledRows& rows);

// Of the finite values of a list in any order; linear between order statistics; NaN where there are none.
double quantile(std::vector<double> values, double p);

struct RobustScale {
  double median = 0, deviation = 0;  // 1.4826 MAD, or the floor above
  // |x - median| / deviation: how many standard deviations away, were the bulk normal. 0 where deviation is
  // 0.
  double z(double x) const;
};
// Whose excursions widen the scale. Rewards of a whole episode that are 20 times too large still begin or end
// near the bulk where a robot falls, as an excursion does; so of rewards only what 6 of 10 episodes show is
// usual, where the sample has ten or more. States may go far in a few episodes.
enum class Excursions { kOfAnyEpisode, kOfMostEpisodes };
// x: a dimension of a sample.
RobustScale robust_scale(const std::vector<double>& x, const SampledRows& rows,
                         Excursions excursions = Excursions::kOfAnyEpisode);

// How far a dimension usually moves from a row to the next: the median of |step|, in the calmer parts of the
// file (the lower quartile over 16 parts of the sample). Where most rows stand still, that is next to
// nothing: there it is a third of the 99.5th percentile of the steps below the median and of those that
// continue a motion (the steps before and after go the same way, at most twice as far and at least half as
// far; corrupted rows go there and back). They stand still where that percentile is more than 20 medians; it
// is 2 to 11 where a robot moves. 0 where nothing moves.
double usual_step(const std::vector<double>& x, const SampledRows& rows);

// Both, for each dimension of a column, which is read once. Of next_observations: take those of observations,
// whose copies they are.
struct Usual {
  std::vector<RobustScale> scales;
  std::vector<double> steps;
  bool few_values = true;  // every dimension has fewer values than one for eight rows: states of a finite set
};
Usual usual_of(Reader& reader, const Column& column, const SampledRows& rows,
               Excursions excursions = Excursions::kOfAnyEpisode);

}  // namespace hardy::datasets
