// A drawing board for flat pictures: lines, discs and boxes in the units of what is drawn, with smooth edges.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "envs/view.h"

namespace hardy::envs {

struct Point {
  double x = 0, y = 0;
};
using Colour = std::array<std::uint8_t, 3>;

class Canvas {
 public:
  // Shows [low, high], y upwards, as large as it fits into the picture, in its middle, over the background.
  Canvas(Picture& picture, Point low, Point high, Colour background)
      : picture_(picture),
        scale_(std::min(picture.width / (high.x - low.x), picture.height / (high.y - low.y))),
        middle_{(low.x + high.x) / 2, (low.y + high.y) / 2} {
    picture.rgb.resize(3 * static_cast<std::size_t>(picture.width) *
                       static_cast<std::size_t>(picture.height));
    for (std::size_t i = 0; i < picture.rgb.size(); ++i) picture.rgb[i] = background[i % 3];
  }

  // With round ends.
  void line(Point a, Point b, double width, Colour colour) {
    const double dx = b.x - a.x, dy = b.y - a.y, square = dx * dx + dy * dy, r = width / 2;
    paint({std::min(a.x, b.x) - r, std::min(a.y, b.y) - r}, {std::max(a.x, b.x) + r, std::max(a.y, b.y) + r},
          colour, [&](Point p) {
            const double along =
                square > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / square, 0.0, 1.0) : 0;
            return std::hypot(p.x - a.x - along * dx, p.y - a.y - along * dy) - r;
          });
  }
  void disc(Point centre, double radius, Colour colour) { line(centre, centre, 2 * radius, colour); }
  void box(Point low, Point high, Colour colour) {
    paint(low, high, colour, [&](Point p) {
      return std::max({low.x - p.x, p.x - high.x, low.y - p.y, p.y - high.y});
    });
  }

 private:
  // What lies within [low, high] and has a negative distance, a pixel by the share of it that does.
  template <class Distance>
  void paint(Point low, Point high, Colour colour, const Distance& distance) {
    const auto column = [&](double x) { return (x - middle_.x) * scale_ + picture_.width / 2.0; };
    const auto row = [&](double y) { return picture_.height / 2.0 - (y - middle_.y) * scale_; };
    const auto within = [](double x, int n) { return static_cast<int>(std::clamp(x, 0.0, double(n))); };
    const int left = within(column(low.x) - 1, picture_.width),
              right = within(column(high.x) + 2, picture_.width),
              above = within(row(high.y) - 1, picture_.height),
              below = within(row(low.y) + 2, picture_.height);
    for (int y = above; y < below; ++y)
      for (int x = left; x < right; ++x) {
        const Point p{(x + 0.5 - picture_.width / 2.0) / scale_ + middle_.x,
                      (picture_.height / 2.0 - y - 0.5) / scale_ + middle_.y};
        const double share = std::clamp(0.5 - distance(p) * scale_, 0.0, 1.0);
        std::uint8_t* const rgb =
            &picture_.rgb[3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(picture_.width) +
                               static_cast<std::size_t>(x))];
        for (std::size_t k = 0; k < 3; ++k)
          rgb[k] = static_cast<std::uint8_t>(std::lround(rgb[k] + share * (colour[k] - rgb[k])));
      }
  }

  Picture& picture_;
  double scale_;  // pixels a unit
  Point middle_;
};

}  // namespace hardy::envs
