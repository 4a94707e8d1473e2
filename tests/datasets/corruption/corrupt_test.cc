// What corruption does, against loops written out here, and that it can be undone.
#include "datasets/corruption/corrupt.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "datasets/diff.h"
#include "datasets/memory.h"
#include "datasets/memory_writer.h"
#include "datasets/transitions.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "tests/datasets/made_data.h"
#include "tests/engine/base/refusal.h"

namespace hardy::datasets {
namespace {

using test::made_data;

void corrupt_all(Arrays& arrays, const CorruptionSettings& s) { corrupt(arrays, s, "made", ""); }

std::vector<std::int64_t> rows_of(const Arrays& arrays, const std::string& element) {
  const Array& a = arrays.at("hardy/corruption/" + element + "/rows");
  return {a.as<std::int64_t>(), a.as<std::int64_t>() + a.elements()};
}

std::vector<bool> ends_of(const Arrays& arrays) {
  const std::int64_t rows = arrays.at("rewards").rows();
  std::vector<bool> ends(static_cast<std::size_t>(rows));
  for (std::int64_t i = 0; i < rows; ++i)
    ends[static_cast<std::size_t>(i)] = arrays.at("terminals").as<std::uint8_t>()[i] ||
                                        arrays.at("timeouts").as<std::uint8_t>()[i] || i == rows - 1;
  return ends;
}

std::string difference(const Arrays& a, const Arrays& b) {
  std::string text;
  for (const auto& [key, array] : a)
    if (!b.count(key) || b.at(key).bytes != array.bytes || b.at(key).strings != array.strings ||
        b.at(key).shape != array.shape || b.at(key).type != array.type)
      text += key + " ";
  for (const auto& [key, array] : b)
    if (!a.count(key)) text += "+" + key + " ";
  return text;
}

// Lowers the first dimension as far as it may, row by row.
class Downwards final : public Adversary {
 public:
  void attack(Element, const AttackedRows& rows, std::span<const double> std, double scale, std::uint64_t,
              std::span<float> delta) override {
    ASSERT_EQ(delta.size(), rows.rows.size() * std.size());
    for (std::size_t i = 0; i < delta.size(); ++i)
      delta[i] = i % std.size() == 0 ? -static_cast<float>(scale) : 0;
  }
  nlohmann::json describe() const override { return {{"file", "none"}}; }
};

TEST(Corrupt, UndoGivesBackEveryByteForEveryElementModePatternAndCopy) {
  for (const bool next : {true, false})
    for (const ArrayType type : {ArrayType::kF32, ArrayType::kF64}) {
      const Arrays clean = made_data(700, type, next);
      for (int mix = 1; mix < 16; ++mix)
        for (const std::string& mode : mode_names())
          for (const std::string& pattern : pattern_names())
            for (const bool trajectory : {false, true}) {
              if (trajectory && mix >> 3 & 1) continue;  // refused, see below
              CorruptionSettings s{{}, 0.4, 2.0, 5, mix % 2 ? "numpy" : "philox"};
              for (int e = 0; e < 4; ++e)
                if (mix >> e & 1) s.elements.push_back(static_cast<Element>(e));
              s.mode = mode_named(mode);
              s.pattern = pattern_named(pattern);
              s.trajectory = trajectory;
              s.block = 37;
              MemoryReader in(clean, "made");
              MemoryWriter sink;
              Downwards adversary;
              corrupt(in, sink, s, "", &adversary);
              Arrays out = sink.take();
              const std::string what = mode + ", " + pattern + ", mix " + std::to_string(mix);
              for (const Element e : s.elements)
                if (clean.count(column_of(e))) {
                  ASSERT_NE(out.at(column_of(e)).bytes, clean.at(column_of(e)).bytes) << what;
                }
              undo(out, "made");
              ASSERT_EQ(difference(clean, out), "") << what;
            }
    }
}

TEST(Corrupt, RowsBlocksWindowsAndEpisodesAreWhatIsAttacked) {
  const Arrays clean = made_data(20000);
  CorruptionSettings s{{Element::kRewards}, 0.3, 1.0, 3, "philox"};
  Arrays a = clean;
  corrupt_all(a, s);
  EXPECT_NEAR(static_cast<double>(rows_of(a, "rewards").size()), 6000, 260);  // four standard deviations

  s.pattern = Pattern::kBlocks;
  s.block = 100;
  a = clean;
  corrupt_all(a, s);
  std::vector<std::int64_t> rows = rows_of(a, "rewards");
  ASSERT_EQ(rows.size() % 100, 0u);
  for (std::size_t i = 0; i < rows.size(); ++i)
    ASSERT_EQ(rows[i], rows[i / 100 * 100] + static_cast<std::int64_t>(i % 100));
  EXPECT_NEAR(static_cast<double>(rows.size()), 6000, 2600);

  s.block = 0;
  a = clean;
  corrupt_all(a, s);
  rows = rows_of(a, "rewards");
  ASSERT_EQ(rows.size(), 6000u);
  EXPECT_EQ(rows.back() - rows.front(), 5999);

  s.pattern = Pattern::kEpisodes;
  a = clean;
  corrupt_all(a, s);
  const auto attacked_rows = rows_of(a, "rewards");
  const std::set<std::int64_t> attacked(attacked_rows.begin(), attacked_rows.end());
  const std::vector<bool> ends = ends_of(clean);
  for (std::int64_t row = 0; row + 1 < 20000; ++row)
    if (!ends[static_cast<std::size_t>(row)]) {
      ASSERT_EQ(attacked.count(row), attacked.count(row + 1)) << row;
    }
  EXPECT_GT(attacked.size(), 3000u);
  EXPECT_LT(attacked.size(), 9000u);
}

TEST(Corrupt, IndexSetsAreSharedOrIndependentUnderBothGenerators) {
  for (const char* generator : {"philox", "numpy"})
    for (const bool shared : {false, true}) {
      Arrays a = made_data(5000);
      CorruptionSettings s{all_elements(), 0.3, 1.0, 3, generator};
      s.shared_rows = shared;
      corrupt_all(a, s);
      for (const char* other : {"actions", "rewards", "dynamics"})
        EXPECT_EQ(rows_of(a, "observations") == rows_of(a, other), shared) << generator << " " << other;
    }
}

TEST(Corrupt, TupleWiseBreaksOneCopyAndTrajectoryWiseKeepsStatesWhole) {
  const Arrays clean = made_data(3000);
  const std::vector<bool> ends = ends_of(clean);
  for (const bool trajectory : {false, true}) {
    Arrays a = clean;
    CorruptionSettings s{{Element::kObservations}, 0.3, 1.0, 3, "philox"};
    s.trajectory = trajectory;
    corrupt_all(a, s);
    std::int64_t broken = 0;
    for (std::int64_t row = 0; row + 1 < 3000; ++row)
      if (!ends[static_cast<std::size_t>(row)])
        broken += !std::equal(a.at("next_observations").as<float>() + row * 4,
                              a.at("next_observations").as<float>() + row * 4 + 4,
                              a.at("observations").as<float>() + row * 4 + 4);
    EXPECT_EQ(broken > 0, !trajectory);
    EXPECT_EQ(a.at("next_observations").bytes == clean.at("next_observations").bytes, !trajectory);
  }
}

TEST(Corrupt, FaultsOfOneSensorFollowTheirDefinitionAcrossPieces) {
  const Arrays clean = made_data(40000);  // more than two pieces of 16,384 rows
  const float* x = clean.at("observations").as<float>();
  const std::vector<bool> ends = ends_of(clean);
  for (const Mode mode : {Mode::kStuck, Mode::kDropped, Mode::kScaled, Mode::kDelayed}) {
    Arrays a = clean;
    CorruptionSettings s{{Element::kObservations}, 0.5, 3.0, 3, "philox"};
    s.mode = mode;
    s.pattern = Pattern::kBlocks;
    s.block = 9;
    s.sensors = {2};
    s.delay = 7;
    corrupt_all(a, s);
    const auto list = rows_of(a, "observations");
    const std::set<std::int64_t> attacked(list.begin(), list.end());
    const float* y = a.at("observations").as<float>();
    std::int64_t begin = 0, good = -1;  // of the episode; the last row that was not attacked in it
    for (std::int64_t row = 0; row < 40000; ++row) {
      if (row > 0 && ends[static_cast<std::size_t>(row - 1)]) {
        begin = row;
        good = -1;
      }
      float expected = x[row * 4 + 2];
      if (!attacked.count(row)) {
        good = row;
      } else {
        if (good < 0) good = row;
        if (mode == Mode::kStuck) expected = x[good * 4 + 2];
        if (mode == Mode::kDropped) expected = 0;
        if (mode == Mode::kScaled) expected = 3 * expected;
        if (mode == Mode::kDelayed) expected = x[std::max(begin, row - 7) * 4 + 2];
      }
      ASSERT_EQ(y[row * 4 + 2], expected) << name_of(mode) << " row " << row;
      for (const int k : {0, 1, 3}) ASSERT_EQ(y[row * 4 + k], x[row * 4 + k]);
    }
  }
}

TEST(Corrupt, AdversarialRewardsChangeTheirSignAndElementsMayHaveModesOfTheirOwn) {
  Arrays a = made_data(2000);
  const Arrays clean = a;
  CorruptionSettings s{{Element::kRewards, Element::kActions}, 0.3, 2.0, 3, "philox"};
  s.modes[Element::kRewards] = Mode::kAdversarial;
  corrupt_all(a, s);
  for (const std::int64_t row : rows_of(a, "rewards"))
    ASSERT_EQ(a.at("rewards").as<float>()[row], -2 * clean.at("rewards").as<float>()[row]);
  EXPECT_NE(a.at("actions").bytes, clean.at("actions").bytes);
}

TEST(Corrupt, RefusesWhatCannotBeRight) {
  const Arrays clean = made_data(200);
  const auto says = [&](const CorruptionSettings& s, const char* part) {
    Arrays a = clean;
    const std::string m = test::refusal([&] { corrupt_all(a, s); });
    EXPECT_NE(m.find(part), std::string::npos) << m;
  };
  CorruptionSettings s{{}, 0.3, 1.0, 3, "philox"};
  says(s, "no element");
  s.elements = {Element::kObservations};
  s.mode = Mode::kAdversarial;
  says(s, "--critic");
  s.mode = Mode::kScaled;
  says(s, "factor of 1");
  s.mode = Mode::kRandom;
  s.sensors = {4};
  says(s, "4 dimensions");
  s.sensors = {};
  s.rate = 1.5;
  says(s, "[0, 1]");
  s.rate = 0.3;
  s.elements = {Element::kDynamics};
  s.trajectory = true;
  says(s, "both its copies");
  Arrays a = clean;
  a["observations"].as<float>()[9] = NAN;
  EXPECT_NE(test::refusal([&] { corrupt_all(a, {{Element::kObservations}}); }).find("not finite"),
            std::string::npos);
  a = clean;
  corrupt_all(a, {{Element::kRewards}});
  EXPECT_NE(test::refusal([&] { corrupt_all(a, {{Element::kRewards}}); }).find("already"), std::string::npos);
}

TEST(Corrupt, WhatTheScaleTakesOutOfFloat32IsRefusedByTheElementsName) {
  for (const ArrayType type : {ArrayType::kF32, ArrayType::kF64})
    for (const Element e : all_elements())
      for (const Mode mode : {Mode::kRandom, Mode::kAdversarial, Mode::kScaled})
        for (const double scale : {1e39, 1e308}) {
          if (mode == Mode::kAdversarial && e != Element::kRewards) continue;
          Arrays a = made_data(200, type);
          CorruptionSettings s{{e}, 0.3, scale, 3, "philox", mode};
          const std::string m = test::refusal([&] { corrupt_all(a, s); });
          EXPECT_EQ(m.find(name_of(e) + ": "), 0u) << m;
          EXPECT_NE(m.find("float32 cannot hold"), std::string::npos) << m;
          EXPECT_NE(m.find("a smaller scale than 1e+"), std::string::npos) << m;
        }
  for (const char* generator : {"philox", "numpy"}) {
    Transitions t = transitions_of(made_data(200), View::kLossless, "made");
    const std::string m = test::refusal([&] { corrupt(t, {{Element::kRewards}, 0.3, 1e38, 0, generator}); });
    EXPECT_EQ(m.find("rewards: "), 0u) << m;
    corrupt(t, {{Element::kRewards}, 0.3, 1e37, 0, generator});
    require_finite(t, "made");
  }
}

TEST(Corrupt, WhatWasOutOfFloat32BeforeIsNoFaultOfTheScale) {
  Arrays a = made_data(200, ArrayType::kF64);
  for (int row = 0; row < 100; ++row) a["rewards"].as<double>()[row] = row % 2 ? 1e300 : NAN;
  for (const Mode mode : {Mode::kScaled, Mode::kStuck, Mode::kDelayed, Mode::kAdversarial}) {
    Arrays b = a;
    EXPECT_NO_THROW(corrupt_all(b, {{Element::kRewards}, 0.5, 2, 3, "philox", mode})) << name_of(mode);
  }
}

TEST(Corrupt, AnAttributeInTheManifestsPlaceIsRefused) {
  const Arrays clean = made_data(200);
  MemoryReader in(clean, "made", {{"hardy_corruption", "{"}});
  MemoryWriter out;
  const std::string m = test::refusal([&] { corrupt(in, out, {{Element::kRewards}}, ""); });
  EXPECT_EQ(m.find("made @hardy_corruption: "), 0u) << m;
  EXPECT_NE(m.find("remove or rename the attribute"), std::string::npos) << m;
}

TEST(Corrupt, UndoRefusesFilesWithoutARecordAndFilesChangedSince) {
  Arrays a = made_data(200);
  EXPECT_NE(test::refusal([&] { undo(a, "f"); }).find("no record"), std::string::npos);
  corrupt_all(a, {{Element::kRewards, Element::kDynamics}});
  Arrays b = a;
  const auto rows = rows_of(a, "rewards");
  std::int64_t untouched = 0;
  while (std::ranges::find(rows, untouched) != rows.end()) ++untouched;
  b["rewards"].as<float>()[untouched] += 1;
  EXPECT_NE(test::refusal([&] { undo(b, "f"); }).find("changed after"), std::string::npos);
  for (const std::string part : {"/rows", "/before"}) {
    b = a;
    b.erase("hardy/corruption/dynamics" + part);
    EXPECT_NE(test::refusal([&] { undo(b, "f"); }).find("missing"), std::string::npos);
  }
  b = a;
  b["hardy/corruption/dynamics/rows"].as<std::int64_t>()[0] = 100000;
  EXPECT_NE(test::refusal([&] { undo(b, "f"); }).find("100000"), std::string::npos);
}

TEST(Corrupt, UndoOfARecordThatVouchesForLessSaysWhatItCouldNotCheck) {
  Arrays a = made_data(200);
  const Arrays clean = a;
  corrupt_all(a, {{Element::kRewards}});
  std::string& text = a.at("hardy/corruption/manifest").strings.at(0);
  nlohmann::json manifest = nlohmann::json::parse(text);
  for (const char* key : {"column_types", "attributes_sha256", "stored_attributes_sha256"})
    manifest.erase(key);
  manifest["column_sha256"] = {{"rewards", manifest.at("column_sha256").at("rewards")}};
  text = manifest.dump();
  MemoryReader in(a, "f");
  MemoryWriter out;
  const Undone done = undo(in, out);
  EXPECT_EQ(difference(clean, out.take()), "");
  EXPECT_EQ(done.columns, 1);
  std::vector<std::string> expected{"attributes"};
  for (const auto& [key, array] : clean)
    if (key != "rewards") expected.push_back(key);
  EXPECT_EQ(done.unchecked, expected);
}

TEST(Diff, SaysWhichColumnsAndRowsChangedAndByHowMuch) {
  const Arrays a = made_data(300);
  Arrays b = a;
  b["rewards"].as<float>()[17] += 2;
  b["rewards"].as<float>()[40] = NAN;
  b["observations"].as<float>()[4 * 5 + 1] += 1;
  b.erase("infos/qpos");
  b["extra"] = Array::of(ArrayType::kF32, {3});
  b["metadata/algorithm"].strings = {"other"};
  MemoryReader ra(a, "a"), rb(b, "b");
  const Difference d = diff(ra, rb);
  std::map<std::string, ColumnDifference> by;
  for (const auto& c : d.columns) by[c.column] = c;
  ASSERT_EQ(by.size(), 5u);
  EXPECT_EQ(by["rewards"].rows_changed, 2);
  EXPECT_EQ(by["rewards"].first_rows, (std::vector<std::int64_t>{17, 40}));
  EXPECT_NEAR(by["rewards"].largest, 2, 1e-6);
  EXPECT_NEAR(by["rewards"].mean, 2, 1e-6);
  EXPECT_EQ(by["rewards"].not_finite, 1);
  EXPECT_EQ(by["observations"].first_rows, (std::vector<std::int64_t>{5}));
  EXPECT_EQ(by["infos/qpos"].kind, "only in A");
  EXPECT_EQ(by["extra"].kind, "only in B");
  EXPECT_EQ(by["metadata/algorithm"].kind, "text");
  MemoryReader again(a, "a");
  EXPECT_TRUE(diff(ra, again).columns.empty());
}

}  // namespace
}  // namespace hardy::datasets
