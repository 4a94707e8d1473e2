#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "datasets/convert.h"
#include "datasets/formats/hdf5_file.h"
#include "datasets/memory.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "tests/datasets/made_data.h"
#include "tests/datasets/python.h"
#include "tests/engine/base/refusal.h"
#include "tests/engine/run/scratch.h"
#include "tests/places.h"

namespace hardy::datasets {
namespace {

using test::put;
using test::refusal;
using test::Scratch;

// What opening a file of this text is refused with.
std::string refused(const std::string& text) {
  const Scratch dir;
  put(dir / "f.csv", text);
  return refusal([&] { open_dataset(dir / "f.csv"); });
}
Array column_of(Reader& reader, const std::string& key) { return reader.read(reader.column(key)); }

TEST(Csv, PandasFilesAreReadBitForBitAndPandasReadsOurs) {
  if (!test::has_modules("h5py, pandas")) GTEST_SKIP() << test::python() << " lacks one of h5py, pandas";
  const Scratch dir;
  ASSERT_EQ(test::run_script("csv_by_pandas.py", "make " + dir.path().string()), 0);
  const Arrays wanted = read_hdf5(dir / "a.hdf5");
  const auto in = open_dataset(dir / "a.csv");
  EXPECT_EQ(in->format(), "csv");
  EXPECT_EQ(in->columns().size(), wanted.size());
  for (const auto& [key, a] : wanted) {
    const Array b = column_of(*in, key);
    EXPECT_EQ(b.describe(), a.describe()) << key;
    EXPECT_TRUE(b.bytes == a.bytes || key == "observations") << key;
    for (std::int64_t i = 0; key == "observations" && i < a.elements(); ++i) {
      const double x = a.as<double>()[i], y = b.as<double>()[i];
      ASSERT_TRUE(x == y || (std::isnan(x) && std::isnan(y))) << i;  // one NaN is as good as another
    }
  }
  std::string notes;
  for (const std::string& n : in->notes()) notes += n + "\n";
  EXPECT_NE(notes.find("the column without a name is left out"), std::string::npos) << notes;
  EXPECT_NE(notes.find("infos/who is left out: it holds 'somebody', which is no number (row 0)"),
            std::string::npos);
  // Rows from the middle, over the edge of two blocks.
  std::vector<double> some(300);
  in->read(in->column("observations"), 4050, 100, std::as_writable_bytes(std::span(some)));
  EXPECT_EQ(std::memcmp(some.data(), wanted.at("observations").as<double>() + 4050 * 3, 2400), 0);

  const auto out = create_dataset(dir / "b.csv", {.format = "csv"});
  copy_dataset(*open_dataset(dir / "a.hdf5"), *out);
  EXPECT_EQ(test::run_script("csv_by_pandas.py",
                             "same " + (dir / "b.csv").string() + " " + (dir / "a.hdf5").string()),
            0);
  const auto excel = open_dataset(dir / "excel.csv");
  EXPECT_EQ(column_of(*excel, "observations").as<double>()[1], 1000);
  EXPECT_TRUE(std::isnan(column_of(*excel, "observations").as<double>()[3]));
  EXPECT_EQ(column_of(*excel, "actions").describe(), "float64 [2, 1]");
  EXPECT_EQ(column_of(*excel, "terminals").describe(), "bool [2]");
  EXPECT_EQ(column_of(*excel, "rewards").as<double>()[0], 2);
  EXPECT_EQ(column_of(*excel, "a \"b\";c").describe(), "int64 [2]");
}

TEST(Csv, EveryFloat32AndFlagComesBackThroughTextAndWhatHasNoPlaceIsNoted) {
  const Scratch dir;
  Arrays a = test::made_data(5000);
  for (std::int64_t i = 0; i < 5000; ++i) {  // all exponents
    const auto bits = static_cast<std::uint32_t>(i * 858993u);
    float x;
    std::memcpy(&x, &bits, 4);
    a["rewards"].as<float>()[i] = std::isfinite(x) ? x : 0;
  }
  a["infos/image"] = Array::of(ArrayType::kU8, {5000, 2, 3});
  for (std::int64_t i = 0; i < 30000; ++i)
    a["infos/image"].bytes[static_cast<std::size_t>(i)] = std::byte(i % 251);
  write_hdf5(dir / "a.hdf5", a);
  const auto out = create_dataset(dir / "a.csv", {.format = "csv"});
  copy_dataset(*open_dataset(dir / "a.hdf5"), *out);
  std::string notes;
  for (const std::string& n : out->notes()) notes += n + "\n";
  for (const char* part : {"/metadata/algorithm has no value for each row",
                           "/infos/image is uint8 [5000, 2, 3]: its rows "
                           "are written flat, and read back as [5000, 6]"})
    EXPECT_NE(notes.find(part), std::string::npos) << notes;
  std::vector<std::unique_ptr<Reader>> in;
  in.push_back(open_dataset(dir / "a.csv"));
  const auto back = create_dataset(dir / "b.hdf5");
  convert(std::move(in), *back, {.float32 = true});
  const Arrays b = read_hdf5(dir / "b.hdf5");
  for (const char* key : {"observations", "next_observations", "actions", "rewards", "terminals", "timeouts"})
    EXPECT_TRUE(b.at(key).bytes == a.at(key).bytes) << key;
  EXPECT_EQ(b.at("infos/image").describe(), "int64 [5000, 6]");
  EXPECT_EQ(b.at("infos/image").as<std::int64_t>()[29999], 29999 % 251);
  EXPECT_EQ(test::files_in(dir.path()), 3u);
}

TEST(Csv, WhatIsNoTableIsRefusedWithItsRowAndColumn) {
  EXPECT_NE(refused("observations_0,rewards\n1,2\n3\n")
                .find("row 1 (line 3): has 1 fields, the line of names has 2"),
            std::string::npos);
  EXPECT_NE(refused("observations_0,rewards\n1,2,3\n").find("row 0 (line 2): has more than 2 fields"),
            std::string::npos);
  EXPECT_NE(refused("observations_0,rewards\n1,2\n3,x4\n")
                .find("row 1 (line 3), column rewards: holds 'x4', which is no number"),
            std::string::npos);
  EXPECT_NE(refused("observations_0,observations_2\n1,2\n").find("and no observations_1"), std::string::npos);
  EXPECT_NE(refused("rewards,rewards\n1,2\n").find("has two columns 'rewards'"), std::string::npos);
  EXPECT_NE(refused("observations_0,observations\n1,2\n").find("one array is either"), std::string::npos);
  EXPECT_NE(refused("observations_0,rewards\n").find("has names and no rows"), std::string::npos);
  EXPECT_NE(refused("observations_0,rewards\n1,2\n\n3,4\n").find("row 1 (line 3): is empty"),
            std::string::npos);
  EXPECT_NE(refused("rewards\n" + std::string(20 << 20, '1') + "\n").find("a line of more than 16 MiB"),
            std::string::npos);
  EXPECT_NE(refused("a;b\n0,5;1\n").find("is of no known layout"), std::string::npos);
}

TEST(Csv, NamesThatOnlyLookLikeElementsAndLoneNumbersAreColumnsOfTheirOwn) {
  const Scratch dir;
  put(dir / "f.csv",
      "observations_0,observations_1,rewards,joint_3,run_01,actions\n1,2,3,4,5,1\n6,7,8,9,10,0\n");
  const auto in = open_dataset(dir / "f.csv");
  EXPECT_EQ(in->column("joint_3").describe(), "int64 [2]");
  EXPECT_EQ(in->column("run_01").describe(), "int64 [2]");
  EXPECT_EQ(in->column("actions").describe(), "int64 [2]");  // choices
  EXPECT_EQ(in->column("observations").describe(), "float64 [2, 2]");
  EXPECT_EQ(in->column("rewards").describe(), "float64 [2]");
  put(dir / "noname", "observations_0,rewards\n1,2");  // told by its first line; no end of the last one
  EXPECT_EQ(open_dataset(dir / "noname")->format(), "csv");
  put(dir / "prose", "Dear reader,\nthis is no table.\n");
  EXPECT_NE(refusal([&] { open_dataset(dir / "prose"); }).find("is not an HDF5 file"), std::string::npos);
}

}  // namespace
}  // namespace hardy::datasets
