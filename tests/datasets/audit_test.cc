// The audit: a clean file is clean, and every problem that is planted is found, in its column, with its rows.
#include "datasets/audit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "datasets/formats/hdf5_file.h"
#include "engine/base/error.h"
#include "tests/datasets/made_data.h"
#include "tests/engine/run/scratch.h"

namespace hardy::datasets {
namespace {

using test::made_data;
using Rows = std::vector<std::int64_t>;

Audit audit_of(const Arrays& arrays) {
  const test::Scratch dir;
  write_hdf5(dir / "f.hdf5", arrays);
  return audit((dir / "f.hdf5").string());
}

// The finding of a check on a column; the others of the same kind are not looked at.
const Finding* find(const Audit& a, const std::string& check, const std::string& column,
                    const std::string& part = "") {
  for (const Finding& f : a.findings)
    if (f.check == check && f.column == column && f.text.find(part) != std::string::npos) return &f;
  return nullptr;
}

std::string all_of(const Audit& a) {
  std::string text;
  for (const Finding& f : a.findings) text += f.check + " " + f.column + ": " + f.text + "\n";
  return text;
}

// Exactly one finding of that check, and nothing else of any other, errors and warnings alike.
void expect_only(const Audit& a, const std::string& check, const std::string& column, std::int64_t count,
                 const Rows& first) {
  const Finding* f = find(a, check, column);
  ASSERT_NE(f, nullptr) << check << " missing among\n" << all_of(a);
  EXPECT_EQ(f->count, count) << f->text;
  EXPECT_EQ(f->first_rows, first) << f->text;
  for (const Finding& other : a.findings)
    if (other.check != check) {
      EXPECT_EQ(other.severity, Severity::kNote) << all_of(a);
    }
}

TEST(Audit, ACleanFileIsCleanWithAndWithoutNextObservations) {
  for (const bool next : {true, false}) {
    const Audit a = audit_of(made_data(40000, ArrayType::kF32, next));
    EXPECT_TRUE(a.findings.empty()) << all_of(a);
    EXPECT_EQ(a.rows, 40000);
  }
}

TEST(Audit, FindsNanAndInfinitiesAndHugeValues) {
  Arrays a = made_data(2000);
  a["rewards"].as<float>()[7] = NAN;
  a["rewards"].as<float>()[1900] = INFINITY;
  expect_only(audit_of(a), "finite", "rewards", 2, {7, 1900});
  a = made_data(2000);
  a["actions"].as<float>()[5 * 2] = 1e12f;
  EXPECT_NE(find(audit_of(a), "finite", "actions", "finite"), nullptr);
}

TEST(Audit, FindsFlagsThatExcludeOneAnotherOrAreNone) {
  Arrays a = made_data(2000);
  for (std::int64_t row = 0; row < 2000; ++row)
    if (a["terminals"].as<std::uint8_t>()[row]) {
      a["timeouts"].as<std::uint8_t>()[row] = 1;
      expect_only(audit_of(a), "flags", "timeouts", 1, {row});
      break;
    }
  a = made_data(2000);
  for (const char* key : {"terminals", "timeouts"}) a[key] = Array::of(ArrayType::kBool, {2000});
  EXPECT_NE(find(audit_of(a), "flags", "terminals", "no row ends"), nullptr);
  a = made_data(2000);
  std::fill_n(a["terminals"].as<std::uint8_t>(), 2000, std::uint8_t{1});
  EXPECT_NE(find(audit_of(a), "flags", "terminals", "every row"), nullptr);
  a = made_data(2000);
  a["terminals"] = Array::of(ArrayType::kF32, {2000});
  a["terminals"].as<float>()[29] = 0.5f;
  EXPECT_NE(find(audit_of(a), "flags", "terminals", "neither 0 nor 1"), nullptr);
  a = made_data(2000);
  a.erase("timeouts");
  EXPECT_NE(find(audit_of(a), "flags", "timeouts", "no timeouts"), nullptr);
}

TEST(Audit, FindsActionsOutsideTheirRangeAndAtItsBounds) {
  Arrays a = made_data(2000);
  a["actions"].as<float>()[2 * 100 + 1] = -1.5f;
  a["actions"].as<float>()[2 * 101] = 1.0f;
  const Audit found = audit_of(a);
  EXPECT_EQ(find(found, "actions", "actions", "outside")->first_rows, Rows{100});
  EXPECT_EQ(find(found, "actions", "actions", "exactly")->first_rows, Rows{101});
}

TEST(Audit, FindsRowsThatOccurTwice) {
  Arrays a = made_data(2000);
  for (const char* key : {"observations", "actions", "rewards"}) {
    const std::size_t row = a[key].bytes.size() / 2000;
    std::copy_n(a[key].bytes.begin() + static_cast<std::ptrdiff_t>(10 * row), 3 * row,
                a[key].bytes.begin() + static_cast<std::ptrdiff_t>(1500 * row));
  }
  const Audit found = audit_of(a);
  const Finding* f = find(found, "duplicates", "");
  ASSERT_NE(f, nullptr);
  EXPECT_EQ(f->count, 3);
  EXPECT_EQ(f->first_rows, (Rows{1500, 1501, 1502}));
}

TEST(Audit, FindsBrokenContinuityAlsoAtTheEdgeOfAPiece) {
  Arrays a = made_data(40000);
  a["next_observations"].as<float>()[4 * 100 + 2] += 0.5f;
  a["observations"].as<float>()[4 * 16384] += 0.5f;  // the first row of the second piece
  expect_only(audit_of(a), "continuity", "next_observations", 2, {100, 16383});
}

TEST(Audit, FindsTimeoutsOutOfStep) {
  for (const bool next : {true, false}) {
    Arrays a = made_data(2000, ArrayType::kF32, next);
    Array shifted = Array::of(ArrayType::kBool, {2000});
    std::int64_t timeouts = 0;
    for (std::int64_t row = 0; row + 1 < 2000; ++row)
      if (a["timeouts"].as<std::uint8_t>()[row]) {
        shifted.as<std::uint8_t>()[row + 1] = 1;
        ++timeouts;
      }
    a["timeouts"] = shifted;
    const Audit found = audit_of(a);
    const Finding* f =
        find(found, next ? "continuity" : "jumps", "timeouts", next ? "a row before or after" : "one row");
    ASSERT_NE(f, nullptr) << next << "\n" << all_of(audit_of(a));
    EXPECT_GE(f->count, timeouts * 9 / 10) << next;
    EXPECT_LE(f->count, timeouts) << next;
  }
}

TEST(Audit, FindsTeleportsInFilesWithoutNextObservations) {
  Arrays a = made_data(2000, ArrayType::kF32, false);
  for (int k = 0; k < 4; ++k) a["observations"].as<float>()[4 * 5 + k] += 40;
  const Audit found = audit_of(a);
  EXPECT_EQ(find(found, "jumps", "observations")->first_rows, (Rows{4, 5}));
}

TEST(Audit, FindsConstantDimensions) {
  Arrays a = made_data(2000);
  for (std::int64_t row = 0; row < 2000; ++row) a["actions"].as<float>()[2 * row + 1] = 0.25f;
  const Audit found = audit_of(a);
  const Finding* f = find(found, "constant", "actions");
  ASSERT_NE(f, nullptr);
  EXPECT_EQ(f->text, "dimensions that never change: 1");
}

TEST(Audit, FindsTypesThatSurprise) {
  Arrays a = made_data(2000, ArrayType::kF64);
  a["rewards"].as<double>()[12] = 0.1;  // no float32
  const Audit found = audit_of(a);
  const Finding* f = find(found, "types", "rewards");
  ASSERT_NE(f, nullptr);
  EXPECT_EQ(f->first_rows, Rows{12});
  a = made_data(2000);
  a["rewards"].shape = {2000, 1};
  a["terminals"] = Array::of(ArrayType::kF32, {2000});
  EXPECT_NE(find(audit_of(a), "types", "rewards", "not a list"), nullptr);
  EXPECT_NE(find(audit_of(a), "types", "terminals", "not bool"), nullptr);
}

TEST(Audit, FindsOutliersByARobustScoreThatTheyDoNotMove) {
  Arrays a = made_data(2000);
  for (std::int64_t row = 0; row < 600; ++row) a["rewards"].as<float>()[row] = 30;  // 3 rows in 10
  expect_only(audit_of(a), "outliers", "rewards", 600, {0, 1, 2, 3, 4});
}

TEST(Audit, FindsMissingColumnsLengthsAndRanks) {
  Arrays a = made_data(200);
  a.erase("actions");
  EXPECT_NE(find(audit_of(a), "layout", "actions", "missing"), nullptr);
  a = made_data(200);
  a["rewards"] = Array::of(ArrayType::kF32, {199});
  EXPECT_NE(find(audit_of(a), "layout", "rewards", "199 rows"), nullptr);
  a["rewards"] = Array::of(ArrayType::kF32, {200, 2});
  EXPECT_NE(find(audit_of(a), "layout", "rewards", "float32 [200, 2]"), nullptr);
  a = made_data(200);
  a["next_observations"] = Array::of(ArrayType::kF32, {200, 3});
  EXPECT_NE(find(audit_of(a), "layout", "next_observations"), nullptr);
}

TEST(Audit, FindsTruncatedAndForeignFilesAndRefusesMissingOnes) {
  const test::Scratch dir;
  write_hdf5(dir / "whole.hdf5", made_data(2000));
  const std::string whole = test::contents(dir / "whole.hdf5");
  std::ofstream(dir / "cut.hdf5", std::ios::binary)
      .write(whole.data(), static_cast<std::streamsize>(whole.size() / 2));
  std::ofstream(dir / "text.hdf5") << "observations, actions\n1, 2\n";
  for (const char* name : {"cut.hdf5", "text.hdf5"}) {
    const Audit a = audit((dir / name).string());
    ASSERT_EQ(a.findings.size(), 1u);
    EXPECT_EQ(a.findings[0].check, "file");
    EXPECT_EQ(a.findings[0].severity, Severity::kError);
  }
  EXPECT_THROW(audit((dir / "nowhere.hdf5").string()), Error);
}

}  // namespace
}  // namespace hardy::datasets
