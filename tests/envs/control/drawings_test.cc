// Drawings of the control tasks: what is where in them, by the tasks' own geometry.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "tests/envs/spots.h"

namespace hardy::envs {
namespace {

using test::blue_in;
using test::orange_in;

constexpr int kSide = 120;

// The picture of a state: of the task, whatever lies behind it.
Picture picture_of(const std::string& name, const std::vector<double>& task_state) {
  const auto env = make_environment(name, 1);
  std::vector<double> observation(static_cast<std::size_t>(env->spec().observation_size)),
      state(env->state_size());
  env->reset(0, 1, observation);
  env->save_state(0, state);
  std::copy(task_state.begin(), task_state.end(), state.begin());
  env->load_state(0, state);
  Picture picture;
  make_view(name, kSide, kSide)->draw(*env, 0, picture);
  EXPECT_EQ(picture.rgb.size(), 3u * kSide * kSide);
  return picture;
}

TEST(Drawings, APendulumPointsWhereItsAngleSays) {
  const double scale = kSide / 2.6;
  for (const double angle : {0.0, 1.0, std::numbers::pi / 2, -2.0}) {
    const test::Spot rod = orange_in(picture_of("pendulum", {angle, 0}));
    EXPECT_NEAR(rod.x, kSide / 2.0 - 0.5 * scale * std::sin(angle), 1.5) << angle;
    EXPECT_NEAR(rod.y, kSide / 2.0 - 0.5 * scale * std::cos(angle), 1.5) << angle;
    EXPECT_NEAR(rod.pixels, (1 * 0.18 + std::numbers::pi * 0.09 * 0.09) * scale * scale, 80) << angle;
  }
}

TEST(Drawings, ACartStandsAtItsPositionAndItsPoleLeansOverTheSideOfItsAngle) {
  const double scale = kSide / 5.4;
  for (const double x : {-2.0, 0.0, 1.5})
    EXPECT_NEAR(blue_in(picture_of("cart_pole", {x, 0, 0, 0})).x, kSide / 2.0 + scale * x, 1) << x;
  EXPECT_GT(orange_in(picture_of("cart_pole", {0, 0, 0.2, 0})).x,
            orange_in(picture_of("cart_pole", {0, 0, -0.2, 0})).x + 0.5 * scale * 2 * std::sin(0.2) - 1.5);
}

TEST(Drawings, AcrobotsOuterLinkHangsOnItsInnerOne) {
  const double scale = kSide / 4.4, a = 1, b = 0.8;
  const test::Spot outer = orange_in(picture_of("acrobot", {a, b, 0, 0}));
  EXPECT_NEAR(outer.x, kSide / 2.0 + scale * (std::sin(a) + 0.5 * std::sin(a + b)), 1.5);
  EXPECT_NEAR(outer.y, kSide / 2.0 + scale * (std::cos(a) + 0.5 * std::cos(a + b)), 1.5);
}

TEST(Drawings, ACarAPointAndAWalkerAreWhereTheirStatesSay) {
  const test::Spot left = orange_in(picture_of("mountain_car_continuous", {-1.0, 0})),
                   right = orange_in(picture_of("mountain_car_continuous", {0.4, 0}));
  EXPECT_NEAR(right.x - left.x, 1.4 * kSide / 1.9, 8);  // it leans to its hill's side
  const test::Spot valley = orange_in(picture_of("mountain_car_continuous", {-0.52, 0}));
  EXPECT_GT(valley.y, left.y + 10);
  const double cell = kSide / 8.0;
  const test::Spot point = orange_in(picture_of("point_maze:map=medium", {2.5, 6.5, 0, 0, 1.5, 1.5}));
  EXPECT_NEAR(point.x, 2.5 * cell, 1);
  EXPECT_NEAR(point.y, (8 - 6.5) * cell, 1);
  const test::Spot walker = orange_in(picture_of("key_door", {1, 5, 0, 0, 0, 3, 4, 7, 7}));
  EXPECT_NEAR(walker.x, 1.5 * cell, 1);
  EXPECT_NEAR(walker.y, 5.5 * cell, 1);
  // The door is drawn until the key is there.
  const int shut = blue_in(picture_of("key_door", {1, 5, 0, 0, 0, 3, 4, 7, 7})).pixels,
            open = blue_in(picture_of("key_door", {1, 5, 1, 1, 5, 3, 4, 7, 7})).pixels;
  EXPECT_NEAR(shut - open, cell * cell, 30);
}

TEST(Drawings, AreThereOfEveryControlTaskAndSayItsPace) {
  for (const auto& [name, pace] : std::vector<std::pair<std::string, double>>{{"pendulum", 20},
                                                                              {"pendulum_sparse", 20},
                                                                              {"cart_pole", 50},
                                                                              {"acrobot", 5},
                                                                              {"point_maze", 20},
                                                                              {"point_maze:map=large", 20},
                                                                              {"key_door:size=5", 4}}) {
    ASSERT_TRUE(has_view(name)) << name;
    EXPECT_EQ(make_view(name, 10, 10)->steps_per_second(), pace) << name;
    EXPECT_GT(orange_in(picture_of(name, {})).pixels, 5) << name;
  }
}

}  // namespace
}  // namespace hardy::envs
