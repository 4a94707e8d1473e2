// `hardy export`: a policy for another runtime, of a run or a file.
#include <gtest/gtest.h>

#include "tests/engine/run/scratch.h"
#include "tests/tools/command.h"

namespace hardy::test {
namespace {

namespace fs = std::filesystem;

TEST(ExportCommand, WritesEachFormatAndRefusesWhatItDoesNotKnow) {
  const Scratch dir;
  const std::string run = (dir / "run").string();
  ASSERT_EQ(hardy_command("train sac --env pendulum --hidden 8 --batch-size 16 --eval-episodes 1 --seeds 2 "
                          "--steps 60 --start-steps 20 --out '" +
                          run + "'")
                .code,
            0);
  const auto out = [&](const std::string& name) { return "'" + (dir / name).string() + "'"; };
  for (const char* name : {"my-policy.c", "a.onnx", "a.safetensors"}) {
    const Result r = hardy_command("export '" + run + "' --agent 1 " + out(name));
    EXPECT_EQ(r.code, 0) << r.err;
    EXPECT_GT(fs::file_size(dir / name), 500u);
  }
  EXPECT_NE(contents(dir / "my-policy.c").find("void my_policy_act("), std::string::npos);
  EXPECT_EQ(
      hardy_command("export '" + run + "/policy/agent_1.policy' --to c --name my_policy " + out("same")).code,
      0);
  const auto refused = [&](const std::string& words, const std::string& says) {
    const Result r = hardy_command("export " + words);
    EXPECT_EQ(r.code, 2) << words;
    EXPECT_TRUE(one_line(r.err)) << r.err;
    EXPECT_NE(r.err.find(says), std::string::npos) << r.err;
  };
  refused("'" + run + "' " + out("x"), "which format?; give onnx, safetensors or c");
  refused("'" + run + "' " + out("x.tflite"), "there is no format 'tflite'");
  refused("'" + run + "' " + out("x.c") + " --agent 2", "--agent 2: is not there");
  refused("'" + run + "' " + out("x.c") + " --name 3d", "is no name in C");
  refused("'" + run + "' " + out("x.c") + " --best", "was not trained with --keep-best");
  refused("'" + run + "' " + out("a.onnx"), "exists already");
  refused(out("a.onnx") + " " + out("x.c"), "is not a Hardy file");
}

}  // namespace
}  // namespace hardy::test
