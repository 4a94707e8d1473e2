// Line charts as inline SVG: a mean line and a band a series, ticks at round numbers, labels at the
// lines' ends, colours from the page's variables so that they follow light and dark.
#pragma once

#include <string>
#include <vector>

namespace hardy::run::report {

struct Series {
  std::string label;
  int colour = 0;                       // --s<colour + 1> of the page
  std::vector<double> x, y, low, high;  // gaps where y is not finite; low and high may be empty
  bool dashed = false;  // a thin line without points or label: a fit beside what it is fitted to
};

struct ChartText {
  std::string title, x_label, y_label;
  bool log_x = false, log_y = false;  // what is not positive leaves a gap
};

std::string line_chart(const ChartText& text, const std::vector<Series>& series, int width = 760,
                       int height = 340, bool direct_labels = true);
// Counts over bins, one bar each.
std::string histogram(const ChartText& text, const std::vector<double>& edges,
                      const std::vector<double>& counts);

std::string escaped(const std::string& text);      // for HTML and SVG
std::string number(double value, int digits = 1);  // fixed digits; "–" where it is not finite

}  // namespace hardy::run::report
