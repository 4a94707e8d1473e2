// Cart-pole against Gymnasium's CartPole-v1, step by step (python/cart_pole_parity.py does the comparing).
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/base/random.h"
#include "envs/environment.h"
#include "tests/datasets/python.h"
#include "tests/engine/run/scratch.h"

namespace hardy::envs {
namespace {

// Even draws, or what keeps the pole up: the push towards which it falls.
nlohmann::json episode(std::uint64_t seed, bool balance) {
  const auto env = make_environment("cart_pole", 1);
  std::vector<double> x(4);
  env->reset(0, seed, x);
  nlohmann::json e{{"start", x}};
  std::uint8_t terminated = 0, truncated = 0;
  for (std::uint64_t t = 0; !terminated && !truncated; ++t) {
    const std::int32_t choice = balance ? x[0] * 0.05 + x[1] * 0.1 + x[2] + 0.5 * x[3] > 0
                                        : Random(seed, RandomStream::kUser).integer(t, 2) == 1;
    double reward = 0;
    env->step(0, 1, std::span(&choice, 1), x, {&reward, 1}, {&terminated, 1}, {&truncated, 1});
    e["choices"].push_back(choice);
    e["states"].push_back(x);
    e["rewards"].push_back(reward);
    e["terminated"].push_back(terminated != 0);
    e["truncated"].push_back(truncated != 0);
  }
  return e;
}

TEST(CartPoleParity, EqualsGymnasiumStepByStep) {
  nlohmann::json all = nlohmann::json::array();
  for (std::uint64_t seed = 0; seed < 12; ++seed) all.push_back(episode(seed, seed % 3 == 0));
  const test::Scratch dir;
  std::ofstream(dir / "episodes.json") << all;
  const std::string script =
      (std::filesystem::path(HARDY_TEST_DATA).parent_path() / "envs/python/cart_pole_parity.py").string();
  const int status = std::system(
      ("'" + test::python() + "' '" + script + "' '" + (dir / "episodes.json").string() + "'").c_str());
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << test::python() << " has no gymnasium";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace hardy::envs
