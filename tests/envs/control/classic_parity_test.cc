// The classic control tasks against Gymnasium's, step by step (python/classic_parity.py does the comparing).
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <fstream>

#include "engine/base/json.h"
#include "engine/base/random.h"
#include "envs/environment.h"
#include "tests/engine/run/scratch.h"
#include "tests/places.h"

namespace hardy::envs {
namespace {

// What brings a task to its end or its limit, whichever even draws do not.
double skilled(const std::string& task, const std::vector<double>& state) {
  if (task == "cart_pole") return state[0] * 0.05 + state[1] * 0.1 + state[2] + 0.5 * state[3] > 0;
  if (task == "mountain_car_continuous") return state[1] < 0 ? -1 : 1;
  if (task == "acrobot") return state[2] < 0 ? 2 : 0;  // against the first link's motion
  return 0;
}

// Until it ends or reaches its limit, and kBeyond steps on.
constexpr int kBeyond = 40;
nlohmann::json episode(const std::string& task, int state_size, std::uint64_t seed, bool by_skill) {
  const auto env = make_environment(task, 1);
  const EnvSpec& spec = env->spec();
  std::vector<double> observation(static_cast<std::size_t>(spec.observation_size)), whole(env->state_size());
  env->reset(0, seed, observation);
  const auto state = [&] {
    env->save_state(0, whole);
    return std::vector(whole.begin(), whole.begin() + state_size);
  };
  nlohmann::json e{{"task", task}, {"start", state()}};
  std::uint8_t terminated = 0, truncated = 0;
  bool over = false;
  int beyond = 0;
  for (std::uint64_t t = 0; beyond < kBeyond; ++t) {
    beyond += over;
    const Random random(seed, RandomStream::kUser);
    double reward = 0, action = by_skill ? skilled(task, state()) : 0;
    if (spec.discrete()) {
      if (!by_skill) action = random.integer(t, static_cast<std::uint32_t>(spec.action_choices));
      const auto choice = static_cast<std::int32_t>(action);
      env->step(0, 1, std::span(&choice, 1), observation, {&reward, 1}, {&terminated, 1}, {&truncated, 1});
      e["actions"].push_back(choice);
    } else {
      // Beyond the bounds as well.
      const float number =
          by_skill ? static_cast<float>(action) : 1.5f * spec.action_high[0] * (2 * random.uniform(t) - 1);
      env->step(0, 1, std::span(&number, 1), observation, {&reward, 1}, {&terminated, 1}, {&truncated, 1});
      e["actions"].push_back(static_cast<double>(number));
    }
    e["states"].push_back(state());
    e["observations"].push_back(observation);
    e["rewards"].push_back(reward);
    e["terminated"].push_back(terminated != 0);
    e["truncated"].push_back(truncated != 0);
    over = over || terminated || truncated;
  }
  return e;
}

TEST(ClassicParity, EqualsGymnasiumStepByStep) {
  nlohmann::json all = nlohmann::json::array();
  for (const auto& [task, state_size] :
       {std::pair{"cart_pole", 4}, {"acrobot", 4}, {"mountain_car_continuous", 2}, {"pendulum", 2}})
    for (std::uint64_t seed = 0; seed < 6; ++seed)
      all.push_back(episode(task, state_size, seed, seed % 3 == 0));
  const test::Scratch dir;
  std::ofstream(dir / "episodes.json") << all;
  const std::string script = (test::sources() / "tests/envs/python/classic_parity.py").string();
  const int status = std::system(
      ("'" + test::python() + "' '" + script + "' '" + (dir / "episodes.json").string() + "'").c_str());
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << test::python() << " has no gymnasium";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace hardy::envs
