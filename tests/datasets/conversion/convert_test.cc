#include "datasets/convert.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "datasets/conversion/derived.h"
#include "datasets/corruption/corrupt.h"
#include "datasets/formats/hdf5_file.h"
#include "datasets/memory.h"
#include "datasets/memory_writer.h"
#include "datasets/transitions.h"
#include "engine/base/json.h"
#include "tests/datasets/made_data.h"
#include "tests/engine/base/refusal.h"
#include "tests/engine/run/scratch.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;
using test::made_data;
using test::refusal;

struct Converted {
  Arrays arrays;
  json report;
};
Converted convert_arrays(const std::vector<std::pair<std::string, const Arrays*>>& in,
                         const ConversionSettings& settings) {
  std::vector<std::unique_ptr<Reader>> readers;
  for (const auto& [name, arrays] : in) readers.push_back(std::make_unique<MemoryReader>(*arrays, name));
  MemoryWriter writer;
  Converted c;
  c.report = convert(std::move(readers), writer, settings);
  c.arrays = writer.take();
  return c;
}
Converted convert_one(const Arrays& arrays, const ConversionSettings& settings) {
  return convert_arrays({{"in", &arrays}}, settings);
}
ConversionSettings selecting(const SelectionSettings& select) {
  ConversionSettings s;
  s.select = select;
  return s;
}

bool flag(const Arrays& a, const char* key, std::int64_t row) {
  return a.at(key).as<std::uint8_t>()[row] != 0;
}
std::int64_t rows_of(const Arrays& a) { return a.at("observations").rows(); }

// Episodes by a loop of the test's own: first row, rows, return.
struct Episode {
  std::int64_t begin, size;
  double total;
};
std::vector<Episode> episodes_by_hand(const Arrays& a) {
  std::vector<Episode> all;
  Episode e{0, 0, 0};
  for (std::int64_t row = 0; row < rows_of(a); ++row) {
    ++e.size;
    e.total += static_cast<double>(a.at("rewards").as<float>()[row]);
    if (!flag(a, "terminals", row) && !flag(a, "timeouts", row) && row + 1 < rows_of(a)) continue;
    all.push_back(e);
    e = {row + 1, 0, 0};
  }
  return all;
}

// One row of every column that has rows, as bytes.
std::string row_bytes(const Arrays& a, std::int64_t row, bool flags = true) {
  std::string bytes;
  for (const auto& [key, array] : a) {
    if (array.type == ArrayType::kString || array.rows() != rows_of(a) || (!flags && key == "timeouts"))
      continue;
    const std::size_t n = array.bytes.size() / static_cast<std::size_t>(array.rows());
    bytes.append(reinterpret_cast<const char*>(array.bytes.data()) + static_cast<std::size_t>(row) * n, n);
  }
  return bytes;
}
void expect_episodes(const Arrays& from, const std::vector<Episode>& wanted, const Arrays& out) {
  std::int64_t at = 0;
  for (const Episode& e : wanted)
    for (std::int64_t i = 0; i < e.size; ++i, ++at) {
      ASSERT_LT(at, rows_of(out));
      ASSERT_EQ(row_bytes(out, at), row_bytes(from, e.begin + i)) << "row " << at;
    }
  EXPECT_EQ(at, rows_of(out));
}

TEST(Convert, FilterKeepsTheEpisodesThatAPlainLoopKeepsBitForBit) {
  const Arrays a = made_data(3000);
  std::vector<Episode> wanted;
  for (const Episode& e : episodes_by_hand(a))
    if (e.total > 38 && e.size < 45) wanted.push_back(e);
  ASSERT_GT(wanted.size(), 3u);
  const Converted c = convert_one(a, selecting({.filter = "return > 38 and length < 45"}));
  expect_episodes(a, wanted, c.arrays);
  EXPECT_EQ(c.report.at("episodes"), wanted.size());
  EXPECT_EQ(c.report.at("rows"), rows_of(c.arrays));
  EXPECT_EQ(c.report.at("inputs")[0].at("episodes"), episodes_by_hand(a).size());
  EXPECT_EQ(c.report.at("steps")[0].at("episodes"), wanted.size());
  EXPECT_EQ(c.report.at("steps")[0].at("rows_in"), 3000);
  EXPECT_EQ(c.arrays.at("metadata/algorithm").strings, a.at("metadata/algorithm").strings);
}

