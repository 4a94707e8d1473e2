// Cleaning by models on a pendulum's file that is corrupted here: what is found and mended, and that nobody
// looked at the record for it.
#include "algorithms/cleaning/cleaning.h"

#include <gtest/gtest.h>

#include "datasets/corruption/corrupt.h"
#include "datasets/corruption/corruption_record.h"
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

constexpr std::int64_t kRows = 6000;

CleaningSettings small(std::int64_t threads = 1) {
  CleaningSettings s;
  s.members = 2;
  s.hidden = 32;
  s.steps = 4500;
  s.threads = threads;
  return s;
}

struct Cleaned {
  Arrays arrays;
  nlohmann::json report;
};

Cleaned cleaned(const Arrays& dirty, const CleaningSettings& settings) {
  datasets::MemoryReader in(dirty, "dirty");
  datasets::MemoryWriter out;
  Cleaning judge(settings);
  nlohmann::json report = repair(in, out, {.continuity = datasets::Continuity::kOff}, &judge);
  return {out.take(), std::move(report)};
}

Arrays corrupted(const std::vector<Element>& elements, bool trajectory) {
  Arrays a = test::driven_pendulum(static_cast<int>(kRows / 100), 100);
  datasets::CorruptionSettings s{.elements = elements};
  s.trajectory = trajectory;
  s.seed = 3;
  corrupt(a, s, "clean", "");
  return a;
}

const Arrays& of_trajectories() {  // both copies of a state changed alike
  static const Arrays a = corrupted({Element::kObservations, Element::kActions, Element::kRewards}, true);
  return a;
}
const Cleaned& clean_trajectories() {
  static const Cleaned c = cleaned(of_trajectories(), small());
  return c;
}

double figure(const Cleaned& c, const char* column, const char* name) {
  return c.report.at("columns").at(column).at(name);
}
double auc(const Cleaned& c, const char* column) {
  return c.report.at("columns").at(column).at("judged").at("auc");
}
double error(const Cleaned& c, const char* column, const char* when) {
  return c.report.at("columns").at(column).at("error").at(when);
}

TEST(Cleaning, FindsStatesWhoseBothCopiesWereChangedAlikeAndActionsAndRewards) {
  const Cleaned& c = clean_trajectories();
  EXPECT_GT(auc(c, "observations"), 0.95);
  EXPECT_GT(auc(c, "next_observations"), 0.95);
  EXPECT_GT(auc(c, "rewards"), 0.95);
  EXPECT_GT(auc(c, "actions"), 0.7);
  for (const char* column : {"observations", "next_observations", "actions", "rewards"}) {
    EXPECT_GT(figure(c, column, "changed"), 300) << column;
    EXPECT_GT(figure(c, column, "precision"), 0.85) << column;
    EXPECT_LT(error(c, column, "after"), 0.9 * error(c, column, "before")) << column;
  }
  EXPECT_LT(error(c, "rewards", "after"), 0.1 * error(c, "rewards", "before"));
}

TEST(Cleaning, TwoCopiesOfWhichOneWasChangedAreToldApartAndTheOtherOneIsTakenBitForBit) {
  const Cleaned c = cleaned(corrupted(datasets::all_elements(), false), small());
  for (const char* column : {"observations", "next_observations"}) {
    EXPECT_GT(auc(c, column), 0.99) << column;
    EXPECT_GT(figure(c, column, "precision"), 0.98) << column;
    EXPECT_GT(figure(c, column, "recall"), 0.9) << column;
    EXPECT_LT(error(c, column, "after"), 0.2 * error(c, column, "before")) << column;
    // Seven in ten have their other copy untouched.
    EXPECT_GT(figure(c, column, "restored_exactly"), 0.6 * figure(c, column, "recorded")) << column;
  }
  EXPECT_GT(auc(c, "actions"), 0.85);
}

TEST(Cleaning, ProbabilitiesAreNearTheShareThatIsWrong) {
  const Cleaned& c = clean_trajectories();
  for (const char* column : {"observations", "rewards", "actions"}) {
    const nlohmann::json& j = c.report.at("columns").at(column).at("judged");
    EXPECT_NEAR(j.at("expected_wrong").get<double>(), figure(c, column, "recorded"), 0.06 * kRows) << column;
    EXPECT_LT(j.at("calibration").at(0).at("recorded"), 0.15) << column;
    EXPECT_GT(j.at("calibration").at(9).at("recorded"), 0.85) << column;
  }
}

TEST(Cleaning, AFileWithoutItsRecordIsCleanedToTheSameBytes) {
  Arrays without = of_trajectories();
  std::erase_if(without, [](const auto& entry) { return entry.first.starts_with("hardy/"); });
  ASSERT_LT(without.size(), of_trajectories().size());
  const Cleaned c = cleaned(without, small());
  EXPECT_FALSE(c.report.at("known_corruption"));
  ASSERT_EQ(c.arrays.size(), clean_trajectories().arrays.size());
  for (const auto& [key, array] : clean_trajectories().arrays) {
    ASSERT_TRUE(c.arrays.count(key)) << key;
    if (key == "hardy/repair/report") continue;  // which holds the measurement
    EXPECT_EQ(array.bytes, c.arrays.at(key).bytes) << key;
  }
}

