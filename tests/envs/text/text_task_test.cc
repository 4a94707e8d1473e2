#include "envs/text/text_task.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "engine/base/error.h"
#include "tests/engine/run/scratch.h"

namespace hardy::envs {
namespace {

const std::vector<std::string> kTasks{"chains", "reversed_addition", "countdown"};

TEST(Chains, AreRightWhereTheLastTwoRunningValuesAre) {
  const auto task = make_text_task("chains");
  EXPECT_TRUE(task->verify("7+4*3-5=", "138"));  // 11, 3, -2 modulo 10
  EXPECT_TRUE(task->verify("7+4*3-5=", "938"));  // the first one is not asked for
  EXPECT_FALSE(task->verify("7+4*3-5=", "148"));
  EXPECT_FALSE(task->verify("7+4*3-5=", "38"));
  EXPECT_FALSE(task->verify("7+4*3-5=", "1388"));
  EXPECT_TRUE(task->verify("7+4*3-5=", "7+4=1;1*3=3;3-5=8"));
  EXPECT_TRUE(task->verify("9*9=", "1"));
  for (const char* answer : {"", "=", "1a8", "7+4=1;;3-5=8", "\xff\xff"})
    EXPECT_FALSE(task->verify("7+4*3-5=", answer)) << answer;
}

TEST(ReversedAddition, IsRightToTheLastDigitInEitherStyle) {
  const auto task = make_text_task("reversed_addition");
  EXPECT_TRUE(task->verify("407+96=", "305"));
  EXPECT_FALSE(task->verify("407+96=", "503"));
  EXPECT_FALSE(task->verify("407+96=", "3050"));
  EXPECT_TRUE(task->verify("407+96=", "3,1;0,1;5,0"));
  EXPECT_FALSE(task->verify("407+96=", "3,1;0,1;5"));
  EXPECT_TRUE(task->verify("99+1=", "001"));
  Draws draws(0, 0);
  EXPECT_EQ(task->demonstrate("407+96=", {}, draws), "305");
  EXPECT_EQ(task->demonstrate("407+96=", {.other_style = true}, draws), "3,1;0,1;5,0");
  EXPECT_EQ(task->demonstrate("88+7=", {.wrong_rule = true}, draws), "58");  // 15, its carry forgotten
}

TEST(Countdown, IsRightWhereEachNumberServesOnceAndTheTargetIsReached) {
  const auto task = make_text_task("countdown");
  EXPECT_TRUE(task->verify("3,7,8=29:", "3*7+8"));
  EXPECT_TRUE(task->verify("3,7,8=29:", "8+(7*3)"));
  EXPECT_TRUE(task->verify("3,7,8=29:", "3*7=21;21+8=29"));
  EXPECT_TRUE(task->verify("3,7,8=4:", "8-(7-3)"));
  EXPECT_TRUE(task->verify("2,9,8=1:", "2=1") == false);
  EXPECT_TRUE(task->verify("2,9,8=15:", "2-9=-7;8--7=15"));
  for (const char* answer :
       {"3*7+7", "29", "3*7", "3*7+8+3", "3*7=22;22+8=29", "3*7=21", "(3*7+8", "3*7+8)", "", "3/7+8",
        "((((((((((((((((((((((((((((((((((3*7+8))))))))))))))))))))))))))))))))))"})
    EXPECT_FALSE(task->verify("3,7,8=29:", answer)) << answer;
  EXPECT_TRUE(task->verify("8,2,3,1=12:", "8/2*3/1"));
  EXPECT_FALSE(task->verify("7,2,3=12:", "7/2*3"));  // no whole number
}

TEST(TextTask, EveryRightDemonstrationIsAcceptedInBothStylesAndFitsWhatTheTaskSays) {
  for (const std::string& name : kTasks) {
    const auto task = make_text_task(name);
    for (int band = 0; band < 3; ++band)
      for (std::uint64_t i = 0; i < 200; ++i) {
        const Prompt p = task->prompt(7, Split::kTrain, band, i);
        for (const bool other : {false, true}) {
          Draws draws(7, i);
          const std::string answer = task->demonstrate(p.text, {.other_style = other}, draws);
          EXPECT_TRUE(task->verify(p.text, answer)) << p.text << " " << answer;
          EXPECT_LE(answer.size(), task->longest_answer()) << answer;
          EXPECT_LE(p.text.size(), task->longest_prompt());
          EXPECT_EQ((p.text + answer).find_first_not_of(task->alphabet()), std::string::npos) << answer;
        }
      }
  }
}

TEST(TextTask, FaultyTeachersAreWrongAsOftenAsTheirFaultsSay) {
  const auto task = make_text_task("chains");
  int slipped = 0, ruled = 0, concerned = 0;
  constexpr int kPrompts = 4000;
  for (std::uint64_t i = 0; i < kPrompts; ++i) {
    const std::string p =
        task->prompt(1, Split::kTrain, 2, i).text;  // five steps, the last two are asked for
    Draws draws(1, i);
    slipped += !task->verify(p, task->demonstrate(p, {.slips = 0.2}, draws));
    Draws others(2, i);
    const bool wrong = !task->verify(p, task->demonstrate(p, {.wrong_rule = true}, others));
    const bool hard_product =
        p.find_first_of("56789", p.find('*')) != std::string::npos && p.find('*') < p.size();
    concerned += hard_product;
    ruled += wrong;
    EXPECT_TRUE(!wrong || hard_product) << p;
  }
  // A slip is carried on: an answer is mostly right only where no step slipped, 0.8^5 = 0.33; later products
  // by 0, 2 and the like bring some back.
  EXPECT_GT(slipped, 0.55 * kPrompts);
  EXPECT_LT(slipped, 0.70 * kPrompts);
  EXPECT_GT(ruled, 0.2 * kPrompts);
  EXPECT_LT(ruled, concerned);
}

TEST(TextTask, SplitsShareNoPromptAndTheSameIndexIsTheSamePrompt) {
  for (const std::string& name : kTasks) {
    const auto task = make_text_task(name);
    std::map<std::string, Split> seen;
    for (const Split split : {Split::kTrain, Split::kValidation, Split::kTest})
      for (int band = 0; band < 3; ++band)
        for (std::uint64_t i = 0; i < 300; ++i) {
          const Prompt p = task->prompt(3, split, band, i);
          EXPECT_EQ(p.text, task->prompt(3, split, band, i).text);
          EXPECT_EQ(seen.emplace(p.text, split).first->second, split) << p.text;
        }
    EXPECT_GT(seen.size(), 1500u) << name;
    EXPECT_NE(task->prompt(3, Split::kTest, 2, 0).text, task->prompt(4, Split::kTest, 2, 0).text);
  }
}

TEST(TextTask, BandsAreAsHardAsTheySay) {
  const auto chains = make_text_task("chains:least=3,most=6");
  for (std::uint64_t i = 0; i < 50; ++i) {
    EXPECT_EQ(chains->prompt(0, Split::kTest, 0, i).text.size(), 6u);
    EXPECT_EQ(chains->prompt(0, Split::kTest, 2, i).text.size(), 12u);
    const std::size_t between = chains->prompt(0, Split::kTest, 1, i).text.size();
    EXPECT_TRUE(between == 8 || between == 10);
  }
}

TEST(TextTask, WhatIsNoTaskOrPromptIsNamedWithWhatWouldBeRight) {
  const auto error = [](auto f) { return test::error_of(f); };
  EXPECT_NE(error([] { make_text_task("chain"); }).find("chains"), std::string::npos);
  EXPECT_NE(error([] { make_text_task("chains:lest=3"); }).find("least"), std::string::npos);
  EXPECT_NE(error([] { make_text_task("chains:least=7,most=4"); }).find("most = 4"), std::string::npos);
  EXPECT_NE(error([] { make_text_task("chains")->verify("hello", "1"); }).find("7+4*3-2="),
            std::string::npos);
  EXPECT_NE(error([] { make_text_task("countdown")->verify("3,7=", "1"); }).find("3,7,8=29:"),
            std::string::npos);
  EXPECT_NE(error([] { make_text_task("chains")->prompt(0, Split::kTest, 3, 0); }).find("from 0 to 2"),
            std::string::npos);
  EXPECT_NE(error([] { split_named("tests"); }).find("validation"), std::string::npos);
}

}  // namespace
}  // namespace hardy::envs
