// What no file may do: crash the reader, make it allocate more than the file can hold, or leave a partial
// OUT.
#include <gtest/gtest.h>
#include <hdf5.h>

#include <fstream>
#include <random>

#include "datasets/convert.h"
#include "datasets/formats/hdf5_file.h"
#include "datasets/store.h"
#include "engine/base/error.h"
#include "tests/engine/run/scratch.h"
#include "tests/tools/command.h"
#include "tests/tools/some_data.h"

namespace hardy::datasets {
namespace {

namespace fs = std::filesystem;
using test::Scratch;

// The error's one line; "" where there is none.
std::string refusal(const fs::path& path, const OpenSettings& settings = {}) {
  try {
    read_arrays(*open_dataset(path, settings));
  } catch (const Error& e) {
    EXPECT_EQ(e.exit_code(), 2) << e.message();
    EXPECT_NE(e.message().find(path.filename().string()), std::string::npos) << e.message();
    return e.message();
  }
  return "";
}

TEST(BadFiles, DamagedBytesAnywhereGiveAnErrorOrOtherNumbersAndNeverACrash) {
  const Scratch dir;
  write_hdf5(dir / "whole", test::some_data(40));
  const std::string whole = test::contents(dir / "whole");
  std::mt19937 random(7);
  int refused = 0;
  for (int i = 0; i < 150; ++i) {
    std::string bytes = whole;
    for (unsigned k = 0; k < 1 + random() % 4; ++k)  // the structure lies in the first few thousand bytes
      bytes[random() % std::min<std::size_t>(bytes.size(), 6000)] =
          static_cast<char>(random() % 2 ? random() : 255);
    test::put(dir / "damaged", bytes);
    refused += !refusal(dir / "damaged").empty();
  }
  EXPECT_GT(refused, 20);
}

TEST(BadFiles, TruncatedFilesOfEveryFormatAreRefused) {
  const Scratch dir;
  write_hdf5(dir / "f", test::some_data(300));
  const std::string whole = test::contents(dir / "f");
  for (const double share : {0.0, 0.02, 0.3, 0.7, 0.99}) {
    test::put(dir / "cut",
              whole.substr(0, static_cast<std::size_t>(share * static_cast<double>(whole.size()))));
    EXPECT_NE(refusal(dir / "cut"), "") << share;
  }
  test::put(dir / "zip", std::string("PK\3\4") + whole);
  EXPECT_NE(refusal(dir / "zip").find("no ZIP archive"), std::string::npos);
  test::put(dir / "text", "This is no dataset, but prose.\n");
  EXPECT_NE(refusal(dir / "text").find("known formats: csv, d4rl, minari, numpy, ogbench"),
            std::string::npos);
  fs::create_directory(dir / "folder");
  EXPECT_NE(refusal(dir / "folder").find("holds no dataset"), std::string::npos);
  EXPECT_NE(refusal(dir / "nowhere").find("does not exist"), std::string::npos);
}

// A file with one dataset that HDF5 writes as it is told.
void odd_dataset(const fs::path& path, hid_t type, const std::vector<hsize_t>& dims, int filter = 0) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
              space = H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
              creation = H5Pcreate(H5P_DATASET_CREATE);
  if (filter) {
    const std::vector<hsize_t> chunk(dims.size(), 1);
    H5Pset_chunk(creation, static_cast<int>(dims.size()), chunk.data());
    ASSERT_GE(H5Pset_filter(creation, filter, H5Z_FLAG_OPTIONAL, 0, nullptr), 0);
  }
  const hid_t dataset = H5Dcreate2(file, "observations", type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  ASSERT_GE(dataset, 0);
  H5Dclose(dataset);
  H5Pclose(creation);
  H5Sclose(space);
  H5Fclose(file);
}

TEST(BadFiles, TypesFiltersAndClaimsThatAreNotUnderstoodAreNamed) {
  const Scratch dir;
  const hid_t pair = H5Tcreate(H5T_COMPOUND, 8);
  H5Tinsert(pair, "x", 0, H5T_NATIVE_FLOAT);
  H5Tinsert(pair, "y", 4, H5T_NATIVE_FLOAT);
  odd_dataset(dir / "compound", pair, {3});
  H5Tclose(pair);
  EXPECT_NE(refusal(dir / "compound").find("/observations: is compound"), std::string::npos);
  odd_dataset(dir / "filter", H5T_NATIVE_FLOAT, {3}, 32000);  // lzf, of h5py alone
  EXPECT_NE(refusal(dir / "filter").find("/observations: is compressed with filter 32000 (lzf)"),
            std::string::npos);
  odd_dataset(dir / "claim", H5T_NATIVE_FLOAT, {1000000, 100000});
  const std::string claim = refusal(dir / "claim");
  EXPECT_NE(claim.find("/observations: claims more data (float32 [1000000, 100000])"), std::string::npos)
      << claim;
}

TEST(BadFiles, ADamagedChunkIsNamedWithItsKeyAndShape) {
  const Scratch dir;
  write_hdf5(dir / "f", test::some_data(3000));
  std::string bytes = test::contents(dir / "f");
  const std::size_t chunk = bytes.find("\x78\x5e", 2000) != std::string::npos ? bytes.find("\x78\x5e", 2000)
                                                                              : bytes.find("\x78\x9c", 2000);
  ASSERT_NE(chunk, std::string::npos);
  for (std::size_t i = 100; i < 140; ++i) bytes[chunk + i] = static_cast<char>(~bytes[chunk + i]);
  test::put(dir / "f", bytes);
  EXPECT_NE(refusal(dir / "f").find("cannot be read (damaged or truncated); it says it is float32 [3000"),
            std::string::npos);
}

TEST(BadFiles, AFullDiskLeavesNoFileAndOneLine) {
  const Scratch dir;
  write_hdf5(dir / "in.hdf5", test::some_data(30000));
  const std::string in = (dir / "in.hdf5").string();
  for (const std::string out : {"out.hdf5", "out-v0"}) {
    const test::Result r =
        test::hardy_command("data convert " + in + " " + (dir / out).string(), "ulimit -f 400; ");
    EXPECT_EQ(r.code, 1) << r.err;
    EXPECT_TRUE(test::one_line(r.err)) << r.err;
    EXPECT_NE(r.err.find(out), std::string::npos) << r.err;
    EXPECT_EQ(test::files_in(dir.path()), 1U) << out;
  }
}

TEST(BadFiles, OutMayNotBeInAlsoThroughLinks) {
  const Scratch dir;
  write_hdf5(dir / "in.hdf5", test::some_data(50));
  fs::create_symlink(dir / "in.hdf5", dir / "soft.hdf5");
  fs::create_hard_link(dir / "in.hdf5", dir / "hard.hdf5");
  const std::string before = test::contents(dir / "in.hdf5"), in = (dir / "in.hdf5").string();
  for (const std::string out : {"in.hdf5", "soft.hdf5", "hard.hdf5"}) {
    const test::Result r = test::hardy_command("data convert --overwrite " + in + " " + (dir / out).string());
    EXPECT_EQ(r.code, 2);
    EXPECT_NE(r.err.find("is the file that is read"), std::string::npos) << r.err;
  }
  EXPECT_TRUE(test::contents(dir / "in.hdf5") == before);
}

TEST(BadFiles, AWriterThatLacksRowsOrGetsTooManyLeavesNoFile) {
  const Scratch dir;
  const std::vector<float> rows(12, 1.0f);
  {
    const auto writer = create_dataset(dir / "f.hdf5");
    writer->declare({"rewards", ArrayType::kF32, {10}});
    EXPECT_THROW(writer->append("rewards", std::as_bytes(std::span(rows))), Error);
    writer->append("rewards", std::as_bytes(std::span(rows).first(4)));
    EXPECT_NE(test::error_of([&] { writer->commit(); }).find("/rewards: lacks rows: 4 of float32 [10]"),
              std::string::npos);
  }
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

}  // namespace
}  // namespace hardy::datasets
