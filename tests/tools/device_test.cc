// --device through the real command: training on the emulated device, and what is said where it cannot be.
#include <gtest/gtest.h>

#include <filesystem>

#include "datasets/formats/hdf5_file.h"
#include "tests/tools/command.h"
#include "tests/tools/some_data.h"

namespace hardy {
namespace {

std::string train(const test::Scratch& dir, const std::string& more, const std::string& out = "run") {
  datasets::write_hdf5(dir / "data.hdf5", test::some_data(60));
  return "train bc --dataset " + (dir / "data.hdf5").string() +
         " --steps 4 --batch-size 8 --log-every 2 --checkpoint-every 2 --out " + (dir / out).string() + " " +
         more;
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