TEST(Convert, BestKeepsTheHighestReturnsInTheFilesOrder) {
  const Arrays a = made_data(3000);
  std::vector<Episode> all = episodes_by_hand(a), best = all;
  std::ranges::stable_sort(best, std::greater(), &Episode::total);
  for (const auto& [text, n] :
       {std::pair{"10%", (all.size() + 9) / 10}, {"3", std::size_t{3}}, {"100%", all.size()}}) {
    std::vector<Episode> wanted(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(n));
    std::ranges::sort(wanted, {}, &Episode::begin);
    expect_episodes(a, wanted, convert_one(a, selecting({.best = text})).arrays);
  }
}

TEST(Convert, SampleDrawsWholeEpisodesByItsSeedAndAnyEpisodeAsOften) {
  const Arrays a = made_data(800);
  const std::vector<Episode> all = episodes_by_hand(a);
  std::vector<int> drawn(all.size());
  std::set<std::string> different;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Arrays out = convert_one(a, selecting({.sample = "5", .seed = seed})).arrays;
    std::vector<Episode> seen;
    std::int64_t at = 0;
    for (const Episode& e : all)  // made_data's episodes differ in their first row
      if (at < rows_of(out) && row_bytes(out, at) == row_bytes(a, e.begin)) {
        seen.push_back(e);
        ++drawn[static_cast<std::size_t>(&e - all.data())];
        at += e.size;
      }
    ASSERT_EQ(seen.size(), 5u);
    expect_episodes(a, seen, out);
    different.insert(row_bytes(out, 0));
  }
  EXPECT_GT(different.size(), 5u);
  // Each is in with probability p = 5/n: 300 p expected, within five standard deviations.
  const double p = 5.0 / static_cast<double>(all.size());
  for (const int n : drawn) EXPECT_NEAR(n, 300 * p, 5 * std::sqrt(300 * p * (1 - p)));
  EXPECT_EQ(row_bytes(convert_one(a, selecting({.sample = "5", .seed = 9})).arrays, 7),
            row_bytes(convert_one(a, selecting({.sample = "5episodes", .seed = 9})).arrays, 7));
  const Arrays rows = convert_one(a, selecting({.sample = "100rows", .seed = 3})).arrays;
  EXPECT_GE(rows_of(rows), 100);
  EXPECT_LT(rows_of(rows), 150);  // an episode more at most: they are of 30 to 49 rows
}

// Every transition that a view gives of what was chosen was one of the whole file: no state is followed by
// one that did not follow it.
void expect_no_new_transitions(const std::vector<const Arrays*>& in, const Arrays& out,
                               const std::string& what) {
  for (const View view : {View::kLossless, View::kQlearning}) {
    const auto all = [&](const Arrays& a) {
      const Transitions t = transitions_of(a, view, "x", 100000);
      std::vector<std::string> each;
      for (std::int64_t i = 0; i < t.rows; ++i) {
        if ((view == View::kQlearning || !a.contains("next_observations")) &&
            t.terminals[static_cast<std::size_t>(i)] != 0)
          continue;
        std::string bytes(reinterpret_cast<const char*>(&t.observations[static_cast<std::size_t>(i * 4)]),
                          16);
        bytes.append(reinterpret_cast<const char*>(&t.next_observations[static_cast<std::size_t>(i * 4)]),
                     16);
        each.push_back(bytes);
      }
      return each;
    };
    std::set<std::string> known;
    for (const Arrays* a : in)
      for (const std::string& t : all(*a)) known.insert(t);
    const std::vector<std::string> now = all(out);
    EXPECT_GT(now.size(), 10u);
    for (const std::string& t : now) ASSERT_TRUE(known.contains(t)) << what;
  }
}

