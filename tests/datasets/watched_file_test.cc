// A file that is replaced or written while it is read is an error that says so, whatever its format and
// whatever is read of it.
#include "datasets/watched_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "datasets/audit.h"
#include "datasets/convert.h"
#include "datasets/formats/hdf5_file.h"
#include "datasets/identity.h"
#include "tests/datasets/made_data.h"
#include "tests/engine/run/scratch.h"

namespace hardy::datasets {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::Scratch;

class WatchedFiles : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    write(90, "a");
    write(91, "b");
  }
  void write(std::int64_t rows, const std::string& name) {
    Arrays made = test::made_data(rows);
    made.erase("metadata/algorithm");
    write_arrays(*create_dataset(dir_ / name, {.format = GetParam()}), made);
  }
  // The file whose numbers are read.
  fs::path file(const std::string& name) const {
    return GetParam() == "minari" ? dir_ / name / "data/main_data.hdf5" : dir_ / name;
  }
  std::unique_ptr<Reader> open() const { return open_dataset(dir_ / "a", {.format = GetParam()}); }
  void refuses(Reader& reader) const {
    EXPECT_NE(error_of([&] { reader.read(reader.column("rewards")); }).find("was changed or replaced"),
              std::string::npos);
    EXPECT_NE(error_of([&] { dataset_sha256(reader); }).find("was changed or replaced"), std::string::npos);
    EXPECT_NE(error_of([&] {
                copy_dataset(reader, *create_dataset(dir_ / "out.hdf5"));
              }).find("was changed or replaced"),
              std::string::npos);
    EXPECT_FALSE(fs::exists(dir_ / "out.hdf5"));
  }
  Scratch dir_;
};

TEST_P(WatchedFiles, ThatAreReplacedAreRefused) {
  const auto reader = open();
  EXPECT_EQ(error_of([&] { reader->read(reader->column("actions")); }), "");
  EXPECT_EQ(dataset_sha256(*reader).size(), 64U);
  fs::rename(file("b"), file("a"));
  refuses(*reader);
}

TEST_P(WatchedFiles, ThatAreReplacedAndPutBackAreRefused) {
  const auto reader = open();
  fs::rename(file("a"), dir_ / "aside");
  fs::rename(file("b"), file("a"));
  fs::rename(dir_ / "aside", file("a"));
  refuses(*reader);
}

TEST_P(WatchedFiles, ThatGrowOrVanishAreRefused) {
  auto reader = open();
  std::ofstream(file("a"), std::ios::app) << "1";
  refuses(*reader);
  fs::rename(file("b"), file("a"));
  reader = open();
  fs::remove(file("a"));
  refuses(*reader);
}

INSTANTIATE_TEST_SUITE_P(Formats, WatchedFiles, testing::Values("d4rl", "csv", "minari"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace hardy::datasets
