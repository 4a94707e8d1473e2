// hardy/hardy.h: a simulator in C acts by a policy.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "algorithms/acting/policy_file.h"
#include "engine/base/json.h"
#include "tests/algorithms/acting/made_policies.h"
#include "tests/engine/count_allocations.h"
#include "tests/engine/run/scratch.h"
#include "tools/api/hardy.h"

namespace hardy::test {
namespace {

using algorithms::Actor;
using algorithms::chooses;

struct Acted {
  std::vector<float> actions, log_probs;
  std::vector<std::int32_t> choices;
  bool operator==(const Acted&) const = default;
};

// Frees itself.
struct Policy {
  ~Policy() {
    hardy_actor_destroy(actor);
    hardy_policy_close(policy);
  }
  hardy_policy* policy = nullptr;
  hardy_actor* actor = nullptr;
};

// seeds empty: by the mode.
Acted act(hardy_actor* actor, const algorithms::PolicySpec& spec, const std::vector<double>& observations,
          const std::vector<std::uint64_t>& seeds, std::uint64_t step = 0) {
  const std::size_t rows = observations.size() / static_cast<std::size_t>(spec.observation_size);
  Acted acted;
  acted.log_probs.resize(rows);
  acted.actions.resize(chooses(spec.head) ? 0 : rows * static_cast<std::size_t>(spec.action_size));
  acted.choices.resize(chooses(spec.head) ? rows : 0);
  float* const actions = acted.actions.empty() ? nullptr : acted.actions.data();
  std::int32_t* const choices = acted.choices.empty() ? nullptr : acted.choices.data();
  const auto n = static_cast<std::int64_t>(rows);
  const int status = seeds.empty()
                         ? hardy_act(actor, n, observations.data(), actions, choices, acted.log_probs.data())
                         : hardy_act_sample(actor, n, observations.data(), seeds.data(), step, actions,
                                            choices, acted.log_probs.data());
  EXPECT_EQ(status, HARDY_OK) << hardy_last_error();
  return acted;
}

// What the engine does with the same rows.
Acted by_the_engine(const MadePolicy& made, const std::vector<double>& observations,
                    const std::vector<std::uint64_t>& seeds, std::uint64_t step) {
  const std::size_t rows = observations.size() / 3;
  Actor actor(made.spec, static_cast<std::int64_t>(rows), made.parameters);
  ActionMemory memory(made.spec.action_size, made.spec.action_choices, rows);
  std::vector<Random> draws;
  for (const std::uint64_t seed : seeds) draws.emplace_back(seed, RandomStream::kExplore, step);
  Acted acted;
  acted.log_probs.resize(rows);
  ThreadTeam team(1);
  actor.act(observations, draws, memory, acted.log_probs, team);
  acted.actions = memory.numbers, acted.choices = memory.choices;
  return acted;
}

TEST(PolicyApi, EveryKindActsByModeAndByDrawsAsTheEngineDoesFromFileAndFromMemory) {
  const Scratch dir;
  const std::vector<double> observations = drawn_observations(5, 1);
  const std::vector<std::uint64_t> seeds{7, 8, 9, 10, 1ull << 63};
  int stochastic = 0;
  for (const MadePolicy& made : made_policies()) {
    algorithms::write_policy(dir / "a.policy", made.spec, made.parameters, {{"env", "somewhere"}});
    const std::string bytes = contents(dir / "a.policy");
    for (const bool from_memory : {false, true}) {
      Policy p;
      ASSERT_EQ(from_memory ? hardy_policy_open_memory(bytes.data(), bytes.size(), &p.policy)
                            : hardy_policy_open((dir / "a.policy").c_str(), &p.policy),
                HARDY_OK)
          << hardy_last_error();
      ASSERT_EQ(hardy_actor_create(p.policy, 8, &p.actor), HARDY_OK)
          << hardy_last_error();  // more than it gets
      hardy_policy_info info{};
      info.struct_size = sizeof info;
      ASSERT_EQ(hardy_policy_describe(p.policy, &info), HARDY_OK);
      EXPECT_EQ(info.observation_size, 3);
      EXPECT_EQ(info.action_kind, chooses(made.spec.head) ? HARDY_CHOICES : HARDY_NUMBERS);
      EXPECT_EQ(info.action_choices, made.spec.action_choices);
      EXPECT_EQ(info.action_size, made.spec.action_size);
      EXPECT_EQ(info.head, algorithms::name_of(made.spec.head));
      EXPECT_STREQ(info.environment, "somewhere");
      if (info.action_kind == HARDY_NUMBERS) {
        EXPECT_EQ(std::vector<float>(info.action_low, info.action_low + 2), made.spec.action_low);
        EXPECT_EQ(std::vector<float>(info.action_high, info.action_high + 2), made.spec.action_high);
      }
      const Acted mode = act(p.actor, made.spec, observations, {}),
                  sample = act(p.actor, made.spec, observations, seeds, 3);
      // The mode's log_prob of a Gaussian is at noise 0: the same in both.
      EXPECT_EQ(mode, by_the_engine(made, observations, {}, 0)) << info.head;
      EXPECT_EQ(sample, by_the_engine(made, observations, seeds, 3)) << info.head;
      EXPECT_EQ(info.stochastic != 0, sample != mode) << info.head;
      EXPECT_EQ(sample == act(p.actor, made.spec, observations, seeds, 4), info.stochastic == 0);
      stochastic += info.stochastic;
    }
  }
  EXPECT_EQ(stochastic, 8);  // tanh_gaussian, gaussian of both formats, categorical; each twice
}

TEST(PolicyApi, ARowsActionDependsNeitherOnItsRowNorOnTheOthers) {
  const Scratch dir;
  for (const MadePolicy& made : {made_policies()[2], made_policies()[5]}) {
    algorithms::write_policy(dir / "a.policy", made.spec, made.parameters, {});
    Policy crowd, alone;
    ASSERT_EQ(hardy_policy_open((dir / "a.policy").c_str(), &crowd.policy), HARDY_OK);
    ASSERT_EQ(hardy_actor_create(crowd.policy, 6, &crowd.actor), HARDY_OK);
    ASSERT_EQ(hardy_actor_create(crowd.policy, 1, &alone.actor), HARDY_OK);
    hardy_policy_close(crowd.policy);  // actors stay
    crowd.policy = nullptr;
    const std::vector<double> observations = drawn_observations(6, 2);
    const Acted all = act(crowd.actor, made.spec, observations, {1, 2, 3, 4, 5, 6}, 9);
    for (std::size_t i = 0; i < 6; ++i) {
      const auto at = observations.begin() + static_cast<std::ptrdiff_t>(3 * i);
      const Acted one = act(alone.actor, made.spec, {at, at + 3}, {i + 1}, 9);
      EXPECT_EQ(one.log_probs[0], all.log_probs[i]);
      if (chooses(made.spec.head))
        EXPECT_EQ(one.choices[0], all.choices[i]);
      else
        EXPECT_EQ(one.actions[1], all.actions[2 * i + 1]);
    }
  }
}

TEST(PolicyApi, ActorsOfOnePolicyActAtOnceInThreadsWithoutAllocating) {
  const Scratch dir;
  const MadePolicy made = made_policies()[2];
  algorithms::write_policy(dir / "a.policy", made.spec, made.parameters, {});
  Policy p;
  ASSERT_EQ(hardy_policy_open((dir / "a.policy").c_str(), &p.policy), HARDY_OK);
  const std::vector<double> observations = drawn_observations(2, 3);
  const std::vector<std::uint64_t> seeds{4, 5};
  const Acted expected = by_the_engine(made, observations, seeds, 6);
  std::vector<int> wrong(4, 0);
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t] {
      Policy mine;
      wrong[t] += hardy_actor_create(p.policy, 2, &mine.actor) != HARDY_OK;
      for (int i = 0; i < 200; ++i)
        wrong[t] += act(mine.actor, made.spec, observations, seeds, 6) != expected;
    });
  threads.clear();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));

  ASSERT_EQ(hardy_actor_create(p.policy, 2, &p.actor), HARDY_OK);
  float actions[4], log_probs[2];
  const double bad[] = {0, 0, std::nan(""), 0, 0, 0};
  const std::int64_t before = allocations() + mallocs();
  int status = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    status |= hardy_act_sample(p.actor, 2, observations.data(), seeds.data(), i, actions, nullptr, log_probs);
    status |= hardy_act(p.actor, 1, observations.data(), actions, nullptr, nullptr);
  }
  const int refused = hardy_act(p.actor, 2, bad, actions, nullptr, nullptr);
  EXPECT_EQ(allocations() + mallocs(), before);
  EXPECT_EQ(status, HARDY_OK);
  EXPECT_EQ(refused, HARDY_BAD_INPUT);
}

