// Plug-ins for tests, tests/envs/plugin/counting.c compiled into a folder with what `defines` says of its
// table; and a step of their batches.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/base/threads.h"
#include "envs/environment.h"
#include "tests/places.h"

namespace hardy::test {

inline std::string made_plugin(const std::filesystem::path& folder, const std::string& name,
                               const std::string& defines = "") {
  const std::filesystem::path root = sources();
  const std::string file = (folder / (name + ".so")).string();
  const int code = std::system(
      ("cc -std=gnu99 -O1 -Wall -Werror -Wno-unused-function -Wno-unused-variable -Wno-unused-const-variable "
       "-shared -fPIC -I'" +
       root.string() + "' " + defines + " -o '" + file + "' '" +
       (root / "tests/envs/plugin/counting.c").string() + "' -lm")
          .c_str());
  EXPECT_EQ(code, 0) << defines;
  return file;
}

// Memory for a batch and one step of it.
struct Stepped {
  explicit Stepped(envs::BatchEnvironment& e)
      : env(e),
        observations(static_cast<std::size_t>(e.size() * e.spec().observation_size)),
        rewards(static_cast<std::size_t>(e.size())),
        terminated(static_cast<std::size_t>(e.size())),
        truncated(static_cast<std::size_t>(e.size())) {}
  void reset(int i, std::uint64_t seed) {
    const auto size = static_cast<std::size_t>(env.spec().observation_size);
    env.reset(i, seed, std::span(observations).subspan(static_cast<std::size_t>(i) * size, size));
  }
  void step(const std::vector<float>& actions, std::span<const std::uint8_t> running = {}) {
    envs::step_all(env, team, actions, observations, rewards, terminated, truncated, running);
  }
  envs::BatchEnvironment& env;
  ThreadTeam team{2};
  std::vector<double> observations, rewards;
  std::vector<std::uint8_t> terminated, truncated;
};

}  // namespace hardy::test
