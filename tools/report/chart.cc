#include "tools/report/chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace hardy::report {
namespace {

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}
std::string at(double v) { return format("%.1f", v); }

// 1, 2 or 5 times a power of ten, about `count` of them over the range.
double tick_step(double range, int count) {
  const double raw = range / count, power = std::pow(10, std::floor(std::log10(raw))), part = raw / power;
  return power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
}

std::string tick_text(double v, double step) {
  if (std::abs(v) >= 10000) return format("%.0f", v / 1000) + "k";
  if (v != 0 && std::abs(v) < 1e-3) return format("%.0e", v);
  const int digits = step >= 1 ? 0 : static_cast<int>(std::ceil(-std::log10(step) - 1e-9));
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, v);
  return text;
}

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void take(double v) {
    if (!std::isfinite(v)) return;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  void settle(double pad) {
    if (!(low <= high)) low = 0, high = 1;
    const double room = high > low ? (high - low) * pad : std::max(std::abs(high) * 0.1, 0.5);
    low -= room;
    high += room;
  }
};

struct Frame {
  double left, right, top, bottom;
  Range x, y;
  double px(double v) const { return left + (v - x.low) / (x.high - x.low) * (right - left); }
  double py(double v) const { return bottom - (v - y.low) / (y.high - y.low) * (bottom - top); }
};

struct Tick {
  double place;
  std::string text;
};

std::vector<Tick> linear_ticks(const Range& range) {
  std::vector<Tick> ticks;
  const double step = tick_step(range.high - range.low, 5);
  for (double v = std::ceil(range.low / step) * step; v <= range.high; v += step)
    ticks.push_back({v, tick_text(std::abs(v) < step * 1e-6 ? 0 : v, step)});
  return ticks;
}

// The range is of logarithms: powers of ten, and 2 and 5 times those where there are few.
std::vector<Tick> log_ticks(const Range& range) {
  std::vector<Tick> ticks;
  const bool between = range.high - range.low < 2.6;
  for (double power = std::floor(range.low); power <= range.high; power += 1)
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double value = factor * std::pow(10, power), place = std::log10(value);
      if ((factor == 1 || between) && place >= range.low && place <= range.high)
        ticks.push_back({place, tick_text(value, value)});
    }
  return ticks;
}

Html axes(const Frame& f, const ChartText& text) {
  Html s;
  for (const Tick& t : text.log_y ? log_ticks(f.y) : linear_ticks(f.y)) {
    s += Html("<line class=\"grid\" x1=\"") + at(f.left) + "\" x2=\"" + at(f.right) + "\" y1=\"" +
         at(f.py(t.place)) + "\" y2=\"" + at(f.py(t.place)) + "\"/>";
    s += Html("<text class=\"tick\" text-anchor=\"end\" x=\"") + at(f.left - 8) + "\" y=\"" +
         at(f.py(t.place) + 4) + "\">" + t.text + "</text>";
  }
  for (const Tick& t : text.log_x ? log_ticks(f.x) : linear_ticks(f.x))
    s += Html("<text class=\"tick\" text-anchor=\"middle\" x=\"") + at(f.px(t.place)) + "\" y=\"" +
         at(f.bottom + 18) + "\">" + t.text + "</text>";
  s += Html("<text class=\"axis\" text-anchor=\"middle\" x=\"") + at((f.left + f.right) / 2) + "\" y=\"" +
       at(f.bottom + 38) + "\">" + text.x_label + "</text>";
  return s + "<text class=\"axis\" x=\"" + at(f.left) + "\" y=\"" + at(f.top - 10) + "\">" + text.y_label +
         "</text>";
}

Html band(const Frame& f, const Series& s) {
  std::string forth, back;
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    if (!std::isfinite(s.low[i]) || !std::isfinite(s.high[i])) continue;
    forth += (forth.empty() ? "M" : "L") + at(f.px(s.x[i])) + " " + at(f.py(s.high[i]));
    back = "L" + at(f.px(s.x[i])) + " " + at(f.py(s.low[i])) + back;
  }
  if (forth.empty()) return {};
  return Html("<path class=\"band\" style=\"fill:") + colour_variable(s.colour) + "\" d=\"" + forth + back +
         "Z\"/>";
}

Html line(const Frame& f, const Series& s) {
  std::string path;
  Html dots;
  bool pen = false;
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    if (!std::isfinite(s.y[i])) {
      pen = false;
      continue;
    }
    path += (pen ? "L" : "M") + at(f.px(s.x[i])) + " " + at(f.py(s.y[i]));
    pen = true;
    if (s.x.size() <= 20 && !s.dashed)
      dots += Html("<circle r=\"2.6\" cx=\"") + at(f.px(s.x[i])) + "\" cy=\"" + at(f.py(s.y[i])) + "\"/>";
  }
  if (path.empty()) return {};
  return Html("<path class=\"line") +
         (s.guide    ? Html(" guide")
          : s.dashed ? Html(" fit")
                     : Html()) +
         "\" style=\"stroke:" + colour_variable(s.colour) + "\" d=\"" + path +
         "\"/><g style=\"fill:" + colour_variable(s.colour) + "\">" + dots + "</g>";
}

