// `hardy eval --video` and `--frames`: real pictures, real ffmpeg, looked at with ffprobe.
#include <gtest/gtest.h>

#include <set>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/random.h"
#include "envs/view.h"
#include "tests/places.h"
#include "tests/tools/command.h"
#include "tools/pictures/png.h"

namespace hardy::test {
namespace {

namespace fs = std::filesystem;

std::string output_of(const std::string& command) {
  const Scratch dir;
  EXPECT_EQ(std::system((command + " > " + (dir / "out").string()).c_str()), 0) << command;
  return contents(dir / "out");
}
bool there(const std::string& program) {
  return std::system(("command -v " + program + " > /dev/null").c_str()) == 0;
}
// The shipped expert in twenty steps: twenty-one pictures.
std::string play(const std::string& more,
                 const std::string& setting = "--env hopper:max_steps=20 --width 64") {
  const fs::path policy = test::sources() / "datasets/behaviours/hopper/step_180000.policy";
  return "eval '" + policy.string() + "' --height 48 " + setting + " " + more;
}
std::string quoted(const fs::path& path) { return "'" + path.string() + "'"; }

class Film : public testing::Test {
 protected:
  void SetUp() override {
    try {
      envs::make_view("hopper", 32, 32);
    } catch (const Error& e) {
      GTEST_SKIP() << e.message();
    }
    if (!there("ffmpeg") || !there("ffprobe")) GTEST_SKIP() << "no ffmpeg here: apt-get install ffmpeg";
  }
  const Scratch dir_;
};

TEST_F(Film, AVideoHasAPictureAStepAtTheTasksPaceAndThePlayIsThatWithoutIt) {
  const fs::path file = dir_ / "out.mp4";
  const Result r = hardy_command(play("--json --video " + quoted(file)));
  ASSERT_EQ(r.code, 0) << r.err;
  const nlohmann::json filmed = nlohmann::json::parse(r.out).at(0);
  EXPECT_EQ(filmed.at("pictures"), 21);
  EXPECT_EQ(filmed.at("returns"),
            nlohmann::json::parse(hardy_command(play("--json")).out).at(0).at("returns"));
  const std::string about = output_of(
      "ffprobe -v error -count_frames -show_entries "
      "stream=codec_name,width,height,r_frame_rate,nb_read_frames -of csv=p=0 " +
      quoted(file));
  EXPECT_EQ(about, "h264,64,48,125/1,21\n");
  const std::string pixels =
      output_of("ffmpeg -v error -i " + quoted(file) + " -f rawvideo -pix_fmt rgb24 -");
  ASSERT_EQ(pixels.size(), 21u * 64 * 48 * 3);
  std::set<std::string> different;
  for (std::size_t i = 0; i < 21; ++i) different.insert(pixels.substr(i * 64 * 48 * 3, 64 * 48 * 3));
  EXPECT_GT(different.size(), 15u);  // it moves
  EXPECT_EQ(files_in(dir_.path()), 1u);
}

TEST_F(Film, FramesAreTheSameBytesEachTimeWhoeverPlaysBeside) {
  ASSERT_EQ(hardy_command(play("--frames " + quoted(dir_ / "a"))).code, 0);
  ASSERT_EQ(hardy_command(
                play("--episodes 1 --video " + quoted(dir_ / "b.mp4") + " --frames " + quoted(dir_ / "b")))
                .code,
            0);
  ASSERT_EQ(files_in(dir_ / "a"), 21u);
  std::set<std::string> different;
  for (int i = 0; i < 21; ++i) {
    char name[32];
    std::snprintf(name, sizeof name, "frame_%06d.png", i);
    different.insert(contents(dir_ / "a" / name));
    EXPECT_EQ(contents(dir_ / "a" / name), contents(dir_ / "b" / name)) << name;
  }
  EXPECT_GT(different.size(), 15u);
  const Result other = hardy_command(play("--seed 7 --frames " + quoted(dir_ / "c")));
  ASSERT_EQ(other.code, 0) << other.err;
  EXPECT_NE(contents(dir_ / "a/frame_000000.png"), contents(dir_ / "c/frame_000000.png"));
  EXPECT_NE(other.out.find("21 pictures of 64 x 48, one a step, 125 a second, drawn by "), std::string::npos)
      << other.out;
}

TEST_F(Film, EglDrawsThemToo) {
  const Result r = hardy_command(play("--frames " + quoted(dir_ / "a")), "HARDY_GL=egl ");
  if (r.code == 2) GTEST_SKIP() << r.err;
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(files_in(dir_ / "a"), 21u);
  EXPECT_NE(r.out.find("drawn by EGL"), std::string::npos) << r.out;
}

TEST_F(Film, OutputsThatAreThereStayUnlessTheyMayBeReplaced) {
  put(dir_ / "out.mp4", "mine");
  fs::create_directory(dir_ / "frames");
  put(dir_ / "frames/mine", "mine");
  const std::string video = "--video " + quoted(dir_ / "out.mp4"),
                    frames = "--frames " + quoted(dir_ / "frames");
  for (const std::string& words : {video, frames}) {
    const Result r = hardy_command(play(words));
    EXPECT_EQ(r.code, 2);
    EXPECT_TRUE(one_line(r.err)) << r.err;
  }
  EXPECT_EQ(contents(dir_ / "out.mp4"), "mine");
  EXPECT_TRUE(fs::exists(dir_ / "frames/mine"));
  const Result others = hardy_command(play(frames + " --overwrite"));  // a folder of somebody's own things
  EXPECT_EQ(others.code, 2);
  EXPECT_NE(others.err.find("holds other things than pictures"), std::string::npos) << others.err;
  EXPECT_TRUE(fs::exists(dir_ / "frames/mine"));
  fs::rename(dir_ / "frames/mine", dir_ / "frames/frame_000099.png");  // an earlier film's
  const Result replaced = hardy_command(play(video + " " + frames + " --overwrite"));
  EXPECT_EQ(replaced.code, 0) << replaced.err;
  EXPECT_NE(contents(dir_ / "out.mp4"), "mine");
  EXPECT_EQ(files_in(dir_ / "frames"), 21u);
}

TEST_F(Film, WhatIsMissingIsSaidInALineWithItsPackagesAndNothingIsLeft) {
  fs::create_directory(dir_ / "bin");
  put(dir_ / "bin/ffmpeg", "#!/bin/sh\necho 'an encoder that is none' >&2\nexit 1\n");
  fs::permissions(dir_ / "bin/ffmpeg", fs::perms::owner_all);
  const std::string video = "--video " + quoted(dir_ / "out.mp4"), frames = "--frames " + quoted(dir_ / "f");
  struct Case {
    std::string words, before, says;
    int code;
    std::string setting = "--env hopper:max_steps=20 --width 64";
  };
  for (const Case& c : std::vector<Case>{
           {video, "PATH=/nowhere ", "ffmpeg cannot be started", 2},
           {video, "PATH=/nowhere ", "apt-get install ffmpeg", 2},
           {video, "PATH=" + (dir_ / "bin").string() + " ",
            "out.mp4: ffmpeg failed (an encoder that is none)", 1},
           {frames, "HARDY_GL=/nowhere/libOSMesa.so.8 ", "apt-get install libosmesa6", 2},
           {video, "HARDY_GL=/nowhere/libEGL.so.1 ", "/nowhere/libEGL.so.1: cannot open", 2},
           {video, "", "a video's width and height are even", 2, "--env hopper --width 63"},
           {frames, "", "there are no pictures of this environment", 2, "--env plugin:file=x.so"},
           {"--video " + quoted(dir_ / "no/out.mp4"), "", "no", 2}}) {
    const Result r = hardy_command(play(c.words, c.setting), c.before);
    EXPECT_EQ(r.code, c.code) << r.err;
    EXPECT_TRUE(one_line(r.err)) << r.err;
    EXPECT_NE(r.err.find(c.says), std::string::npos) << r.err;
    EXPECT_EQ(files_in(dir_.path()), 1u) << c.says;  // bin/ffmpeg
  }
}

// ffmpeg's decoder is the judge.
TEST_F(Film, APngHoldsEveryPixel) {
  envs::Picture picture{37, 23, {}};
  const Random random(1, RandomStream::kUser);
  for (std::uint64_t i = 0; i < 3 * 37 * 23; ++i)  // smooth above, noise below
    picture.rgb.push_back(static_cast<std::uint8_t>(i < 1200 ? i / 9 : 256 * random.uniform64(i)));
  put(dir_ / "x.png", pictures::png(picture));
  const std::string decoded =
      output_of("ffmpeg -v error -i " + quoted(dir_ / "x.png") + " -f rawvideo -pix_fmt rgb24 -");
  EXPECT_EQ(decoded, std::string(picture.rgb.begin(), picture.rgb.end()));
}

}  // namespace
}  // namespace hardy::test