TEST(PolicyApi, TheDensityOfGivenActionsIsThatOfTheOnesItDrew) {
  const Scratch dir;
  const std::vector<double> observations = drawn_observations(3, 4);
  for (const MadePolicy& made : made_policies()) {
    algorithms::write_policy(dir / "a.policy", made.spec, made.parameters, {});
    Policy p;
    ASSERT_EQ(hardy_policy_open((dir / "a.policy").c_str(), &p.policy), HARDY_OK);
    ASSERT_EQ(hardy_actor_create(p.policy, 4, &p.actor), HARDY_OK);
    Acted drawn = act(p.actor, made.spec, observations, {1, 2, 3});
    std::vector<float> given(3);
    const auto ask = [&] {
      return hardy_log_prob(p.actor, 3, observations.data(),
                            drawn.actions.empty() ? nullptr : drawn.actions.data(),
                            drawn.choices.empty() ? nullptr : drawn.choices.data(), given.data());
    };
    if (made.spec.head == algorithms::Head::kDeterministic) {
      EXPECT_EQ(ask(), HARDY_BAD_INPUT);
      continue;
    }
    ASSERT_EQ(ask(), HARDY_OK) << hardy_last_error();
    // A Gaussian's action that was held to a bound has the density there, not that of the draw.
    for (std::size_t i = 0; i < 3; ++i) {
      bool inside = true;
      for (std::size_t k = 0; k < 2 && !drawn.actions.empty(); ++k)
        inside = inside && drawn.actions[2 * i + k] > made.spec.action_low[k] &&
                 drawn.actions[2 * i + k] < made.spec.action_high[k];
      if (inside) {
        EXPECT_NEAR(given[i], drawn.log_probs[i], 2e-3) << algorithms::name_of(made.spec.head);
      }
    }
    if (drawn.choices.empty()) {
      drawn.actions[0] = 3;  // its bounds are -2 and 2
      ASSERT_EQ(ask(), HARDY_OK);
      EXPECT_EQ(given[0], -std::numeric_limits<float>::infinity());
    } else {
      drawn.choices[1] = 4;
      EXPECT_EQ(ask(), HARDY_BAD_INPUT);
      drawn.choices[1] = 3;
      EXPECT_EQ(ask(), HARDY_OK);
    }
    EXPECT_EQ(hardy_log_prob(p.actor, 3, observations.data(), nullptr, nullptr, given.data()),
              HARDY_BAD_INPUT);
  }
}

