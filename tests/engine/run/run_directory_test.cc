#include "engine/run/run_directory.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <csignal>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/run/metrics.h"
#include "tests/engine/run/scratch.h"
#include "tests/places.h"

namespace hardy::run {
namespace {

using test::contents;
using test::error_of;
using test::put;
using test::Scratch;

TEST(RunDirectory, AnExistingOneIsRefusedAndLeftAlone) {
  const Scratch dir;
  std::filesystem::create_directory(dir / "run");
  put(dir / "run" / "mine", "1");
  EXPECT_NE(error_of([&] { RunDirectory::create(dir / "run"); }).find("exists"), std::string::npos);
  EXPECT_EQ(test::files_in(dir / "run"), 1u);
}

TEST(RunDirectory, WhatItHoldsIsReadBack) {
  const Scratch dir;
  {
    RunDirectory run = RunDirectory::create((dir / "deep/run").string() + "/");
    run.write_config("steps = 5\n");
    run.write_run({{"method", "riql"}});
    run.write_summary({{"finished", true}});
  }
  EXPECT_EQ(read_run(dir / "deep/run").text("method"), "riql");
  EXPECT_TRUE(read_run(dir / "deep/run").at("build").has("compiler"));
  EXPECT_TRUE(read_summary(dir / "deep/run").value().flag("finished"));
  const RunDirectory again = RunDirectory::open(dir / "deep/run");
  EXPECT_EQ(contents(again.config_file()), "steps = 5\n");
}

TEST(RunDirectory, ASecondProcessIsRefusedUntilTheFirstEnds) {
  const Scratch dir;
  RunDirectory::create(dir / "run").write_run({{"method", "bc"}});
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const RunDirectory held = RunDirectory::open(dir / "run");
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const std::string line = error_of([&] { RunDirectory::open(dir / "run"); });
  EXPECT_NE(line.find("in use by another process (" + std::to_string(child) + " on "), std::string::npos)
      << line;
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(error_of([&] { RunDirectory::open(dir / "run"); }), "");
}

TEST(RunDirectory, AKilledHoldersDyingChildIsWaitedFor) {
  const Scratch dir;
  RunDirectory::create(dir / "run").write_run({{"method", "bc"}});
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t holder = ::fork();
  if (holder == 0) {
    const RunDirectory held = RunDirectory::open(dir / "run");
    if (::fork() == 0) {  // has the lock with all that was open
      ::usleep(300'000);
      ::_exit(0);
    }
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  EXPECT_EQ(error_of([&] { RunDirectory::open(dir / "run"); }), "");
}

TEST(RunDirectory, ANewOneIsSeenWhenItIsWholeAndNotBefore) {
  const Scratch dir;
  {
    RunDirectory run = RunDirectory::create(dir / "run");
    run.write_config("steps = 5\n");
    EXPECT_FALSE(std::filesystem::exists(dir / "run"));
    run.write_run({{"method", "bc"}});
    EXPECT_EQ(run.path(), dir / "run");
    EXPECT_EQ(contents(run.config_file()), "steps = 5\n");
    EXPECT_NE(error_of([&] { RunDirectory::open(dir / "run"); }).find("in use"), std::string::npos);
  }
  EXPECT_EQ(test::files_in(dir.path()), 1u);
  RunDirectory::create(dir / "never");  // described by nobody
  EXPECT_EQ(test::files_in(dir.path()), 1u);
}

TEST(RunDirectory, OfTwoThatTakeOneNameTheSecondIsRefusedAndLeavesNothing) {
  const Scratch dir;
  RunDirectory slower = RunDirectory::create(dir / "run");
  const pid_t child = ::fork();
  if (child == 0) {
    RunDirectory::create(dir / "run").write_run({{"method", "bc"}});
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  EXPECT_NE(error_of([&] { slower.write_run({{"method", "iql"}}); }).find("exists"), std::string::npos);
  EXPECT_EQ(read_run(dir / "run").text("method"), "bc");
}

TEST(RunDirectory, AFolderOfAnotherKindIsNoRun) {
  const Scratch dir;
  EXPECT_NE(error_of([&] { RunDirectory::open(dir.path()); }).find("run.json"), std::string::npos);
  EXPECT_NE(error_of([&] { RunDirectory::open(dir / "none"); }), "");
}

TEST(Metrics, NumbersAreReadBackAndBadOnesAreNull) {
  const Scratch dir;
  {
    MetricsLog log(dir.path(), 2);
    log.write({"train", 1000, 1.5, {{"loss/q", {0.1, std::numeric_limits<double>::quiet_NaN()}}}});
  }
  EXPECT_EQ(contents(dir / "metrics.jsonl"),
            "{\"kind\":\"train\",\"seconds\":1.5,\"step\":1000,\"values\":{\"loss/q\":[0.1,null]}}\n");
  const auto records = read_metrics(dir / "metrics.jsonl");
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].values.at("loss/q")[0], 0.1);
  EXPECT_TRUE(std::isnan(records[0].values.at("loss/q")[1]));
}

TEST(Metrics, AfterResumptionEachStepIsReportedOnce) {
  const Scratch dir;
  {
    MetricsLog log(dir.path(), 1);
    for (int step = 1; step <= 5; ++step) log.write({"train", step, double(step), {{"x", {double(step)}}}});
    log.write({"eval", 2, 6, {{"y", {0}}}});  // evaluations may come late
  }
  put(dir / "tail", "");
  std::ofstream(dir / "metrics.jsonl", std::ios::app) << "{\"kind\":\"tr";  // a killed writer's
  {
    MetricsLog log(dir.path(), 1, 3);
    log.write({"train", 4, 4, {{"x", {40}}}});
  }
  std::vector<std::int64_t> steps;
  for (const auto& r : read_metrics(dir / "metrics.jsonl")) steps.push_back(r.step);
  EXPECT_EQ(steps, (std::vector<std::int64_t>{1, 2, 3, 2, 4}));
}

TEST(Metrics, AnotherCountThanTheAgentsIsRefused) {
  const Scratch dir;
  MetricsLog log(dir.path(), 2);
  EXPECT_THROW(log.write({"train", 1, 0, {{"x", {1}}}}), Error);
}

TEST(TensorBoard, Crc32cHasThePublishedValues) {  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
}

TEST(TensorBoardPython, TheRealTensorBoardReadsWhatARunAndItsResumptionWrote) {
  if (!test::has_modules("tensorboard")) GTEST_SKIP() << "python has no tensorboard";
  const Scratch dir;
  {
    MetricsLog log(dir.path(), 2);
    for (int step = 100; step <= 500; step += 100)
      log.write({"train", step, 1, {{"loss/q", {step + 0.5, 2.0 * step}}}});
  }
  {
    MetricsLog log(dir.path(), 2, 300);
    log.write({"train",
               400,
               1,
               {{"loss/q", {-1, -2}}, {"score/mean", {std::numeric_limits<double>::infinity(), 7}}}});
  }
  // A kill while an older release trimmed left a second file; a byte of the first is damaged.
  const std::filesystem::path agent = dir / "tensorboard" / "agent_0";
  std::filesystem::path events;
  for (const auto& entry : std::filesystem::directory_iterator(agent)) events = entry.path();
  std::filesystem::copy_file(events, events.string() + ".tmp-1");
  {
    std::fstream file(events, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(events) / 2));
    file.put('\xff');
  }
  EXPECT_EQ(test::files_in(agent), 2u);
  MetricsLog(dir.path(), 2, 400);
  EXPECT_EQ(test::files_in(agent), 1u);
  put(dir / "read.py", R"(import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
for agent in (0, 1):
    events = EventAccumulator(sys.argv[1] + "/tensorboard/agent_%d" % agent)
    events.Reload()
    for tag in sorted(events.Tags()["scalars"]):
        print(agent, tag, " ".join("%d:%g" % (e.step, e.value) for e in events.Scalars(tag)))
)");
  const std::string command = test::python() + " " + (dir / "read.py").string() + " " + dir.path().string() +
                              " > " + (dir / "out").string() + " 2> " + (dir / "err").string();
  ASSERT_EQ(std::system(command.c_str()), 0) << contents(dir / "err");
  EXPECT_EQ(contents(dir / "out"),
            "0 loss/q 100:100.5 200:200.5 300:300.5 400:-1\n"
            "1 loss/q 100:200 200:400 300:600 400:-2\n"
            "1 score/mean 400:7\n");
}

}  // namespace
}  // namespace hardy::run
