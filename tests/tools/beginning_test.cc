// A run that is killed at every single call with which its beginning (and the rest of it) changes the file
// system: the same command goes on and ends at the same bytes.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "engine/base/json.h"
#include "tests/places.h"
#include "tests/tools/command.h"
#include "tests/tools/some_data.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HARDY_TEST_NO_PRELOAD 1  // a sanitizer's library must be the first that is loaded
#endif

namespace hardy {
namespace {

namespace fs = std::filesystem;

// words: with @ for the run. same: what of it must come out as in a run that nobody disturbed, as text.
template <class Same>
void killed_at_every_write(const std::string& words, const Same& same) {
#ifdef HARDY_TEST_NO_PRELOAD
  GTEST_SKIP() << "skipped: nothing can be preloaded under a sanitizer";
#endif
  const test::Scratch dir;
  const std::string shim = (dir / "fail_calls.so").string();
  const fs::path source = test::sources() / "tests/attack/fail_calls.c";
  if (std::system(
          ("cc -O1 -shared -fPIC -o " + shim + " " + source.string() + " -ldl 2>/dev/null").c_str()) != 0)
    GTEST_SKIP() << "skipped: no C compiler for " << source;
  fs::create_directory(dir / "whole");
  ASSERT_EQ(test::hardy_command(words, "cd " + (dir / "whole").string() + "; ").code, 0);
  const std::string whole = same(dir / "whole/run");
  ASSERT_FALSE(whole.empty());
  int call = 1, before_it_appeared = 0;
  for (; call < 500; ++call) {
    const fs::path place = dir / "cut";
    fs::create_directory(place);
    const std::string there = "cd " + place.string() + "; ",
                      preload =
                          "LD_PRELOAD=" + shim + " FAIL_WITH=KILL FAIL_AT=" + std::to_string(call) + " ";
    const test::Result first = test::hardy_command(words, there + preload);
    if (first.code == 0) break;  // it has fewer calls
    ASSERT_EQ(first.code, 128 + SIGKILL) << "call " << call << ": " << first.err;
    before_it_appeared += !fs::exists(place / "run");
    const test::Result second = test::hardy_command(words, there);
    ASSERT_EQ(second.code, 0) << "killed at call " << call << ": " << second.err;
    ASSERT_TRUE(same(place / "run") == whole) << "killed at call " << call;
    EXPECT_EQ(test::files_in(place), 1u) << "something is left after call " << call;
    fs::remove_all(place);
  }
  EXPECT_GT(before_it_appeared, 5);  // half made, and nothing of it seen
  EXPECT_GT(call, before_it_appeared + 5);
  EXPECT_LT(call, 500);
}

TEST(Beginning, OfATrainingKilledAtEveryWriteIsMadeGoodByTheSameCommand) {
  const test::Scratch dir;
  datasets::write_hdf5(dir / "d.hdf5", test::some_data(100));
  killed_at_every_write("train bc --dataset " + (dir / "d.hdf5").string() +
                            " --steps 2 --hidden 4 --batch-size 4 --threads 1 --out run "
                            "--or-resume",
                        [](const fs::path& run) { return test::contents(run / "policy/agent_0.policy"); });
}

TEST(Beginning, OfARegretStudyKilledAtEveryWriteIsMadeGoodByTheSameCommand) {
  killed_at_every_write(
      "regret --env mirror --method 'uniform exp_weights' --episodes '4 8' --resamples 10 --curve 2 "
      "--threads 1 --out run --or-resume",
      [](const fs::path& run) {
        nlohmann::json j = nlohmann::json::parse(test::contents(run / "results.json"));
        EXPECT_EQ(nlohmann::json::parse(test::contents(run / "summary.json")).at("finished"), true);
        j.erase("seconds");
        for (nlohmann::json& study : j.at("studies"))
          for (nlohmann::json& m : study.at("methods")) m.erase("seconds");
        return j.dump();
      });
}

}  // namespace
}  // namespace hardy
