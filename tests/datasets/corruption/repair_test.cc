// Repair against the known masks.
#include "datasets/corruption/repair.h"

#include <gtest/gtest.h>

#include <set>

#include "datasets/corruption/corrupt.h"
#include "datasets/memory.h"
#include "datasets/memory_writer.h"
#include "engine/base/json.h"
#include "tests/datasets/made_data.h"
#include "tests/engine/base/refusal.h"

namespace hardy::datasets {
namespace {

using test::made_data;

struct Repaired {
  Arrays arrays;
  nlohmann::json report;
};

Repaired repaired(const Arrays& dirty, const RepairSettings& s) {
  MemoryReader in(dirty, "dirty");
  MemoryWriter out;
  nlohmann::json report = repair(in, out, s);
  return {out.take(), std::move(report)};
}

Arrays corrupted(const Arrays& clean, Element element, bool trajectory = false, std::int64_t seed = 3) {
  Arrays dirty = clean;
  CorruptionSettings s{{element}, 0.3, 1.0, static_cast<std::uint64_t>(seed), "philox"};
  s.trajectory = trajectory;
  corrupt(dirty, s, "clean", "");
  return dirty;
}

bool is_end(const Arrays& a, std::int64_t row) {
  return a.at("terminals").as<std::uint8_t>()[row] || a.at("timeouts").as<std::uint8_t>()[row] ||
         row + 1 == a.at("rewards").rows();
}

TEST(Repair, NextObservationsAreExactlyRecoveredWhereverTheSuccessorIsInTheFile) {
  const Arrays clean = made_data(40000), dirty = corrupted(clean, Element::kDynamics);
  const Repaired r = repaired(dirty, {});
  std::int64_t wrong_inside = 0, wrong_ends = 0, corrupted_ends = 0;
  for (std::int64_t row = 0; row < 40000; ++row) {
    const auto differs = [&](const Arrays& a) {
      return !std::equal(a.at("next_observations").bytes.begin() + row * 16,
                         a.at("next_observations").bytes.begin() + (row + 1) * 16,
                         clean.at("next_observations").bytes.begin() + row * 16);
    };
    (is_end(clean, row) ? wrong_ends : wrong_inside) += differs(r.arrays);
    corrupted_ends += is_end(clean, row) && differs(dirty);
  }
  EXPECT_EQ(wrong_inside, 0);
  EXPECT_GT(corrupted_ends, 100);
  EXPECT_EQ(wrong_ends, corrupted_ends);  // left as they were
  for (const char* key : {"observations", "actions", "rewards"})
    EXPECT_EQ(r.arrays.at(key).bytes, clean.at(key).bytes);

  const nlohmann::json& m = r.report.at("columns").at("next_observations");
  EXPECT_EQ(m.at("precision"), 1.0);
  EXPECT_EQ(m.at("with_successor").at("recall"), 1.0);
  EXPECT_EQ(m.at("with_successor").at("precision"), 1.0);
  EXPECT_EQ(m.at("restored_exactly"), m.at("hit"));
  EXPECT_EQ(m.at("recorded").get<std::int64_t>() - m.at("hit").get<std::int64_t>(), corrupted_ends);
  // A step of the walk is a thirtieth of the noise: nearly every corrupted end looks unusual, and no clean
  // one.
  const nlohmann::json& f = r.report.at("flagged");
  EXPECT_EQ(f.at("recorded"), corrupted_ends);
  EXPECT_GE(f.at("recall").get<double>(), 0.95);
  EXPECT_GE(f.at("precision").get<double>(), 0.99);
  EXPECT_EQ(r.arrays.at("hardy/repair/flagged").elements(), f.at("changed").get<std::int64_t>());
  for (const auto& [key, array] : r.arrays) EXPECT_FALSE(key.starts_with("hardy/corruption")) << key;
}

TEST(Repair, ObservationsAreRecoveredFromTheRowBeforeAndOfBothTheNearerIsTrusted) {
  const Arrays clean = made_data(5000), dirty = corrupted(clean, Element::kObservations);
  const nlohmann::json back =
      repaired(dirty, {.continuity = Continuity::kPrevious}).report.at("columns").at("observations");
  EXPECT_EQ(back.at("with_predecessor").at("recall"), 1.0);
  EXPECT_EQ(back.at("precision"), 1.0);
  EXPECT_EQ(back.at("restored_exactly"), back.at("hit"));
  for (const Element e : {Element::kObservations, Element::kDynamics}) {
    const nlohmann::json m = repaired(corrupted(clean, e), {.continuity = Continuity::kNearer})
                                 .report.at("columns")
                                 .at(column_of(e));
    EXPECT_GT(m.at("precision").get<double>(), 0.9) << m.dump();
    EXPECT_GT(m.at("recall").get<double>(), 0.9) << m.dump();
  }
}

TEST(Repair, CannotSeeACorruptionOfBothCopies) {
  const nlohmann::json m =
      repaired(corrupted(made_data(5000), Element::kObservations, true), {.continuity = Continuity::kNext})
          .report;
  EXPECT_EQ(m.at("columns").at("next_observations").at("changed"), 0);
  EXPECT_GT(m.at("columns").at("observations").at("recorded").get<int>(), 1000);
}

TEST(Repair, LeavesACleanFileAlone) {
  const Arrays clean = made_data(5000);
  const Repaired r =
      repaired(clean, {.continuity = Continuity::kNext, .clip = 10, .clip_actions = 1, .winsorise = 0});
  for (const auto& [key, array] : clean) EXPECT_TRUE(r.arrays.at(key).bytes == array.bytes) << key;
  EXPECT_FALSE(r.report.at("known_corruption").get<bool>());
}

TEST(Repair, ClipsAndWinsorisesByStatisticsThatTheCorruptionDoesNotMove) {
  Arrays clean = made_data(5000);
  const Repaired r =
      repaired(corrupted(clean, Element::kRewards), {.continuity = Continuity::kOff, .winsorise = 0.16});
  const nlohmann::json& m = r.report.at("columns").at("rewards");
  EXPECT_GT(m.at("precision").get<double>(), 0.85) << m.dump();
  EXPECT_GT(m.at("recall").get<double>(), 0.85) << m.dump();
  clean["observations"].as<float>()[4 * 17 + 1] = 1000;
  clean["actions"].as<float>()[2 * 30] = -2;
  const Repaired c = repaired(clean, {.continuity = Continuity::kOff, .clip = 6, .clip_actions = 1});
  EXPECT_LT(c.arrays.at("observations").as<float>()[4 * 17 + 1], 20);
  EXPECT_EQ(c.arrays.at("actions").as<float>()[2 * 30], -1);
  EXPECT_EQ(c.report.at("columns").at("observations").at("changed"), 1);
  EXPECT_EQ(c.report.at("columns").at("actions").at("changed"), 1);
}

// Finds nothing wrong; whether it was asked.
class Asked final : public Judge {
 public:
  std::map<std::string, Judgement> judge(Reader&) override {
    asked = true;
    return {};
  }
  nlohmann::json describe() const override { return nullptr; }
  bool asked = false;
};

TEST(Repair, WholeNumbersThatItWouldMendAreRefusedBeforeAnybodyJudges) {
  const struct {
    const char* column;
    RepairSettings mends;
  } cases[] = {{"observations", {.continuity = Continuity::kOff, .clip = 3}},
               {"observations", {.continuity = Continuity::kPrevious}},
               {"observations", {.continuity = Continuity::kNearer}},
               {"next_observations", {.continuity = Continuity::kNext}},
               {"next_observations", {.continuity = Continuity::kNearer}},
               {"next_observations", {.continuity = Continuity::kOff, .clip = 3}},
               {"actions", {.continuity = Continuity::kOff, .clip_actions = 1}},
               {"rewards", {.continuity = Continuity::kOff, .winsorise = 0.1}}};
  for (const auto& c : cases) {
    Arrays whole = made_data(200);
    whole[c.column] = Array::of(ArrayType::kI32, whole.at(c.column).shape);
    const std::string is = std::string("dirty /") + c.column + ": is int32 [200";
    std::string m = test::refusal([&] { repaired(whole, c.mends); });
    EXPECT_EQ(m.find(is), 0u) << m;
    EXPECT_NE(m.find("float32"), std::string::npos) << m;
    Asked judge;
    MemoryReader in(whole, "dirty");
    MemoryWriter out;
    m = test::refusal([&] { repair(in, out, {.continuity = Continuity::kOff}, &judge); });
    EXPECT_EQ(m.find(is), 0u) << m;
    EXPECT_FALSE(judge.asked);
  }
}

TEST(Repair, WholeNumbersThatItLeavesAloneStayAsTheyAre) {
  Arrays choices = made_data(200);
  choices["actions"] = Array::of(ArrayType::kI64, {200, 1});
  EXPECT_EQ(repaired(choices, {.clip = 3}).arrays.at("actions").type, ArrayType::kI64);
}

}  // namespace
}  // namespace hardy::datasets
