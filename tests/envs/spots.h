// Where a colour is in a picture.
#pragma once

#include "envs/view.h"

namespace hardy::test {

struct Spot {
  double x = 0, y = 0;  // the middle, in pixels from the left and from the top
  int pixels = 0;
};

// Of the pixels of which is(red, green, blue) holds.
template <class Is>
Spot spot_in(const envs::Picture& picture, const Is& is) {
  Spot spot;
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x) {
      const std::uint8_t* const rgb = &picture.rgb[static_cast<std::size_t>(3 * (y * picture.width + x))];
      if (!is(rgb[0], rgb[1], rgb[2])) continue;
      spot.x += x + 0.5, spot.y += y + 0.5, ++spot.pixels;
    }
  spot.x /= spot.pixels, spot.y /= spot.pixels;
  return spot;
}
inline Spot orange_in(const envs::Picture& picture) {
  return spot_in(picture, [](int red, int, int blue) { return red > blue + 60; });
}
inline Spot blue_in(const envs::Picture& picture) {
  return spot_in(picture, [](int red, int, int blue) { return blue > red + 60; });
}

}  // namespace hardy::test