TEST(Convert, NoStateIsFollowedByOneThatDidNotFollowIt) {
  for (const bool next : {true, false}) {
    Arrays a = made_data(700, ArrayType::kF32, next), b = made_data(655, ArrayType::kF32, next);
    ASSERT_FALSE(flag(b, "timeouts", 654) ||
                 flag(b, "terminals", 654));  // cut: the next file must not go on there
    Arrays holed = a;
    for (const std::int64_t row : {5, 6, 40, 41, 300, 699}) holed["observations"].as<float>()[row * 4] = NAN;
    for (const SelectionSettings& s :
         std::vector<SelectionSettings>{{.filter = "length > 35"},
                                        {.best = "50%"},
                                        {.sample = "6"},
                                        {.drop_invalid = true},
                                        {.skip_bad_episodes = true},
                                        {.drop_invalid = true, .filter = "length > 10"}}) {
      const Converted one = convert_one(holed, selecting(s));
      if (s.drop_invalid || s.skip_bad_episodes) expect_no_new_transitions({&a}, one.arrays, "one");
      const Converted two = convert_arrays({{"b", &b}, {"a", &a}}, selecting(s));
      expect_no_new_transitions({&a, &b}, two.arrays, "two");
    }
    const Converted merged = convert_arrays({{"b", &b}, {"a", &a}}, {});
    EXPECT_EQ(rows_of(merged.arrays), 1355);
    EXPECT_TRUE(flag(merged.arrays, "timeouts", 654));
    EXPECT_EQ(merged.report.at("episodes"), episodes_by_hand(merged.arrays).size());
    expect_no_new_transitions({&a, &b}, merged.arrays, "merged");
  }
}

TEST(Convert, DropInvalidLeavesOutWhatNothingCanBeLearntFromAndCounts) {
  Arrays a = made_data(100);
  ASSERT_EQ(episodes_by_hand(a)[0].size, 30);  // rows 0 to 29, 30 to 60, 61 to 92, 93 to 99
  a["observations"].as<float>()[3 * 4 + 1] = NAN;
  a["rewards"].as<float>()[3] = INFINITY;
  a["actions"].as<float>()[29 * 2] = -INFINITY;  // the last row of an episode
  a["infos/qpos"].as<double>()[10] = NAN;        // is not learnt from
  a["next_observations"].as<float>()[60 * 4] = NAN;
  for (std::int64_t row = 93; row < 100; ++row) a["rewards"].as<float>()[row] = NAN;
  const Converted c = convert_one(a, selecting({.drop_invalid = true}));
  std::vector<std::int64_t> kept;
  for (std::int64_t row = 0; row < 93; ++row)
    if (row != 3 && row != 29 && row != 60) kept.push_back(row);
  ASSERT_EQ(rows_of(c.arrays), static_cast<std::int64_t>(kept.size()));
  for (std::size_t i = 0; i < kept.size(); ++i) {
    ASSERT_EQ(row_bytes(c.arrays, static_cast<std::int64_t>(i), false), row_bytes(a, kept[i], false)) << i;
    // What ends before a hole is a time limit from now on.
    const bool before_hole = kept[i] == 2 || kept[i] == 28 || kept[i] == 59;
    EXPECT_EQ(flag(c.arrays, "timeouts", static_cast<std::int64_t>(i)),
              flag(a, "timeouts", kept[i]) || before_hole);
  }
  const json& step = c.report.at("steps")[0];
  EXPECT_EQ(step.at("invalid_rows"), 10);
  EXPECT_EQ(step.at("invalid_rows_by_column"),
            (json{{"observations", 1}, {"rewards", 8}, {"actions", 1}, {"next_observations", 1}}));
  EXPECT_EQ(step.at("episodes_gone"), 1);
  EXPECT_EQ(step.at("cuts"), 1);
  EXPECT_EQ(c.report.at("episodes"), 4);
}

