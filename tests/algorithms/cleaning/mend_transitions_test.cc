// Transitions cleaned in memory, against the same rows cleaned as a file.
#include "algorithms/cleaning/mend_transitions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "datasets/corruption/corrupt.h"
#include "datasets/corruption/repair.h"
#include "datasets/memory.h"
#include "datasets/memory_writer.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "tests/datasets/clean_data.h"

namespace hardy::algorithms {
namespace {

using datasets::Arrays;
using datasets::Element;
using datasets::Transitions;

CleaningSettings small() { return {.members = 2, .hidden = 16, .steps = 1500, .threads = 2}; }

Arrays dirty() {
  Arrays a = test::driven_pendulum(40, 100);
  corrupt(a, {.elements = {Element::kObservations, Element::kActions, Element::kRewards, Element::kDynamics}},
          "clean", "");
  return a;
}
Transitions of(const Arrays& a) {
  return datasets::transitions_of(a, datasets::View::kLossless, "dirty", 1000);
}

TEST(MendTransitions, LeavesWhatAMendedFileHoldsAndTrustsWhatItsScoresSay) {
  const Arrays a = dirty();
  Transitions mended = of(a);
  const nlohmann::json about = mend(mended, "dirty", small());

  datasets::MemoryReader in(a, "dirty");
  datasets::MemoryWriter out;
  Cleaning judge(small());
  const nlohmann::json report = repair(in, out, {.continuity = datasets::Continuity::kOff}, &judge);
  const Arrays file = out.take();
  Transitions from_file = of(file);
  EXPECT_EQ(mended.observations, from_file.observations);
  EXPECT_EQ(mended.next_observations, from_file.next_observations);
  EXPECT_EQ(mended.actions, from_file.actions);
  EXPECT_EQ(mended.rewards, from_file.rewards);
  EXPECT_NE(mended.rewards, of(a).rewards);
  EXPECT_GT(about.at("rewards").at("replaced"), 500);

  const nlohmann::json scored = trust_of_scores(from_file, file, "mended");
  EXPECT_EQ(mended.trust, from_file.trust);
  EXPECT_EQ(mended.trust.size(), static_cast<std::size_t>(4 * mended.rows));
  EXPECT_EQ(scored.at("rewards").at("replaced"), about.at("rewards").at("replaced"));
  for (const float p : mended.trust) ASSERT_TRUE(p >= 0 && p <= 1);
}

TEST(MendTransitions, AFileWithoutScoresIsRefusedWithTheCommandThatWritesThem) {
  const Arrays a = dirty();
  Transitions t = of(a);
  try {
    trust_of_scores(t, a, "dirty.hdf5");
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_STREQ(e.message().c_str(),
                 "dirty.hdf5: has no hardy/scores/observations; hardy data repair dirty.hdf5 OUT --models "
                 "writes such a file");
  }
}

TEST(MendTransitions, ScoresThatAreNoProbabilitiesAreRefusedWithTheirRow) {
  Arrays a = test::driven_pendulum(2, 20);
  const auto set = [&](const char* column, std::size_t row, float score) {
    datasets::Array& scores = a[std::string(datasets::kScores) + column];
    scores = datasets::Array::of(datasets::ArrayType::kF32, {40});
    std::fill_n(scores.as<float>(), 40, 0.5F);
    scores.as<float>()[row] = score;
  };
  for (const char* column : {"observations", "actions", "rewards", "next_observations"}) set(column, 0, 0.5F);
  Transitions t = of(a);
  trust_of_scores(t, a, "scored.hdf5");
  EXPECT_EQ(t.trust, std::vector<float>(160, 0.5F));
  for (const float wrong : {-1.0F, 2.0F, std::numeric_limits<float>::quiet_NaN()}) {
    set("rewards", 7, wrong);
    try {
      trust_of_scores(t, a, "scored.hdf5");
      ADD_FAILURE() << "no error of " << wrong;
    } catch (const Error& e) {
      EXPECT_TRUE(e.message().starts_with("scored.hdf5: hardy/scores/rewards is ")) << e.message();
      EXPECT_NE(e.message().find("row 7"), std::string::npos) << e.message();
    }
  }
}

}  // namespace
}  // namespace hardy::algorithms