Html level_lines(const Frame& f, const std::vector<Level>& levels) {
  Html s;
  for (const Level& l : levels)
    s += Html("<line class=\"level\" x1=\"") + at(f.left) + "\" x2=\"" + at(f.right) + "\" y1=\"" +
         at(f.py(l.y)) + "\" y2=\"" + at(f.py(l.y)) + "\"/><text class=\"tick halo\" x=\"" + at(f.left + 6) +
         "\" y=\"" + at(f.py(l.y) - 5) + "\">" + l.label + "</text>";
  return s;
}

// Labels at the lines' ends, pushed apart where they would overlap.
Html end_labels(const Frame& f, const std::vector<Series>& series) {
  std::vector<std::pair<double, const Series*>> places;
  for (const Series& s : series)
    for (std::size_t i = s.dashed ? 0 : s.y.size(); i-- > 0;)
      if (std::isfinite(s.y[i])) {
        places.emplace_back(f.py(s.y[i]), &s);
        break;
      }
  std::sort(places.begin(), places.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 1; i < places.size(); ++i)
    places[i].first = std::max(places[i].first, places[i - 1].first + 16);
  Html text;
  for (const auto& [y, s] : places)
    text += Html("<text class=\"label\" style=\"fill:") + colour_variable(s->colour) + "\" x=\"" +
            at(f.right + 8) + "\" y=\"" + at(y + 4) + "\">" + s->label + "</text>";
  return text;
}

}  // namespace

std::string colour_variable(int colour) { return "var(--s" + std::to_string(colour % 8 + 1) + ")"; }

std::string number(double value, int digits) {
  if (!std::isfinite(value)) return "\u2013";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

Html svg_opening(const std::string& title, int width, int height) {
  return Html("<svg viewBox=\"0 0 ") + std::to_string(width) + " " + std::to_string(height) +
         "\" role=\"img\" aria-label=\"" + title + "\"><title>" + title + "</title>";
}

Html legend(const std::vector<Series>& series) {
  Html html;
  for (const Series& s : series)
    if (!s.dashed)
      html +=
          Html("<span><i style=\"background:") + colour_variable(s.colour) + "\"></i>" + s.label + "</span>";
  return Html("<p class=\"legend\">") + html + "</p>";
}

Html line_chart(const ChartText& text, const std::vector<Series>& given, int width, int height,
                bool direct_labels) {
  std::vector<Series> series = given;
  const auto to_logarithms = [](std::vector<double>& values) {
    for (double& v : values) v = v > 0 ? std::log10(v) : std::numeric_limits<double>::quiet_NaN();
  };
  for (Series& s : series) {
    if (text.log_x) to_logarithms(s.x);
    if (text.log_y)
      for (auto* values : {&s.y, &s.low, &s.high}) to_logarithms(*values);
  }
  std::size_t longest = 0;
  for (const Series& s : series)
    if (!s.dashed) longest = std::max(longest, s.label.size());
  const double margin = direct_labels ? std::min(200.0, 20 + 7.5 * static_cast<double>(longest)) : 22;
  Frame f{58, width - margin, 36, static_cast<double>(height) - 48, {}, {}};
  for (const Series& s : series) {
    for (const double v : s.x) f.x.take(v);
    for (const auto* values : {&s.y, &s.low, &s.high})
      for (const double v : *values) f.y.take(v);
  }
  for (const Level& l : text.levels) f.y.take(l.y);
  f.x.settle(0);
  f.y.settle(0.06);
  Html svg = svg_opening(text.title, width, height) + axes(f, text);
  for (const Series& s : series)
    if (!s.low.empty()) svg += band(f, s);
  for (const Series& s : series) svg += line(f, s);
  svg += level_lines(f, text.levels);
  if (direct_labels) svg += end_labels(f, series);
  return svg + "</svg>";
}

Html chart_for_both(const ChartText& text, const std::vector<Series>& series, int height,
                    bool direct_labels) {
  return Html("<div class=\"wide\">") + line_chart(text, series, 760, height, direct_labels) +
         "</div><div class=\"narrow\">" + line_chart(text, series, 380, 300, false) +
         (direct_labels ? legend(series) : Html()) + "</div>";
}

Html histogram(const ChartText& text, const std::vector<double>& edges, const std::vector<double>& counts) {
  constexpr int width = 760, height = 220;
  Frame f{58, width - 16, 36, height - 48, {}, {}};
  if (edges.size() < 2 || counts.size() + 1 != edges.size()) return {};
  f.x.low = edges.front();
  f.x.high = std::max(edges.back(), edges.front() + 1e-9);
  f.y.low = 0;
  f.y.high = std::max(1.0, *std::max_element(counts.begin(), counts.end())) * 1.05;
  Html svg = svg_opening(text.title, width, height) + axes(f, text);
  for (std::size_t i = 0; i < counts.size(); ++i)
    svg += Html("<rect class=\"bar\" x=\"") + at(f.px(edges[i]) + 0.7) + "\" width=\"" +
           at(std::max(0.5, f.px(edges[i + 1]) - f.px(edges[i]) - 1.4)) + "\" y=\"" + at(f.py(counts[i])) +
           "\" height=\"" + at(f.bottom - f.py(counts[i])) + "\"><title>" + number(edges[i]) + " to " +
           number(edges[i + 1]) + ": " + number(counts[i], 0) + "</title></rect>";
  return svg + "</svg>";
}

}  // namespace hardy::report