TEST(Convert, FlagsThatAreNeitherAndNumbersBeyondFloat32AreInvalid) {
  Arrays a = made_data(100, ArrayType::kF64);
  a["observations"].as<double>()[7 * 4] = 1e300;
  a["observations"].as<double>()[8 * 4] = std::numeric_limits<float>::max();
  a["terminals"].as<std::uint8_t>()[20] = 2;
  ConversionSettings s = selecting({.drop_invalid = true});
  s.float32 = true;
  const Converted c = convert_one(a, s);
  EXPECT_EQ(rows_of(c.arrays), 98);
  EXPECT_EQ(c.arrays.at("observations").as<float>()[7 * 4], std::numeric_limits<float>::max());
  EXPECT_EQ(c.report.at("steps")[0].at("invalid_rows_by_column"),
            (json{{"observations", 1}, {"terminals", 1}}));
}

TEST(Convert, SkipBadEpisodesLeavesWholeEpisodesOutOfAFileBitForBit) {
  const test::Scratch dir;
  Arrays a = made_data(6000);
  a["rewards"].as<float>()[35] = NAN;  // in the second episode
  write_hdf5(dir / "f.hdf5", a);
  std::vector<std::unique_ptr<Reader>> in;
  in.push_back(open_dataset(dir / "f.hdf5"));
  MemoryWriter writer;
  const json report = convert(std::move(in), writer, selecting({.skip_bad_episodes = true}));
  const Arrays out = writer.take();
  std::vector<Episode> wanted = episodes_by_hand(a);
  wanted.erase(wanted.begin() + 1);
  expect_episodes(a, wanted, out);
  EXPECT_EQ(report.at("steps")[0].at("unreadable_episodes"), 0);
  EXPECT_EQ(report.at("steps")[0].at("invalid_rows"), 1);
}

// A file some of whose rows cannot be read.
class Damaged final : public DerivedReader {
 public:
  Damaged(const Arrays& arrays, std::int64_t from, std::int64_t to)
      : DerivedReader(std::make_unique<MemoryReader>(arrays, "damaged")), from_(from), to_(to) {
    set_columns(inner().columns());
  }

 private:
  void read_rows(const Column& column, std::int64_t first, std::int64_t rows, std::byte* to) override {
    if (column.key == "infos/qpos" && first < to_ && first + rows > from_)
      throw Error("cannot be read", where(column));
    inner().read(column, first, rows, {to, static_cast<std::size_t>(rows) * column.row_bytes()});
  }
  std::int64_t from_, to_;
};

TEST(Convert, EpisodesThatCannotBeReadAreSkippedAndCounted) {
  const Arrays a = made_data(3000);
  std::vector<Episode> wanted = episodes_by_hand(a);
  const std::int64_t from = wanted[10].begin + 3, to = wanted[11].begin + 2;  // two episodes
  wanted.erase(wanted.begin() + 10, wanted.begin() + 12);
  const auto run = [&](const SelectionSettings& s) {
    std::vector<std::unique_ptr<Reader>> in;
    in.push_back(std::make_unique<Damaged>(a, from, to));
    MemoryWriter writer;
    const json report = convert(std::move(in), writer, selecting(s));
    expect_episodes(a, wanted, writer.take());
    EXPECT_EQ(report.at("steps")[0].at("unreadable_episodes"), 2);
  };
  run({.skip_bad_episodes = true});
  EXPECT_NE(refusal([&] { run({.drop_invalid = true}); }).find("cannot be read"), std::string::npos);
}

