#include "tools/report/small_bars.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tools/report/chart.h"

namespace hardy::report {
namespace {

Html text(double x, double y, const std::string& anchor, const std::string& words) {
  return Html("<text class=\"tick\" text-anchor=\"") + anchor + "\" x=\"" + number(x) + "\" y=\"" +
         number(y) + "\">" + words + "</text>";
}

// A drawing of that size with its title in the upper left corner.
Html titled(const std::string& title, int width, int height) {
  return svg_opening(title, width, height) +
         "<text class=\"label\" style=\"fill:var(--ink)\" x=\"10\" y=\"18\">" + title + "</text>";
}

}  // namespace

std::string short_number(double value) {
  if (!std::isfinite(value)) return "\u2013";
  char text[64];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

Html small_histogram(const std::string& title, const std::vector<double>& edges,
                     const std::vector<double>& counts, int width) {
  if (counts.empty() || edges.size() != counts.size() + 1) return {};
  constexpr double kTop = 26, kBottom = 82;
  const double right = width - 10;
  const double most = std::max(1.0, *std::ranges::max_element(counts)),
               each = (right - 10) / static_cast<double>(counts.size());
  Html svg = titled(title, width, 104);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    // A bin that holds anything is seen, however tall its neighbours are.
    const double height = counts[i] > 0 ? std::max(1.5, (kBottom - kTop) * counts[i] / most) : 0;
    svg += Html("<rect class=\"bar\" x=\"") + number(10 + each * static_cast<double>(i), 2) + "\" width=\"" +
           number(each - 1, 2) + "\" y=\"" + number(kBottom - height, 2) + "\" height=\"" +
           number(height, 2) + "\"/>";
  }
  return svg + text(10, 98, "start", short_number(edges.front())) +
         text(right, 98, "end", short_number(edges.back())) + "</svg>";
}

Html strip(const std::string& title, const std::vector<double>& shares, int colour) {
  if (shares.empty()) return {};
  constexpr double kWidth = 400;
  const double each = (kWidth - 20) / static_cast<double>(shares.size());
  Html svg = titled(title, 400, 74) +
             "<rect x=\"10\" y=\"26\" width=\"380\" height=\"26\" style=\"fill:var(--rule)\"/>";
  for (std::size_t i = 0; i < shares.size(); ++i)
    if (shares[i] > 0)
      svg += Html("<rect x=\"") + number(10 + each * static_cast<double>(i), 2) + "\" width=\"" +
             number(each + 0.1, 2) + "\" y=\"26\" height=\"26\" style=\"fill:" + colour_variable(colour) +
             ";opacity:" + number(0.15 + 0.85 * std::min(1.0, shares[i]), 2) + "\"><title>" +
             number(100 * shares[i]) + " %</title></rect>";
  return svg + text(10, 68, "start", "first row") + text(390, 68, "end", "last row") + "</svg>";
}

}  // namespace hardy::report
