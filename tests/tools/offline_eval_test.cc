// `hardy eval --offline`: policies ranked by data alone.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/tools/command.h"
#include "tests/tools/some_data.h"

namespace hardy {
namespace {

using test::hardy_command;

TEST(OfflineEval, ValuesEveryPolicyOfARunAndRefusesWhatIsOfAnEnvironment) {
  const test::Scratch dir;
  const std::string data = (dir / "d.hdf5").string(), run = (dir / "run").string();
  datasets::write_hdf5(dir / "d.hdf5", test::some_data(300));
  ASSERT_EQ(hardy_command("train bc --dataset " + data +
                          " --hidden 8 --batch-size 16 --steps 5 --seeds 2 --out " + run)
                .code,
            0);
  const std::string words =
      "eval " + run + " --offline --dataset " + data + " --hidden 8 --batch-size 32 --fit-steps 40 --fits 3";
  const test::Result one = hardy_command(words + " --json --threads 1"),
                     two = hardy_command(words + " --json --threads 2");
  ASSERT_EQ(one.code, 0) << one.err;
  EXPECT_EQ(one.out, two.out);
  const auto results = nlohmann::json::parse(one.out);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].at("values").size(), 3u);
  EXPECT_LE(results[0].at("low").get<double>(), results[0].at("value").get<double>());
  EXPECT_NE(results[0].at("value"), results[1].at("value"));
  EXPECT_NE(hardy_command(words).out.find("from 1 beginnings"), std::string::npos);

  for (const char* wrong : {" --env pendulum", " --dataset none.hdf5", " --frames somewhere"}) {
    const test::Result refused = hardy_command(words + wrong);
    EXPECT_EQ(refused.code, 2) << wrong;
    EXPECT_TRUE(test::one_line(refused.err)) << refused.err;
  }
  const test::Result half = hardy_command("eval " + run + " --env hopper --gamma 0.5");
  EXPECT_EQ(half.code, 2);
  EXPECT_NE(half.err.find("--gamma"), std::string::npos);
  EXPECT_EQ(hardy_command("eval " + run + " --offline").code, 2);
}

}  // namespace
}  // namespace hardy