TEST(Convert, MergedFilesMustFitAndSideColumnsThatDoNotAreNoted) {
  const Arrays a = made_data(100);
  Arrays b = made_data(90);
  b.erase("infos/qpos");
  b["infos/b"] = Array::of(ArrayType::kF32, {90});
  b["rewards"].shape = {90, 1};
  for (std::int64_t i = 0; i < 90; ++i) b["rewards"].as<float>()[i] = static_cast<float>(i);
  b["terminals"].type = ArrayType::kF32;
  b["terminals"] = [&] {
    Array t = Array::of(ArrayType::kF32, {90});
    for (std::int64_t i = 0; i < 90; ++i) t.as<float>()[i] = flag(made_data(90), "terminals", i);
    return t;
  }();
  const Converted c = convert_arrays({{"a", &a}, {"b", &b}}, {});
  EXPECT_EQ(c.arrays.at("rewards").shape, (std::vector<std::int64_t>{190}));
  EXPECT_EQ(c.arrays.at("rewards").as<float>()[100 + 17], 17.0f);
  EXPECT_EQ(c.arrays.at("terminals").type, ArrayType::kBool);
  for (std::int64_t i = 0; i < 90; ++i)
    EXPECT_EQ(flag(c.arrays, "terminals", 100 + i), flag(made_data(90), "terminals", i));
  EXPECT_FALSE(c.arrays.contains("infos/qpos") || c.arrays.contains("infos/b"));
  const std::string notes = c.report.at("notes").dump();
  for (const char* part :
       {"/infos/qpos is left out: b has no /infos/qpos", "/infos/b is left out: a has no /infos/b"})
    EXPECT_NE(notes.find(part), std::string::npos) << notes;

  const auto refused = [&](auto&& change, const std::string& name = "b") {
    Arrays other = made_data(90);
    change(other);
    return refusal([&] { convert_arrays({{"a", &a}, {name, &other}}, {}); });
  };
  EXPECT_NE(refused([](Arrays& x) {
              x["actions"] = Array::of(ArrayType::kF32, {90, 3});
            }).find("b: has /actions, float32 [90, 3]; a has float32 [100, 2]"),
            std::string::npos);
  EXPECT_NE(refused([](Arrays& x) { x = made_data(90, ArrayType::kF64); }).find("give --float32"),
            std::string::npos);
  EXPECT_NE(refused([](Arrays& x) { x.erase("next_observations"); }).find("b: has no /next_observations"),
            std::string::npos);
  EXPECT_NE(refused([](Arrays& x) { x.erase("terminals"); }).find("has no 'terminals'"), std::string::npos);
  EXPECT_NE(refusal([&] {
              const Arrays other = made_data(90);
              convert_arrays({{"hopper-medium.hdf5", &a}, {"walker2d-medium.hdf5", &other}}, {});
            }).find("is of the task walker2d, hopper-medium.hdf5 of hopper"),
            std::string::npos);
  const Arrays wide = made_data(90, ArrayType::kF64);
  ConversionSettings narrow;
  narrow.float32 = true;
  EXPECT_EQ(convert_arrays({{"a", &a}, {"b", &wide}}, narrow).arrays.at("actions").type, ArrayType::kF32);
}

TEST(Convert, AFileWithoutTimeoutsGetsThemOnlyWhereRowsNoLongerFollow) {
  Arrays a = made_data(200);
  a.erase("timeouts");
  const Converted all = convert_one(a, selecting({.filter = "length > 0"}));
  EXPECT_FALSE(all.arrays.contains("timeouts"));
  const Converted merged = convert_arrays({{"a", &a}, {"a2", &a}}, {});
  ASSERT_TRUE(merged.arrays.contains("timeouts"));
  for (std::int64_t row = 0; row < 400; ++row)
    EXPECT_EQ(flag(merged.arrays, "timeouts", row), row == 199) << row;
  EXPECT_NE(merged.report.at("notes").dump().find("timeouts were made"), std::string::npos);

  // Where the file was cut by a number of steps, the flags that are made say so too: nothing else would.
  ConversionSettings limited;
  limited.select.time_limit = 25;
  const Arrays twice = convert_arrays({{"a", &a}, {"a2", &a}}, limited).arrays;
  std::int64_t step = 0;
  for (std::int64_t row = 0; row < 400; ++row) {
    ++step;
    const bool limit = !flag(twice, "terminals", row) && step == 25;
    EXPECT_EQ(flag(twice, "timeouts", row), limit || row == 199) << row;
    if (limit || flag(twice, "terminals", row) || row == 199) step = 0;
  }
  limited.select.filter = "length == 25 and timed_out";
  const Converted some = convert_one(a, limited);
  EXPECT_EQ(rows_of(some.arrays), 25 * some.report.at("episodes").get<std::int64_t>());
}