TEST(PolicyApi, WhatCannotBeRightIsACodeAndALine) {
  const Scratch dir;
  const MadePolicy made = made_policies()[1], choosing = made_policies()[6];
  algorithms::write_policy(dir / "a.policy", made.spec, made.parameters, {});
  algorithms::write_policy(dir / "c.policy", choosing.spec, choosing.parameters, {});
  const std::string bytes = contents(dir / "a.policy");
  put(dir / "short.policy", bytes.substr(0, bytes.size() - 100));
  put(dir / "foreign.policy", "PK" + std::string(500, 'x'));
  const auto refused = [](int status, const char* says) {
    EXPECT_EQ(status, HARDY_BAD_INPUT);
    EXPECT_NE(std::string(hardy_last_error()).find(says), std::string::npos) << hardy_last_error();
    EXPECT_EQ(std::string(hardy_last_error()).find('\n'), std::string::npos);
  };
  Policy before;
  ASSERT_EQ(hardy_policy_open((dir / "a.policy").c_str(), &before.policy), HARDY_OK);
  hardy_policy* none = before.policy;  // which the refused call sets to NULL
  refused(hardy_policy_open((dir / "short.policy").c_str(), &none), "short.policy: is truncated or damaged");
  EXPECT_EQ(none, nullptr);
  refused(hardy_policy_open((dir / "foreign.policy").c_str(), &none), "foreign.policy: is not a Hardy file");
  refused(hardy_policy_open((dir / "nowhere").c_str(), &none), "nowhere: cannot be read");
  refused(hardy_policy_open(dir.path().c_str(), &none), "cannot be read");
  refused(hardy_policy_open_memory(bytes.data(), 20, &none), "in memory: is too short");
  refused(hardy_policy_open(nullptr, &none), "path: is NULL");
  refused(hardy_policy_open("a", nullptr), "out: is NULL");

  Policy p, c;
  ASSERT_EQ(hardy_policy_open((dir / "a.policy").c_str(), &p.policy), HARDY_OK);
  ASSERT_EQ(hardy_policy_open((dir / "c.policy").c_str(), &c.policy), HARDY_OK);
  hardy_policy_info info{};
  refused(hardy_policy_describe(p.policy, &info), "struct_size is 0; set it to sizeof(hardy_policy_info)");
  refused(hardy_actor_create(p.policy, 0, &p.actor), "rows: is 0");
  refused(hardy_actor_create(nullptr, 1, &p.actor), "policy: is NULL");
  ASSERT_EQ(hardy_actor_create(p.policy, 2, &p.actor), HARDY_OK);
  ASSERT_EQ(hardy_actor_create(c.policy, 1, &c.actor), HARDY_OK);
  double observations[6] = {};
  float actions[4];
  std::int32_t choices[2];
  refused(hardy_act(p.actor, 3, observations, actions, nullptr, nullptr),
          "rows is 3; the actor was made for 1 to 2");
  refused(hardy_act(p.actor, 1, nullptr, actions, nullptr, nullptr), "observations is NULL");
  refused(hardy_act(nullptr, 1, observations, actions, nullptr, nullptr), "actor is NULL");
  refused(hardy_act(p.actor, 1, observations, nullptr, choices, nullptr), "the policy has numbers");
  refused(hardy_act(c.actor, 1, observations, actions, nullptr, nullptr), "the policy has choices");
  refused(hardy_act_sample(c.actor, 1, observations, nullptr, 0, nullptr, choices, nullptr), "seeds is NULL");
  observations[4] = std::numeric_limits<double>::infinity();
  refused(hardy_act(p.actor, 2, observations, actions, nullptr, nullptr),
          "observation 1 of row 1 is not finite");
  hardy_policy_close(nullptr);
  hardy_actor_destroy(nullptr);
}

// A checksum is no signature: a header that speaks of other sizes than the tensors have is refused when the
// file is opened.
TEST(PolicyApi, AFileWhoseSizesDoNotFitIsRefused) {
  const Scratch dir;
  MadePolicy made = made_policies()[0];
  const auto refused = [&](const char* says) {
    algorithms::write_policy(dir / "a.policy", made.spec, made.parameters, {});
    hardy_policy* policy = nullptr;
    EXPECT_EQ(hardy_policy_open((dir / "a.policy").c_str(), &policy), HARDY_BAD_INPUT);
    EXPECT_NE(std::string(hardy_last_error()).find(says), std::string::npos) << hardy_last_error();
    hardy_policy_close(policy);
    made = made_policies()[0];
  };
  made.spec.action_low.pop_back();
  refused("has other bounds than its 2 actions need");
}

}  // namespace
}  // namespace hardy::test
