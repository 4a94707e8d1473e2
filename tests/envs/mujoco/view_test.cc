// Pictures of MuJoCo's tasks, drawn for real where this machine can.
#include "envs/view.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <span>

#include "engine/base/error.h"
#include "tests/engine/run/scratch.h"
#include "tests/envs/spots.h"

namespace hardy::envs {
namespace {

using test::orange_in;

constexpr int kWidth = 160, kHeight = 120;

class MujocoPictures : public testing::Test {
 protected:
  void SetUp() override {
    try {
      view_ = make_view("hopper", kWidth, kHeight);
    } catch (const Error& e) {
      GTEST_SKIP() << e.message();
    }
  }
  // The picture of an instance whose positions are the start's, some of them moved.
  static Picture picture_of(View& view, const std::string& name, const std::vector<double>& moved) {
    const auto env = make_environment(name, 1);
    std::vector<double> observation(static_cast<std::size_t>(env->spec().observation_size)),
        state(env->state_size());
    env->reset(0, 1, observation);
    env->save_state(0, state);
    for (std::size_t k = 0; k < moved.size(); ++k) state[1 + k] += moved[k];  // behind the time
    env->load_state(0, state);
    Picture picture;
    view.draw(*env, 0, picture);
    return picture;
  }
  std::unique_ptr<View> view_;
};

int different(const Picture& a, const Picture& b) {
  int n = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) n += a.rgb[i] != b.rgb[i];
  return n;
}

TEST_F(MujocoPictures, TheSameStateGivesTheSameBytesInAnyViewAndIsLeftAsItIs) {
  const auto env = make_environment("hopper", 1);
  std::vector<double> observation(11), before(env->state_size()), after(env->state_size());
  env->reset(0, 3, observation);
  env->save_state(0, before);
  Picture first, again, other;
  view_->draw(*env, 0, first);
  view_->draw(*env, 0, again);
  make_view("hopper", kWidth, kHeight)->draw(*env, 0, other);
  env->save_state(0, after);
  EXPECT_EQ(first.width, kWidth);
  EXPECT_EQ(first.height, kHeight);
  EXPECT_EQ(first.rgb.size(), 3u * kWidth * kHeight);
  EXPECT_EQ(first.rgb, again.rgb);
  EXPECT_EQ(first.rgb, other.rgb);
  EXPECT_EQ(before, after);
  EXPECT_EQ(view_->steps_per_second(), 125);
}

TEST_F(MujocoPictures, ShowTheRobotWhereItsPositionSays) {
  const test::Spot start = orange_in(picture_of(*view_, "hopper", {}));
  EXPECT_GT(start.pixels, kWidth * kHeight / 200);
  // Up: as many pixels as a pinhole of 45 degrees shows of that height, from somewhere between 2 and 5
  // metres.
  const test::Spot higher = orange_in(picture_of(*view_, "hopper", {0, 0.1})),
                   highest = orange_in(picture_of(*view_, "hopper", {0, 0.2}));
  EXPECT_GT(start.y - higher.y, 0.1 * kHeight / (2 * 5 * std::tan(M_PI / 8)));
  EXPECT_LT(start.y - higher.y, 0.1 * kHeight / (2 * 2 * std::tan(M_PI / 8)));
  EXPECT_NEAR(start.y - highest.y, 2 * (start.y - higher.y), 1);
  EXPECT_NEAR(higher.x, start.x, 0.5);
  // Forward: the camera goes with it, over a ground that does not.
  const Picture here = picture_of(*view_, "hopper", {}), there = picture_of(*view_, "hopper", {70.5, 0});
  EXPECT_NEAR(orange_in(there).x, start.x, 0.5);
  EXPECT_NEAR(orange_in(there).y, start.y, 0.5);
  EXPECT_GT(different(here, there), kWidth * kHeight / 10);
  // The ground's squares are a metre wide: it looks the same after two metres, and other after one.
  EXPECT_LT(different(here, picture_of(*view_, "hopper", {2})), kWidth * kHeight / 50);
  EXPECT_GT(different(here, picture_of(*view_, "hopper", {1})), kWidth * kHeight / 10);
  // Leant over by a quarter turn it is as wide as it was high.
  EXPECT_GT(different(here, picture_of(*view_, "hopper", {0, 0, M_PI / 2})), 3 * start.pixels);
}

TEST_F(MujocoPictures, AreThereOfEveryTaskAndOfAModelOfAFile) {
  for (const char* name : {"half_cheetah", "walker2d", "ant", "hopper_sparse:goal=3"}) {
    const auto view = make_view(name, kWidth, kHeight);
    EXPECT_GT(orange_in(picture_of(*view, name, {})).pixels, 100) << name;
  }
  const test::Scratch dir;
  test::put(dir / "cart.xml",
            R"(<mujoco><worldbody><body pos="0 0 1"><joint name="x" type="slide" axis="0 0 1"/>
      <geom size="0.2" rgba="1 0.4 0 1"/></body></worldbody>
      <actuator><motor joint="x" ctrllimited="true" ctrlrange="-1 1"/></actuator></mujoco>)");
  const std::string cart = "mjcf:frame_skip=5,file=" + (dir / "cart.xml").string();
  const auto view = make_view(cart, kWidth, kHeight);
  EXPECT_EQ(view->steps_per_second(), 100);  // 5 steps of 2 ms
  const test::Spot low = orange_in(picture_of(*view, cart, {})),
                   high = orange_in(picture_of(*view, cart, {0.1}));
  EXPECT_GT(low.pixels, 300);
  EXPECT_GT(low.y - high.y, 5);
}

TEST(Pictures, AreRefusedInALineWhereThereAreNone) {
  const auto refused = [](const std::string& name, const std::string& says) {
    const std::string message = test::error_of([&] { make_view(name, 32, 32); });
    EXPECT_NE(message.find(says), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  };
  EXPECT_FALSE(has_view("plugin:file=x.so"));
  EXPECT_TRUE(has_view("hopper:goal=1"));
  refused("plugin:file=x.so", "there are no pictures of this environment; there are of ");
  const char* const set = std::getenv("HARDY_GL");
  const std::string before = set != nullptr ? set : "";
  ::setenv("HARDY_GL", "/nowhere/libOSMesa.so.8", 1);
  refused("hopper", "/nowhere/libOSMesa.so.8: cannot open shared object file");
  refused("hopper", "apt-get install libosmesa6 (or, beside a GPU's driver, libegl1 libgl1-mesa-dri)");
  ::setenv("HARDY_GL", "vulkan", 1);
  refused("hopper", "HARDY_GL=vulkan: is not known; give osmesa, egl, or the path of such a library");
  set != nullptr ? ::setenv("HARDY_GL", before.c_str(), 1) : ::unsetenv("HARDY_GL");
}

}  // namespace
}  // namespace hardy::envs
