// On clean data the audit stays silent and a repair changes nothing: fewer than one row in a thousand, of
// every behaviour that the project collects and of robots that stand still; and what is corrupted is still
// found.
#include <gtest/gtest.h>

#include <cmath>

#include "algorithms/acting/collect.h"
#include "datasets/audit.h"
#include "datasets/corruption/corrupt.h"
#include "datasets/corruption/corruption_record.h"
#include "datasets/corruption/repair.h"
#include "datasets/formats/hdf5_file.h"
#include "datasets/memory.h"
#include "datasets/memory_writer.h"
#include "datasets/robust.h"
#include "engine/base/json.h"
#include "tests/datasets/clean_data.h"
#include "tests/datasets/made_data.h"
#include "tests/engine/run/scratch.h"

namespace hardy::datasets {
namespace {

Arrays collected(const std::string& env, const std::string& behaviour, std::int64_t rows,
                 std::uint64_t seed = 1) {
  return algorithms::collect(env, algorithms::behaviour(env, behaviour, rows), seed, 2);
}

Audit audit_of(const Arrays& arrays) {
  const test::Scratch dir;
  write_hdf5(dir / "f.hdf5", arrays, 0);
  return audit((dir / "f.hdf5").string());
}

// The checks that judge rows by what is usual.
bool judges(const Finding& f) {
  return f.check == "outliers" || f.check == "jumps" || f.check == "stuck" || f.check == "duplicates" ||
         f.check == "continuity";
}

std::int64_t rows_found(const Audit& a, const std::string& check, const std::string& column) {
  std::int64_t n = 0;
  for (const Finding& f : a.findings)
    if (f.check == check && f.column == column) n += f.count;
  return n;
}

void expect_silence(Arrays a, const std::string& what) {
  const std::int64_t few = a.at("rewards").rows() / 1000;
  for (const bool next : {true, false}) {
    if (!next) a.erase("next_observations");
    for (const Finding& f : audit_of(a).findings)
      if (judges(f)) {
        EXPECT_EQ(f.severity, Severity::kNote) << what << ", " << f.check << " /" << f.column;
        EXPECT_EQ(f.text.find("can clip"), std::string::npos);
        EXPECT_LE(f.count, few) << what << ", " << f.check << " /" << f.column << ": " << f.text;
      }
  }
  // What the audit advises changes no more.
  MemoryReader in(a, what);
  MemoryWriter out;
  const nlohmann::json r = repair(in, out, {.continuity = Continuity::kOff, .clip = 15, .clip_actions = 0});
  EXPECT_LE(r.at("columns").at("observations").at("changed").get<std::int64_t>(), few) << what;
}

TEST(FalseAlarms, AreBelowOneRowInAThousandOnEveryCollectedFileSlow) {
  for (const std::string& behaviour : algorithms::behaviour_names())
    expect_silence(collected("hopper", behaviour, 8000), "hopper " + behaviour);
  for (const std::string env : {"pendulum", "cart_pole", "enumerable_mdp"}) {
    Arrays a = collected(env, "random", 8000);
    for (std::int64_t i = 0; i < a["actions"].elements(); ++i)
      a["actions"].as<float>()[i] /= 4;  // into [-1, 1]: beyond them is a finding of its own
    expect_silence(a, env + " random");
  }
}

// Of 30,000 rows of robots that stumble, five go 18 deviations far: that is no fault of the file, whereas a
// single row that is out by more than any motion is one.
TEST(FalseAlarms, AFewRowsThatAreRareMotionAreANoteAndOneThatIsNoneAWarning) {
  Arrays a = collected("hopper", "random", 30000, 2);
  Audit audit = audit_of(a);
  EXPECT_GT(rows_found(audit, "outliers", "observations"), 0);
  for (const Finding& f : audit.findings) EXPECT_EQ(f.severity, Severity::kNote) << f.text;
  a["observations"].as<float>()[11 * 777] += 100;
  audit = audit_of(a);
  const auto outlier = std::ranges::find_if(
      audit.findings, [](const Finding& f) { return f.check == "outliers" && f.column == "observations"; });
  ASSERT_NE(outlier, audit.findings.end());
  EXPECT_EQ(outlier->severity, Severity::kWarning);
}

TEST(FalseAlarms, AreBelowOneRowInAThousandWhereMostRowsStandStill) {
  expect_silence(test::held_pendulum(30, 0), "a pendulum held upright");
  expect_silence(test::held_pendulum(30, 0.05), "a pendulum held upright by a noisy hand");
  expect_silence(test::resting_data(15), "a robot that rests");
}

TEST(FalseAlarms, DoNotComeOfGoalsInputsOfTwoValuesAndLimits) {
  Arrays a = test::made_data(6000);
  Array wide = Array::of(ArrayType::kF32, {6000, 4});
  std::int64_t in_episode = 0, episode = 0;
  for (std::int64_t row = 0; row < 6000; ++row) {
    float* x = wide.as<float>() + 4 * row;
    const float moves = a["observations"].as<float>()[4 * row];
    x[0] = moves;
    x[1] = static_cast<float>(episode) * 0.37f;  // a goal, another one in each episode
    x[2] = in_episode % 24 < 12 ? 0.0f : 1.0f;   // a switch
    x[3] = in_episode < 12 ? 2.5f : 2.5f - 0.01f * static_cast<float>(in_episode - 12);  // leaves a limit
    ++in_episode;
    if (a["terminals"].as<std::uint8_t>()[row] || a["timeouts"].as<std::uint8_t>()[row]) {
      in_episode = 0;
      ++episode;
    }
  }
  a["observations"] = wide;
  a.erase("next_observations");
  EXPECT_EQ(rows_found(audit_of(a), "stuck", "observations"), 0);
}

TEST(FalseAlarms, TheScaleOfNormalDataIsTheStandardDeviationAndAMajorityOfEqualValuesDoesNotShrinkIt) {
  SampledRows rows;
  rows.stretches = {{0, 20000}};
  rows.begins.assign(20000, 0);
  rows.begins[0] = 1;
  const Random random(3, RandomStream::kUser);
  std::vector<double> x(20000), still(20000), spikes(20000), scaled(20000);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double draw = random.normal(i), flip = random.uniform64(100000 + i),
                 noise = random.uniform64(200000 + i);
    x[i] = 5 + 2 * draw;
    // Swings of size 10 for a fifth of the time, else rest.
    const bool moves = i % 1000 < 200;
    still[i] = moves ? 10 * std::sin(static_cast<double>(i % 1000) * 2 * 3.14159265 / 100) : 1e-6 * draw;
    spikes[i] = draw + (flip < 0.3 ? 60 * noise - 30 : 0);
    // A sensor whose stretches of 100 rows are 40 times too large jumps there.
    const double smooth = 3 + std::sin(static_cast<double>(i) * 0.05) + 0.01 * draw;
    scaled[i] = i % 500 < 100 && i > 100 ? 40 * smooth : smooth;
  }
  EXPECT_NEAR(robust_scale(x, rows).deviation, 2, 0.05);
  EXPECT_NEAR(robust_scale(x, rows).median, 5, 0.05);
  EXPECT_NEAR(robust_scale(still, rows).deviation, 10.0 / 3, 0.1);
  EXPECT_LT(robust_scale(still, rows).z(10), 4);
  EXPECT_LT(robust_scale(spikes, rows).deviation, 2.5);
  EXPECT_LT(robust_scale(scaled, rows).deviation, 2);
  EXPECT_GT(usual_step(still, rows), 0.1);  // its swings have steps up to 0.63
  EXPECT_LT(usual_step(still, rows), 0.63);
  EXPECT_NEAR(usual_step(x, rows), 2 * 0.954, 0.1);  // the median of |a - b| of two normal draws
}

// Rows that a check finds for each row that was attacked.
double share_found(const Arrays& clean, const CorruptionSettings& s, const std::string& check) {
  Arrays dirty = clean;
  corrupt(dirty, s, "clean", "");
  const Element e = s.elements[0];
  MemoryReader reader(dirty, "dirty");
  const std::int64_t attacked = recorded_rows(reader, e, "rows", clean.at("rewards").rows()).count();
  return static_cast<double>(rows_found(audit_of(dirty), check, column_of(e))) /
         static_cast<double>(attacked);
}

TEST(FalseAlarms, WhatIsCorruptedIsStillFoundSlow) {
  const Arrays clean = collected("hopper", "medium-replay", 30000, 0);  // docs/corruption.md's
  // Rewards in [-30, 30], of which those beyond 15 deviations of 1.4 are found: a quarter.
  CorruptionSettings s{{Element::kRewards}, 0.3, 1.0, 0, "philox"};
  for (const Pattern pattern : {Pattern::kRows, Pattern::kBlocks, Pattern::kEpisodes}) {
    s.pattern = pattern;
    EXPECT_NEAR(share_found(clean, s, "outliers"), 0.26, 0.06) << name_of(pattern);
  }
  // A sensor that is scaled jumps there, however many rows it stays.
  s.mode = Mode::kScaled;
  s.scale = 20;
  for (const Pattern pattern : {Pattern::kRows, Pattern::kBlocks, Pattern::kEpisodes}) {
    s.pattern = pattern;
    EXPECT_GT(share_found(clean, s, "outliers"), 0.85) << name_of(pattern);
  }
  // Also where the rewards of robots that fall pass through the bulk on their way.
  const Arrays falling = collected("hopper", "random", 30000, 0);
  s.pattern = Pattern::kBlocks;
  EXPECT_GT(share_found(falling, s, "outliers"), 0.7);
  s.pattern = Pattern::kEpisodes;
  EXPECT_GT(share_found(falling, s, "outliers"), 0.7);
  // States a few deviations away, in a file with a single copy of each: jumps there and back.
  Arrays single = clean;
  single.erase("next_observations");
  s = {{Element::kObservations}, 0.02, 3.0, 0, "philox"};
  s.trajectory = true;
  EXPECT_NEAR(share_found(single, s, "jumps"), 2, 0.15);
}

TEST(FalseAlarms, StuckAndDroppedSensorsAreFound) {
  const Arrays clean = collected("hopper", "medium", 20000);
  CorruptionSettings s{{Element::kObservations}, 0.1, 1.0, 4, "philox"};
  s.trajectory = true;  // continuity sees nothing
  s.pattern = Pattern::kBlocks;
  s.block = 300;
  s.sensors = {0};
  for (const Mode mode : {Mode::kStuck, Mode::kDropped}) {
    s.mode = mode;
    EXPECT_NEAR(share_found(clean, s, "stuck"), 1, 0.05) << name_of(mode);
  }
  s.block = 0;  // one window of 300 rows
  s.rate = 0.015;
  s.mode = Mode::kStuck;
  for (const std::vector<std::int64_t>& sensors : {std::vector<std::int64_t>{7}, {2, 5}, {}}) {
    s.sensors = sensors;
    EXPECT_NEAR(share_found(clean, s, "stuck"), 1, 0.1) << sensors.size();
  }
}

}  // namespace
}  // namespace hardy::datasets
