// Line charts as inline SVG: a mean line and a band a series, ticks at round numbers, labels at the
// lines' ends, colours from the page's variables so that they follow light and dark.
#pragma once

#include <string>
#include <vector>

#include "tools/report/html.h"

namespace hardy::report {

struct Series {
  std::string label;
  int colour = 0;                       // --s<colour + 1> of the page
  std::vector<double> x, y, low, high;  // gaps where y is not finite; low and high may be empty
  bool dashed = false;  // a thin line without points or label: a fit beside what it is fitted to
  bool guide = false;   // with dashed: dotted, a slope to hold others to
};

// A dashed line across the whole chart, named at its left end: a value to compare with.
struct Level {
  std::string label;
  double y;
};

struct ChartText {
  std::string title, x_label, y_label;
  bool log_x = false, log_y = false;  // what is not positive leaves a gap
  std::vector<Level> levels = {};
};

Html line_chart(const ChartText& text, const std::vector<Series>& series, int width = 760, int height = 340,
                bool direct_labels = true);
// Counts over bins, one bar each.
Html histogram(const ChartText& text, const std::vector<double>& edges, const std::vector<double>& counts);

// The opening of an SVG drawing of that size in pixels: what it shows, for those who hear it.
Html svg_opening(const std::string& title, int width, int height);
// "var(--s3)", the page's colour for the third series.
std::string colour_variable(int colour);
// Coloured squares with the labels of all but dashed series, for charts without labels at the lines' ends.
Html legend(const std::vector<Series>& series);
// Drawn twice, for a screen and for a telephone, which shows one of them and has no room for direct labels.
Html chart_for_both(const ChartText& text, const std::vector<Series>& series, int height,
                    bool direct_labels = false);

std::string number(double value, int digits = 1);  // fixed digits; "–" where it is not finite

}  // namespace hardy::report