TEST(Cleaning, TheFileDoesNotDependOnThreads) {
  const Cleaned c = cleaned(of_trajectories(), small(3));
  for (const auto& [key, array] : clean_trajectories().arrays) {
    EXPECT_EQ(array.bytes, c.arrays.at(key).bytes) << key;
    EXPECT_EQ(array.strings, c.arrays.at(key).strings) << key;
  }
}

TEST(Cleaning, ScoresAndListsOfRowsSayWhatWasDone) {
  const Arrays& a = clean_trajectories().arrays;
  for (const std::string column : {"observations", "next_observations", "actions", "rewards"}) {
    const datasets::Array& scores = a.at("hardy/scores/" + column);
    ASSERT_EQ(scores.describe(), "float32 [6000]");
    std::vector<int> listed(kRows);
    for (const auto& [list, mark] : {std::pair{"replaced/", 1}, std::pair{"doubtful/", 2}}) {
      datasets::Array rows = a.at("hardy/repair/" + (list + column));
      for (std::int64_t i = 0; i < rows.elements(); ++i)
        listed[static_cast<std::size_t>(rows.as<std::int64_t>()[i])] += mark;
    }
    for (std::int64_t row = 0; row < kRows; ++row) {
      const double p = static_cast<double>(scores.as<float>()[row]);
      const int mark = listed[static_cast<std::size_t>(row)];
      EXPECT_EQ(mark != 0, p > 1 - 0.9) << column << " " << row;
      EXPECT_TRUE(mark != 1 || p >= 0.9) << column << " " << row;
    }
  }
}

TEST(Cleaning, ACleanedFileCanBeCleanedAgain) {
  CleaningSettings s = small();
  s.steps = 300;
  Arrays once = clean_trajectories().arrays;
  EXPECT_EQ(cleaned(once, s).arrays.size(), once.size());
}

TEST(Cleaning, WorksWithoutNextObservationsAndWithoutRewards) {
  Arrays a = of_trajectories();
  std::erase_if(a, [](const auto& entry) { return entry.first.starts_with("hardy/"); });
  a.erase("next_observations");
  a.erase("rewards");
  const Cleaned c = cleaned(a, small());
  datasets::MemoryReader in(of_trajectories(), "dirty");
  const datasets::RowSet attacked = datasets::changed_rows(in, "observations", kRows);
  datasets::Judgement j{std::vector<float>(kRows), datasets::RowSet(kRows), datasets::RowSet(kRows), {}};
  std::copy_n(c.arrays.at("hardy/scores/observations").as<float>(), kRows, j.wrong.begin());
  EXPECT_GT(datasets::measured(j, &attacked).at("auc"), 0.93);
  EXPECT_FALSE(c.arrays.count("hardy/scores/rewards"));
}

std::string refusal(const Arrays& a) {
  try {
    cleaned(a, small());
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(Cleaning, ATooSmallFileIsRefusedWithWhatWouldBeRight) {
  const std::string line = refusal(test::driven_pendulum(20, 100));
  EXPECT_NE(line.find("2000 transitions"), std::string::npos) << line;
  EXPECT_NE(line.find("2048"), std::string::npos) << line;
}

TEST(Cleaning, NumbersThatAreNotFiniteAreRefusedByColumnAndRow) {
  Arrays a = of_trajectories();
  a["rewards"].as<float>()[4321] = NAN;
  const std::string line = refusal(a);
  EXPECT_NE(line.find("/rewards"), std::string::npos) << line;
  EXPECT_NE(line.find("4321"), std::string::npos) << line;
}

TEST(Cleaning, NearlyNothingOfACleanFileIsReplaced) {
  const Cleaned c = cleaned(test::driven_pendulum(static_cast<int>(kRows / 100), 100), small());
  for (const char* column : {"observations", "next_observations", "actions", "rewards"})
    EXPECT_LT(figure(c, column, "changed"), kRows / 100) << column;
}

TEST(Judgement, AucCountsPairsInOrderAndHalfOfThoseThatTie) {
  datasets::Judgement j{{0.1f, 0.5f, 0.5f, 0.95f, 0.2f}, datasets::RowSet(5), datasets::RowSet(5), {}};
  datasets::RowSet recorded(5);
  recorded.add(2);
  recorded.add(3);
  j.replaced.add(3);
  const nlohmann::json m = datasets::measured(j, &recorded);
  // Of the six pairs (2 or 3) x (0, 1, 4) five are in order and (2, 1) ties.
  EXPECT_DOUBLE_EQ(m.at("auc"), 5.5 / 6);
  EXPECT_EQ(m.at("replaced"), 1);
  EXPECT_NEAR(m.at("expected_hits").get<double>(), 0.95, 1e-6);
  EXPECT_NEAR(m.at("expected_wrong").get<double>(), 2.25, 1e-6);
  EXPECT_EQ(m.at("calibration").at(5).at("rows"), 2);
  EXPECT_EQ(m.at("calibration").at(5).at("recorded"), 0.5);
  EXPECT_FALSE(datasets::measured(j, nullptr).contains("auc"));
}

}  // namespace
}  // namespace hardy::algorithms
