// --device through the real command: training on the emulated device, and what is said where it cannot be.
#include <gtest/gtest.h>

#include <filesystem>

#include "datasets/formats/hdf5_file.h"
#include "engine/run/checkpoints.h"
#include "tests/tools/command.h"
#include "tests/tools/some_data.h"

namespace hardy {
namespace {

namespace fs = std::filesystem;

std::string train(const test::Scratch& dir, const std::string& more, const std::string& out = "run",
                  int steps = 4, int batch = 8) {
  datasets::write_hdf5(dir / "data.hdf5", test::some_data(60));
  return "train bc --dataset " + (dir / "data.hdf5").string() + " --steps " + std::to_string(steps) +
         " --batch-size " + std::to_string(batch) + " --log-every 2 --checkpoint-every 2 --out " +
         (dir / out).string() + " " + more;
}
void expect_refusal(const test::Result& r, int code, std::initializer_list<const char*> parts) {
  EXPECT_EQ(r.code, code) << r.err;
  EXPECT_TRUE(test::one_line(r.err)) << r.err;
  for (const char* part : parts) EXPECT_NE(r.err.find(part), std::string::npos) << r.err;
}

TEST(DeviceCommand, TrainsOnTheEmulatedDeviceAndResumesThere) {
  const test::Scratch dir;
  const test::Result r = test::hardy_command(train(dir, "--device cuda-emulated"));
  EXPECT_EQ(r.code, 0) << r.err;
  const std::string metrics = test::contents(dir / "run" / "metrics.jsonl");
  EXPECT_NE(metrics.find("loss/policy"), std::string::npos) << metrics;
  EXPECT_TRUE(std::filesystem::exists(dir / "run" / "policy" / "agent_0.policy"));
  EXPECT_EQ(test::hardy_command("resume " + (dir / "run").string()).code, 0);
}

// Environment steps within the device, and over the host.
TEST(DeviceCommand, AMethodThatInteractsRunsKernelByKernelToTheSameBits) {
  for (const char* env : {"pendulum", "mountain_car_continuous"}) {
    const test::Scratch dir;
    for (const char* check : {"", " --device-check"}) {
      const test::Result r = test::hardy_command("train sac --env " + std::string(env) +
                                                 " --device cuda-emulated --hidden 8 --batch-size 4 "
                                                 "--start-steps 4 --steps 8 --eval-every 0 --out " +
                                                 (dir / (*check ? "checked" : "run")).string() + check);
      ASSERT_EQ(r.code, 0) << r.err;
    }
    const auto last = [&](const char* run) {
      return test::contents(run::Checkpoints(dir / run / "checkpoints").path_of(8));
    };
    EXPECT_FALSE(last("run").empty());
    EXPECT_EQ(last("checked"), last("run")) << env;
  }
}

constexpr const char* kUnchecked = "HARDY_EMULATION_CHECK=0 ";  // layers 256 wide, quicker

TEST(DeviceCommand, ProductsOnTensorCoresAreTheRunsOwnAndGoOnToTheSameBits) {
  const test::Scratch dir;
  const std::string three = "--device cuda-emulated --tf32x3";
  ASSERT_EQ(test::hardy_command(train(dir, "--device cuda-emulated", "f32", 4, 32), kUnchecked).code, 0);
  ASSERT_EQ(test::hardy_command(train(dir, three, "whole", 4, 32), kUnchecked).code, 0);
  ASSERT_EQ(test::hardy_command(train(dir, three, "run", 2, 32), kUnchecked).code, 0);
  EXPECT_NE(test::contents(dir / "run/config.ini").find("\ntf32x3 = true"), std::string::npos);
  const test::Result resumed =
      test::hardy_command("resume " + (dir / "run").string() + " --steps 4", kUnchecked);
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  const auto checkpoint = [&](const char* run) {
    return test::contents(run::Checkpoints(dir / run / "checkpoints").path_of(4));
  };
  EXPECT_FALSE(checkpoint("whole").empty());
  EXPECT_EQ(checkpoint("run"), checkpoint("whole"));
  EXPECT_NE(checkpoint("f32"), checkpoint("whole"));
}

TEST(DeviceCommand, ProductsThatCannotBeAreRefusedInOneLineBeforeAnythingIsWritten) {
  const test::Scratch dir;
  expect_refusal(test::hardy_command(train(dir, "--tf32x3")), 2,
                 {"--tf32x3", "is for GPUs", "--device cuda"});
  expect_refusal(test::hardy_command(train(dir, "--tf32x3 --tf32 --device cuda-emulated")), 2,
                 {"--tf32: excludes --tf32x3", "leave out one"});
  EXPECT_FALSE(fs::exists(dir / "run"));
}

constexpr const char* kTwoDevices = "HARDY_EMULATION_DEVICES=2 ";

TEST(DeviceCommand, AgentsAmongSeveralDevicesGoOnToTheSameBits) {
  const test::Scratch dir;
  const std::string on_two = "--seeds 2 --device cuda-emulated:0,1";
  const test::Result whole = test::hardy_command(train(dir, on_two, "whole"), kTwoDevices);
  ASSERT_EQ(whole.code, 0) << whole.err;
  EXPECT_NE(whole.out.find("seed 1: ok"), std::string::npos) << whole.out;
  ASSERT_EQ(test::hardy_command(train(dir, on_two, "run", 2), kTwoDevices).code, 0);
  const test::Result resumed =
      test::hardy_command("resume " + (dir / "run").string() + " --steps 4", kTwoDevices);
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  const auto checkpoint = [&](const char* run) {
    return test::contents(run::Checkpoints(dir / run / "checkpoints").path_of(4));
  };
  EXPECT_FALSE(checkpoint("whole").empty());
  EXPECT_EQ(checkpoint("run"), checkpoint("whole"));
}

TEST(DeviceCommand, ARunGoesOnOnAnotherDeviceOfItsKindToTheSameBitsAndOnNoOtherKind) {
  const test::Scratch dir;
  const std::string run = (dir / "run").string();
  ASSERT_EQ(test::hardy_command(train(dir, "--device cuda-emulated", "whole")).code, 0);
  ASSERT_EQ(test::hardy_command(train(dir, "--device cuda-emulated", "run", 2)).code, 0);
  const std::string config = test::contents(dir / "run/config.ini");
  expect_refusal(test::hardy_command("resume " + run + " --steps 4 --device cpu"), 2,
                 {"--device cpu", "the run trains on cuda-emulated", "give another cuda-emulated:N"});
  expect_refusal(test::hardy_command("resume " + run + " --steps 4 --device cuda-emulated:1"), 2,
                 {"there is no device 1"});
  EXPECT_EQ(test::contents(dir / "run/config.ini"), config);
  // This time alone: with both options the run stays what it was.
  const test::Result resumed = test::hardy_command(
      "resume " + run + " --steps 4 --device cuda-emulated:1 --device-check", kTwoDevices);
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  const auto checkpoint = [&](const char* of) {
    return test::contents(run::Checkpoints(dir / of / "checkpoints").path_of(4));
  };
  EXPECT_FALSE(checkpoint("whole").empty());
  EXPECT_EQ(checkpoint("run"), checkpoint("whole"));
  const std::string now = test::contents(dir / "run/config.ini");
  EXPECT_EQ(now.find("cuda-emulated:1"), std::string::npos) << now;
  const test::Result again = test::hardy_command("resume " + run + " --steps 6");
  EXPECT_EQ(again.code, 0) << again.err;

  ASSERT_EQ(test::hardy_command(train(dir, "", "on_cpu")).code, 0);
  expect_refusal(test::hardy_command("resume " + (dir / "on_cpu").string() + " --device cuda-emulated"), 2,
                 {"--device cuda-emulated", "the run trains on cpu", "leave it out, or begin another run"});
}

TEST(DeviceCommand, ABatchInShardsLeavesTheSameCheckpointFromOneDeviceAndFromTwo) {
  const test::Scratch dir;
  const auto checkpoint_on = [&](const std::string& device) {
    const test::Result r =
        test::hardy_command(train(dir, "--shards 2 --accumulate 2 --device " + device, device), kTwoDevices);
    EXPECT_EQ(r.code, 0) << r.err;
    return test::contents(run::Checkpoints(dir / device / "checkpoints").path_of(4));
  };
  const std::string one = checkpoint_on("cuda-emulated:1");
  EXPECT_FALSE(one.empty());
  EXPECT_EQ(checkpoint_on("cuda-emulated:1,0"), one);
}

TEST(DeviceCommand, RefusesSeveralDevicesThatCannotShareTheWorkOrAreNotThere) {
  const test::Scratch dir;
  expect_refusal(test::hardy_command(train(dir, "--seeds 3 --device cuda-emulated:0,1")), 2,
                 {"--seeds 3", "2 devices cannot have equally many agents", "a multiple of 2"});
  expect_refusal(test::hardy_command(train(dir, "--shards 3 --device cuda-emulated:0,1")), 2,
                 {"--shards 3", "2 devices cannot have equally many of them", "a multiple of 2"});
  expect_refusal(test::hardy_command(train(dir, "--seeds 2 --device cuda-emulated:0,1")), 2,
                 {"there is no device 1"});
  expect_refusal(test::hardy_command(train(dir, "--seeds 2 --device cuda-emulated:0,0")), 2,
                 {"names cuda-emulated:0 twice"});
  expect_refusal(test::hardy_command("train sac --env pendulum --device cuda-emulated:0,1 --out " +
                                     (dir / "run").string()),
                 2, {"only methods that learn from a dataset", "name one"});
  EXPECT_FALSE(fs::exists(dir / "run"));
}

TEST(DeviceCommand, RefusesDevicesThatAreNotThereInOneLine) {
  const test::Scratch dir;
  expect_refusal(test::hardy_command(train(dir, "--device cuda-emulated:3")), 2, {"there is no device 3"});
  expect_refusal(test::hardy_command(train(dir, "--device quantum")), 2,
                 {"there is no such device", "known: cpu"});
  expect_refusal(test::hardy_command(train(dir, "--device cuda-emulated"), "HARDY_EMULATION_DRIVER=12040 "),
                 2, {"driver is for CUDA 12.4", "newer driver"});
  expect_refusal(test::hardy_command(train(dir, "--device cuda-emulated"), "HARDY_EMULATION_DEVICES=0 "), 2,
                 {"no CUDA device"});
  EXPECT_FALSE(std::filesystem::exists(dir / "run"));
}

TEST(DeviceCommand, SaysWhatMemoryIsNeededAndFreeBeforeTheRunBegins) {
  const test::Scratch dir;
  expect_refusal(test::hardy_command(train(dir, "--device cuda-emulated --hidden 512 --seeds 4"),
                                     "HARDY_EMULATION_MEMORY=8 "),
                 2, {"too little memory", "are needed", "are free"});
  EXPECT_FALSE(std::filesystem::exists(dir / "run"));
}

// Without the leak checker: after a failed kernel its own tracer may crash ("Tracer caught signal 11").
constexpr const char* kFailing =
    "ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 HARDY_EMULATION_ON_ERROR=error HARDY_EMULATION_FAIL_LAUNCH=";

// Kernel launches of a whole run of four steps: a failure that is due after them does not come.
int launches_of_a_run(const test::Scratch& dir) {
  int low = 1, high = 256;
  while (low < high) {
    const int middle = (low + high) / 2;
    const std::string name = "probe" + std::to_string(middle);
    const test::Result r = test::hardy_command(train(dir, "--device cuda-emulated", name),
                                               kFailing + std::to_string(middle) + " ");
    (r.code == 0 ? high : low) = r.code == 0 ? middle : middle + 1;
  }
  return low;
}

TEST(DeviceCommand, AfterAFailedKernelTheLastCheckpointStaysAndResumesToTheSameBits) {
  const test::Scratch dir;
  ASSERT_EQ(test::hardy_command(train(dir, "--device cuda-emulated")).code, 0);
  std::filesystem::rename(dir / "run", dir / "whole");
  const int last = launches_of_a_run(dir) - 1;  // of the fourth step: a checkpoint of the second is there
  const test::Result failed =
      test::hardy_command(train(dir, "--device cuda-emulated"), kFailing + std::to_string(last) + " ");
  expect_refusal(failed, 1,
                 {"a step from 3 to 4", "cudaErrorLaunchFailure", "the checkpoint of step 2 stays",
                  "hardy resume", "--device-check"});
  EXPECT_FALSE(std::filesystem::exists(dir / "run" / "policy" / "agent_0.policy"));
  // Checked from the checkpoint on, the op and the kernel have names.
  const test::Result named = test::hardy_command("resume " + (dir / "run").string() + " --device-check",
                                                 std::string(kFailing) + "20 ");
  expect_refusal(named, 1,
                 {": step 4: op ", ": unspecified launch failure", "the checkpoint of step 2 stays"});
  const test::Result resumed = test::hardy_command("resume " + (dir / "run").string());
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(test::contents(dir / "run" / "policy" / "agent_0.policy"),
            test::contents(dir / "whole" / "policy" / "agent_0.policy"));
}

constexpr const char* kRegret =
    "regret --env simplex:seed=20230131,H=3,S=4,A=3,d=3,K=8 --losses switching:period=5 --replicas 3 --c-eta "
    "10 "
    "--method 'ftrl_log_barrier exp_weights_magnitude_reduced:covariance=empirical,M=5 uniform' --resamples "
    "50 ";

TEST(DeviceCommand, ARegretStudyThereSaysWhatItSaysOfTheCpu) {
  const test::Scratch dir;
  const std::string study = std::string(kRegret) + "--episodes '16 32 64' --out ";
  const test::Result here = test::hardy_command(study + (dir / "here").string()),
                     there =
                         test::hardy_command(study + (dir / "there").string() + " --device cuda-emulated");
  ASSERT_EQ(here.code, 0) << here.err;
  ASSERT_EQ(there.code, 0) << there.err;
  EXPECT_NE(here.out.find("ftrl_log_barrier"), std::string::npos) << here.out;
  EXPECT_EQ(here.out, there.out);
  EXPECT_NE(test::contents(dir / "there" / "run.json").find("\"device\": \"cuda-emulated\""),
            std::string::npos);
  const std::string single = "regret --episodes 20 --seed 3";
  EXPECT_EQ(test::hardy_command(single).out, test::hardy_command(single + " --device cuda-emulated").out);
}

// One launch a run: the third run's fails, and the first two are kept.
TEST(DeviceCommand, AfterAFailedKernelAStudyKeepsItsRunsAndGoesOnToTheSameResults) {
  const test::Scratch dir;
  const std::string study = std::string(kRegret) + "--episodes '4 6 8 10' --device cuda-emulated --out ";
  ASSERT_EQ(test::hardy_command(study + (dir / "whole").string()).code, 0);
  int launch = 1;
  test::Result failed{};
  do {  // the command's look at how long it will take launches too
    failed = test::hardy_command(study + (dir / "run").string(), kFailing + std::to_string(launch++) + " ");
    ASSERT_LT(launch, 60);
  } while (!std::filesystem::exists(dir / "run" / "run.json"));
  EXPECT_EQ(failed.code, 1) << failed.err;
  EXPECT_NE(failed.err.find("an episode from 1 to"), std::string::npos) << failed.err;
  EXPECT_NE(failed.err.find("cudaErrorLaunchFailure"), std::string::npos) << failed.err;
  const std::string again = study + (dir / "run").string() + " --or-resume";
  ASSERT_EQ(test::hardy_command(again).code, 0);
  const auto results = [&](const char* run) {
    std::string text = test::contents(dir / run / "results.json");
    for (std::size_t at = text.find("\"seconds\""); at != std::string::npos;
         at = text.find("\"seconds\"", at))
      text.erase(at, text.find('\n', at) - at);
    return text;
  };
  EXPECT_EQ(results("run"), results("whole"));
  const test::Result elsewhere = test::hardy_command(
      std::string(kRegret) + "--episodes '4 6 8 10' --or-resume --out " + (dir / "run").string());
  expect_refusal(elsewhere, 2, {"device"});
}

TEST(DeviceCommand, WhatOfRegretStaysOnTheCpuIsRefusedInOneLineAndNothingIsWritten) {
  const test::Scratch dir;
  const std::string there = " --device cuda-emulated --episodes 8 --out " + (dir / "run").string();
  expect_refusal(test::hardy_command("regret --method o_reps" + there), 2,
                 {"'o_reps' plays on the CPU alone", "--device cuda-emulated"});
  expect_refusal(test::hardy_command("regret --losses adaptive" + there), 2, {"adversaries that adapt"});
  expect_refusal(test::hardy_command("regret --evaluation simulator" + there), 2, {"simulator"});
  expect_refusal(test::hardy_command("regret --env simplex:H=1,S=70,A=2,d=65" + there), 2,
                 {"d = 65 is played on the CPU alone", "at most d = 64"});
  expect_refusal(test::hardy_command("regret --env simplex:H=10,S=300,A=4,d=4 --replicas 20000" + there), 2,
                 {"the instance takes", "are free", "replicas would fit"});
  expect_refusal(test::hardy_command("regret --device cuda-emulated:7"), 2, {"there is no device 7"});
  EXPECT_FALSE(std::filesystem::exists(dir / "run"));
  expect_refusal(test::hardy_command("bench uniform --device-threads 4"), 2,
                 {"--device-threads", "for GPUs"});
}

TEST(DeviceCommand, AGpuThatCannotBeUsedIsExplained) {
  const test::Result listed = test::hardy_command("devices");
  EXPECT_EQ(listed.code, 0);
  EXPECT_NE(listed.out.find("cpu"), std::string::npos) << listed.out;
  if (listed.out.find("no GPU") == std::string::npos)
    GTEST_SKIP() << "this machine has a GPU: " << listed.out;
  const test::Scratch dir;
  const test::Result r = test::hardy_command(train(dir, "--device cuda"));
  EXPECT_EQ(r.code, 2);
  EXPECT_TRUE(test::one_line(r.err)) << r.err;
  EXPECT_NE(r.err.find("nvidia"), std::string::npos) << r.err;  // the package that helps
}

}  // namespace
}  // namespace hardy