TEST(Convert, MapShowsColumnsUnderOtherNamesAndRefusesWhatIsNotThere) {
  Arrays a = made_data(60);
  a["obs"] = a["observations"];
  a["r"] = a["rewards"];
  a.erase("observations");
  a.erase("rewards");
  ConversionSettings s;
  s.names = {{"observations", "obs"}, {"rewards", "r"}};
  const Converted c = convert_one(a, s);
  EXPECT_TRUE(c.arrays.at("observations").bytes == a.at("obs").bytes);
  EXPECT_TRUE(c.arrays.at("rewards").bytes == a.at("r").bytes);
  EXPECT_FALSE(c.arrays.contains("obs") || c.arrays.contains("r"));
  const auto refused = [&](std::map<std::string, std::string> names) {
    return refusal([&] { convert_one(a, {.names = std::move(names)}); });
  };
  EXPECT_NE(refused({{"observations", "ob"}}).find("has no column 'ob'"), std::string::npos);
  EXPECT_NE(refused({{"observations", "obs"}, {"actions", "r"}}).find("has a column 'actions' already"),
            std::string::npos);
  EXPECT_NE(refused({{"observations", "obs"}, {"next_obs", "obs"}}).find("gets two names"),
            std::string::npos);
  EXPECT_NE(refused({}).find("has no 'observations'; it has: actions, "), std::string::npos);
  EXPECT_NE(refused({}).find("--map observations=actions"), std::string::npos);
}

TEST(Convert, Float32RoundsAndRefusesWhatItCannotHold) {
  Arrays a = made_data(60, ArrayType::kF64);
  a["rewards"].as<double>()[1] = 0.1;
  a["metadata/scale"] = Array::of(ArrayType::kF64, {3});
  const Converted c = convert_one(a, {.float32 = true});
  EXPECT_EQ(c.arrays.at("rewards").as<float>()[1], 0.1f);
  EXPECT_EQ(c.arrays.at("infos/qpos").type, ArrayType::kF32);
  EXPECT_EQ(c.arrays.at("metadata/scale").type, ArrayType::kF64);
  a["rewards"].as<double>()[50] = 1e39;
  const std::string line = refusal([&] { convert_one(a, {.float32 = true}); });
  EXPECT_NE(line.find("/rewards: holds 1e+39, which float32 cannot hold, in row 50"), std::string::npos)
      << line;
}

TEST(Convert, ARecordOfCorruptionStaysWithTheFileAsItIsAndIsLeftOutWhereItsRowsMove) {
  Arrays a = made_data(300);
  CorruptionSettings corruption;
  corruption.rate = 0.3;
  corruption.elements = {Element::kRewards};
  corrupt(a, corruption, "a", "");
  ASSERT_TRUE(a.contains("hardy/corruption/manifest"));
  EXPECT_TRUE(convert_one(a, {}).arrays.contains("hardy/corruption/manifest"));
  for (const ConversionSettings& s : std::vector<ConversionSettings>{
           selecting({.best = "50%"}), {.names = {{"infos/q", "infos/qpos"}}}, {.float32 = true}}) {
    const Converted c = convert_one(a, s);
    for (const auto& [key, array] : c.arrays) EXPECT_FALSE(key.starts_with("hardy/")) << key;
    EXPECT_NE(c.report.at("notes").dump().find("OUT cannot be undone"), std::string::npos);
  }
}

