// Losses from a library in C: what they are, what an adaptive one sees, and what is refused in one line.
#include "envs/linear_mdp/plugin_losses.h"

#include "envs/linear_mdp/implicit.h"
#include "envs/linear_mdp/instance.h"
#include "envs/plugin/losses.h"
#include "tests/engine/base/refusal.h"
#include "tests/engine/run/scratch.h"
#include "tests/envs/linear_mdp/made_losses.h"

namespace hardy::envs {
namespace {

const std::string kEnv = "simplex:seed=1,H=2,S=3,A=2,d=2";

std::vector<double> table_of(const LossProcess& losses, std::int64_t k) {
  std::vector<double> scratch(2 * 3 * 2);
  const double* row = losses.losses(k, scratch.data());
  return {row, row + scratch.size()};
}

TEST(PluginLosses, AreTheFunctionsAtEachPairOfEachEpisode) {
  const test::Scratch dir;
  const std::string file = test::made_losses(dir.path(), "mine", "-DNEEDS_VIEW");
  const Instance i = make_instance(kEnv, "plugin:file=" + file + ",period=5,seed=3", 100);
  EXPECT_FALSE(i.losses->linear());
  EXPECT_FALSE(i.losses->adaptive());
  for (const std::int64_t k : {std::int64_t{0}, std::int64_t{4}, std::int64_t{5}, std::int64_t{99}}) {
    const std::vector<double> table = table_of(*i.losses, k);
    for (int h = 0; h < 2; ++h)
      for (int s = 0; s < 3; ++s)
        for (int a = 0; a < 2; ++a)
          EXPECT_EQ(table[static_cast<std::size_t>((h * 3 + s) * 2 + a)],
                    (k / 5 + h + s + a) % 2 == 0 ? 0.1 + 0.03 : 0.5);
  }
  // Results name what was played against: sha256sum's sum of the file.
  ASSERT_EQ(i.notes.size(), 1u);
  ASSERT_EQ(std::system(("sha256sum '" + file + "' > '" + (dir / "sum").string() + "'").c_str()), 0);
  EXPECT_NE(i.notes[0].find(test::contents(dir / "sum").substr(0, 64)), std::string::npos) << i.notes[0];
}

TEST(PluginLosses, AnAdaptiveOneSeesThePolicyOfTheEpisodeBeforeAndAllVisits) {
  const test::Scratch dir;
  const std::string file = test::made_losses(dir.path(), "mine", "-DPOLICY -DFLAGS=HARDY_LOSSES_ADAPTIVE");
  const Instance i = make_instance(kEnv, "plugin:file=" + file, 100);
  ASSERT_TRUE(i.losses->adaptive());
  const auto mine = i.losses->fresh(), other = i.losses->fresh();
  EXPECT_EQ(table_of(*mine, 0), std::vector<double>(12, 0.25));  // uniform, and no visits
  // Of state 1 of layer 0, which is visited in half of the episodes: three times in four action 0.
  std::vector<double> q(12, 0.0), features(4, 0.0);
  q[2] = 0.375, q[3] = 0.125;
  mine->played(0, {features, q});
  mine->played(1, {features, q});
  std::vector<double> want(12, 0.25);
  want[2] = (0.75 + 2 * 0.375 / 3) / 2, want[3] = (0.25 + 2 * 0.125 / 3) / 2;
  const std::vector<double> got = table_of(*mine, 2);
  for (std::size_t p = 0; p < 12; ++p) EXPECT_NEAR(got[p], want[p], 1e-15) << p;
  EXPECT_EQ(table_of(*other, 0), std::vector<double>(12, 0.25));  // another replica's has seen nothing
}

TEST(PluginLosses, WhatIsWrongIsALine) {
  const test::Scratch dir;
  struct Case {
    std::string defines, losses, says;
  };
  const Case cases[] = {
      {"-DBAD=1.5", "", "the loss at episode 77, h=1, s=2, a=1 is 1.5"},
      {"-DBAD=NAN", "", "the loss at episode 77, h=1, s=2, a=1 is nan"},
      {"-DFORGETFUL", "", "asked again"},
      {"-DNO_ENTRY", "", "has no function hardy_losses_entry"},
      {"'-DTABLE={2,sizeof(hardy_losses_table),0,loss,0}'", "", "version 2 of hardy/losses.h"},
      {"'-DTABLE={1,8,0,loss,0}'", "", "struct_size is 8"},
      {"'-DTABLE={1,sizeof(hardy_losses_table),0,0,0}'", "", "has no loss"},
      {"'-DTABLE={1,sizeof(hardy_losses_table),6,loss,0}'", "", "flags are 6"},
      {"'-DKEYS=\"period\"'", "", "'period' is not NAME=NUMBER"},
      {"'-DKEYS=\"seed=1\"'", "", "a key of its own is named 'seed'"},
      {"", ",periode=5", "no parameter 'periode'"},
      {"", ",share=x", "share=x"},
      {"", ",seed=-1", "seed=-1"},
  };
  for (const Case& c : cases) {
    const std::string file = test::made_losses(dir.path(), "mine" + std::to_string(&c - cases), c.defines);
    const std::string line =
        test::refusal([&] { make_instance(kEnv, "plugin:file=" + file + c.losses, 100); });
    EXPECT_NE(line.find(c.says), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  }
  for (const auto& [losses, says] :
       {std::pair{"plugin", "names no file"},
        std::pair{"plugin:file=nowhere.so", "nowhere.so: there is no such file"}})
    EXPECT_NE(test::refusal([&] { make_instance(kEnv, losses, 100); }).find(says), std::string::npos)
        << losses;
  const std::string file = test::made_losses(dir.path(), "good");
  EXPECT_NE(
      test::refusal([&] { make_simulator("implicit_simplex", "plugin:file=" + file, 10); }).find("listed"),
      std::string::npos);
}

// Libraries that are compiled stay right: entries may come at the end alone.
TEST(PluginLosses, TheLayoutOfVersionOneStays) {
  EXPECT_EQ(HARDY_LOSSES_ABI, 1);
  EXPECT_EQ(offsetof(hardy_losses_view, d), 16u);
  EXPECT_EQ(offsetof(hardy_losses_view, K), 24u);
  EXPECT_EQ(offsetof(hardy_losses_view, values), 40u);
  EXPECT_EQ(offsetof(hardy_losses_view, transitions), 56u);
  EXPECT_EQ(offsetof(hardy_losses_view, visits), 80u);
  EXPECT_EQ(offsetof(hardy_losses_table, flags), 8u);
  EXPECT_EQ(offsetof(hardy_losses_table, loss), 16u);
  EXPECT_EQ(offsetof(hardy_losses_table, keys), 24u);
}

}  // namespace
}  // namespace hardy::envs
