// `hardy data prompts`, through the real command.
#include <gtest/gtest.h>

#include <sstream>

#include "engine/base/json.h"
#include "tests/tools/command.h"

namespace hardy::test {
namespace {

std::vector<nlohmann::json> lines_of(const std::string& text) {
  std::vector<nlohmann::json> all;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) all.push_back(nlohmann::json::parse(line));
  return all;
}

TEST(Prompts, AreJsonLinesThatTheSameCommandGivesAgain) {
  const std::string words = "data prompts chains:least=3,most=6 --count 50 --seed 3 --split test";
  const Result right = hardy_command(words), slips = hardy_command(words + " --slips 0.5");
  ASSERT_EQ(right.code, 0) << right.err;
  EXPECT_EQ(right.out, hardy_command(words).out);
  const auto all = lines_of(right.out), faulty = lines_of(slips.out);
  ASSERT_EQ(all.size(), 150u);
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_TRUE(all[i].at("accepted"));
    EXPECT_EQ(all[i].at("prompt"), faulty[i].at("prompt"));  // prompts do not move with the teacher
    accepted += faulty[i].at("accepted").get<bool>();
  }
  EXPECT_GT(accepted, 10u);
  EXPECT_LT(accepted, 100u);
  EXPECT_NE(slips.err.find("150 prompts, " + std::to_string(accepted)), std::string::npos) << slips.err;
}

TEST(Prompts, OfAWrongNameBandOrFileAreOneLineWithExitTwo) {
  const Scratch dir;
  put(dir / "there.jsonl", "mine");
  for (const auto& [words, say] :
       {std::pair<std::string, const char*>{"data prompts chain", "chains"},
        {"data prompts chains --band impossible", "easy, middle, hard"},
        {"data prompts countdown:larges=4", "largest"},
        {"data prompts chains --out " + (dir / "there.jsonl").string(), "exists already"}}) {
    const Result r = hardy_command(words);
    EXPECT_EQ(r.code, 2) << words;
    EXPECT_TRUE(one_line(r.err)) << r.err;
    EXPECT_NE(r.err.find(say), std::string::npos) << r.err;
  }
  EXPECT_EQ(contents(dir / "there.jsonl"), "mine");
}

}  // namespace
}  // namespace hardy::test