TEST(Convert, WhatIsSaidOfEpisodesAndOfTheFileGoesAlongAsFarAsItIsStillTrue) {
  Arrays a = made_data(300);
  const std::vector<Episode> all = episodes_by_hand(a);
  const auto n = static_cast<std::int64_t>(all.size());
  a["metadata/episodes/seed"] = Array::of(ArrayType::kI64, {n});
  for (std::int64_t i = 0; i < n; ++i) a["metadata/episodes/seed"].as<std::int64_t>()[i] = 100 + i;
  const auto run = [&](const SelectionSettings& select, json others = nullptr) {
    std::vector<std::unique_ptr<Reader>> in;
    in.push_back(
        std::make_unique<MemoryReader>(a, "a", json{{"author", "me"}, {"total_episodes", n}, {"x", 1}}));
    if (!others.is_null()) in.push_back(std::make_unique<MemoryReader>(a, "b", others));
    const test::Scratch dir;
    const auto out = create_dataset(dir / "o.hdf5");
    convert(std::move(in), *out, selecting(select));
    const auto back = open_dataset(dir / "o.hdf5");
    return std::pair{back->attributes(), read_arrays(*back)};
  };
  const auto [attributes, arrays] = run({.filter = "length > 33"});
  EXPECT_EQ(attributes.at("author"), "me");
  EXPECT_FALSE(attributes.contains("total_episodes"));  // it would be another number
  const json done = json::parse(attributes.at("hardy_converted").get<std::string>());
  EXPECT_EQ(done.at("inputs")[0].at("name"), "a");
  EXPECT_NE(done.at("steps")[0].get<std::string>().find("--filter 'length > 33'"), std::string::npos);
  std::vector<std::int64_t> seeds;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].size > 33) seeds.push_back(100 + static_cast<std::int64_t>(i));
  const Array& kept = arrays.at("metadata/episodes/seed");
  EXPECT_EQ(std::vector<std::int64_t>(kept.as<std::int64_t>(), kept.as<std::int64_t>() + kept.elements()),
            seeds);
  const auto [both, joined_arrays] = run({}, json{{"author", "me"}, {"x", 2}});
  EXPECT_EQ(both.at("author"), "me");
  EXPECT_FALSE(both.contains("x"));
  EXPECT_EQ(joined_arrays.at("metadata/episodes/seed").rows(), 2 * n);
}

TEST(Convert, NothingLeftAndMoreThanThereIsAreRefused) {
  const Arrays a = made_data(300);
  const auto refused = [&](const SelectionSettings& s) {
    return refusal([&] { convert_one(a, selecting(s)); });
  };
  EXPECT_NE(refused({.filter = "return > 1e9"}).find("--filter 'return > 1e9': nothing is left"),
            std::string::npos);
  EXPECT_NE(refused({.filter = "score > 1"}).find("names no task whose scores are known"), std::string::npos);
  EXPECT_NE(refused({.best = "1000"}).find("there are 9 episodes"), std::string::npos)
      << refused({.best = "1000"});
  EXPECT_NE(refused({.sample = "301rows"}).find("there are 300 rows"), std::string::npos);
  for (const char* bad : {"0%", "101%", "1.5", "-3", "x", "", "10 %%", "1e20"})
    if (*bad) {
      EXPECT_NE(refused({.best = bad}).find("--best"), std::string::npos) << bad;
    }
  for (const char* bad : {"0", "5%", "3 row", "2.5rows"})
    EXPECT_NE(refused({.sample = bad}).find("--sample"), std::string::npos) << bad;
  EXPECT_NE(refused({.drop_invalid = true, .skip_bad_episodes = true})
                .find("--drop-invalid and --skip-bad-episodes"),
            std::string::npos);
  Arrays nan = a;
  nan["rewards"].as<float>()[3] = NAN;
  EXPECT_NE(refusal([&] {
              convert_one(nan, selecting({.best = "10%"}));
            }).find("leave such rows out with --drop-invalid"),
            std::string::npos);
}

TEST(Convert, ScoreIsByTheTaskOfTheFilesName) {
  const Arrays a = made_data(600);
  std::vector<Episode> wanted;
  for (const Episode& e : episodes_by_hand(a))
    if (100 * (e.total + 20.272305) / (3234.3 + 20.272305) > 1.8) wanted.push_back(e);
  ASSERT_GT(wanted.size(), 1u);
  ASSERT_LT(wanted.size(), episodes_by_hand(a).size());
  expect_episodes(a, wanted,
                  convert_arrays({{"x/hopper-y.hdf5", &a}}, selecting({.filter = "score > 1.8"})).arrays);
}

}  // namespace
}  // namespace hardy::datasets
