// HDF5 files that people make and that are easily read wrongly: links, large integers, columns without
// numbers, one chunk for a whole array, very many or very deep groups.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <ctime>
#include <fstream>
#include <limits>

#include "datasets/convert.h"
#include "datasets/episodes.h"
#include "datasets/formats/hdf5_file.h"
#include "datasets/formats/hdf5_layout.h"
#include "datasets/store.h"
#include "datasets/transitions.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "tests/datasets/made_data.h"
#include "tests/engine/run/scratch.h"
#include "tests/tools/command.h"

namespace hardy::datasets {
namespace {

namespace fs = std::filesystem;
using test::Scratch;

// Changes the file at `path` with libhdf5.
template <class Body>
void edit(const fs::path& path, Body&& body) {
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  ASSERT_GE(file, 0);
  body(file);
  ASSERT_GE(H5Fclose(file), 0);
}

TEST(Hdf5, AColumnThatIsALinkEndsEpisodesAsItsTargetDoes) {
  const Scratch dir;
  Arrays a = test::made_data(100);
  a["infos/limit"] = a.at("timeouts");
  a.erase("timeouts");
  write_hdf5(dir / "f.hdf5", a);
  const std::size_t without = find_episodes(*open_dataset(dir / "f.hdf5")).size();
  edit(dir / "f.hdf5",
       [](hid_t file) { H5Lcreate_hard(file, "infos/limit", file, "timeouts", H5P_DEFAULT, H5P_DEFAULT); });
  const auto linked = open_dataset(dir / "f.hdf5");
  EXPECT_EQ(find_episodes(*linked).size(), 4U);  // 30, 31 and 32 rows, and a rest
  EXPECT_LT(without, 4U);
  // The copy has both names, with the same rows.
  copy_dataset(*linked, *create_dataset(dir / "copy.hdf5"));
  const auto copy = open_dataset(dir / "copy.hdf5");
  EXPECT_TRUE(copy->read(copy->column("timeouts")).bytes == copy->read(copy->column("infos/limit")).bytes);
}

TEST(Hdf5, ASideColumnThatLeadsNowhereIsNamedByTheCommandsThatLookAtTheFile) {
  const Scratch dir;
  write_hdf5(dir / "f.hdf5", test::made_data(200));
  edit(dir / "f.hdf5",
       [](hid_t file) { H5Lcreate_soft("/nowhere", file, "infos/lost", H5P_DEFAULT, H5P_DEFAULT); });
  const std::string f = (dir / "f.hdf5").string();
  for (const std::string& line : std::vector<std::string>{
           "data inspect " + f, "data convert " + f + " " + f + ".out.hdf5", "data audit " + f,
           "data audit --json " + f,
           "train bc --dataset " + f + " --steps 2 --hidden 4 --batch-size 8 --out " + f + ".run"}) {
    const test::Result r = test::hardy_command(line);
    EXPECT_EQ(r.code, 0) << r.err;
    EXPECT_NE((r.out + r.err).find("/infos/lost is left out: it is a link to '/nowhere', which is not there"),
              std::string::npos)
        << line << "\n"
        << r.out << r.err;
  }
}

TEST(Hdf5, UnsignedIntegersOf64BitsKeepEveryBitWhenTheyAreReadAndWritten) {
  const Scratch dir;
  Arrays a = test::made_data(3);
  a["infos/seed"] = Array::of(ArrayType::kU64, {3});
  const std::uint64_t values[] = {0, std::numeric_limits<std::uint64_t>::max(), std::uint64_t{1} << 63};
  std::copy_n(values, 3, a["infos/seed"].as<std::uint64_t>());
  write_hdf5(dir / "f.hdf5", a);
  copy_dataset(*open_dataset(dir / "f.hdf5"), *create_dataset(dir / "g.hdf5"));
  std::uint64_t read[3] = {1, 1, 1};
  edit(dir / "g.hdf5", [&](hid_t file) {
    const hid_t d = H5Dopen2(file, "infos/seed", H5P_DEFAULT);
    H5Dread(d, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, read);
    H5Dclose(d);
  });
  EXPECT_TRUE(std::equal(values, values + 3, read));
}

TEST(Hdf5, IntegerRewardsThatFloat64CannotHoldAreRefusedWithTheirRow) {
  const Scratch dir;
  Arrays a = test::made_data(30);
  a["rewards"] = Array::of(ArrayType::kI64, {30});
  a["rewards"].as<std::int64_t>()[17] = (std::int64_t{1} << 53) + 1;
  write_hdf5(dir / "f.hdf5", a);
  const auto reader = open_dataset(dir / "f.hdf5");
  EXPECT_NE(test::error_of([&] {
              reader->read(reader->column("rewards"));
            }).find("/rewards: has an integer in row 17 that float64 may not hold"),
            std::string::npos);
}

TEST(Hdf5, AFileWithoutObservationsIsRefusedWithWhatItHoldsAndLeavesNoEmptyCopy) {
  const Scratch dir;
  Arrays a = test::made_data(50);
  a["obs"] = a.at("observations");
  a.erase("observations");
  write_hdf5(dir / "f.hdf5", a);
  const test::Result r =
      test::hardy_command("data convert " + (dir / "f.hdf5").string() + " " + (dir / "out.hdf5").string());
  EXPECT_EQ(r.code, 2);
  EXPECT_TRUE(test::one_line(r.err)) << r.err;
  EXPECT_NE(r.err.find("has no observations: it holds actions (float32 [50, 2]), "), std::string::npos)
      << r.err;
  EXPECT_NE(r.err.find("obs (float32 [50, 4])"), std::string::npos) << r.err;
  EXPECT_FALSE(fs::exists(dir / "out.hdf5"));
  // Whoever gives columns other names opens it all the same.
  EXPECT_TRUE(open_dataset(dir / "f.hdf5", {.any_columns = true})->find("obs"));
}

TEST(Hdf5, ColumnsWithoutNumbersAreCopiedAndNoCommandDiesOfThem) {
  const Scratch dir;
  Arrays a = test::made_data(300);
  a["infos/none"] = Array::of(ArrayType::kF32, {300, 0});
  a["infos/never"] = Array::of(ArrayType::kF32, {0, 3});
  write_hdf5(dir / "side.hdf5", a);
  a.erase("next_observations");
  a["observations"] = Array::of(ArrayType::kF32, {300, 0});
  write_hdf5(dir / "main.hdf5", a);
  const std::string side = (dir / "side.hdf5").string(), out = (dir / "out.hdf5").string();
  for (const std::string& line : std::vector<std::string>{
           "convert " + side + " " + out, "corrupt " + side + " " + out + " --elements dynamics --seed 3",
           "repair " + side + " " + out, "inspect " + side, "audit " + side, "diff " + side + " " + side}) {
    const test::Result r = test::hardy_command("data " + line);
    EXPECT_TRUE(r.code == 0 || r.code == 3) << line << ": " << r.code << " " << r.err;
    if (line.find(out) == std::string::npos) continue;
    const auto copy = open_dataset(out);
    EXPECT_EQ(copy->column("infos/none").shape, (std::vector<std::int64_t>{300, 0})) << line;
    EXPECT_EQ(copy->column("infos/never").shape, (std::vector<std::int64_t>{0, 3})) << line;
    fs::remove(out);
  }
  const std::string main = (dir / "main.hdf5").string();
  for (const std::string& line :
       std::vector<std::string>{"corrupt " + main + " " + out + " --elements observations --seed 3",
                                "repair " + main + " " + out, "inspect " + main}) {
    const test::Result r = test::hardy_command("data " + line);
    EXPECT_EQ(r.code, 2) << line << r.err;
    EXPECT_NE(r.err.find("/observations: is float32 [300, 0]"), std::string::npos) << r.err;
  }
  EXPECT_EQ(test::files_in(dir.path()), 2U);
}

TEST(Hdf5, NamesThatAreNotUtf8BecomeJsonThatProgramsCanRead) {
  const Scratch dir;
  Arrays a = test::made_data(200);
  a["infos/\xff\xfe"] = Array::of(ArrayType::kF32, {200});
  const std::string in = (dir / "caf\xe9.hdf5").string(), out = (dir / "out\xe9.hdf5").string();
  write_hdf5(in, a);
  for (const std::string& line : std::vector<std::string>{
           "inspect " + in, "audit " + in, "diff " + in + " " + in, "convert " + in + " " + out,
           "corrupt " + in + " " + out + " --elements dynamics --manifest " + out + ".json",
           "repair " + in + " " + out}) {
    const test::Result r = test::hardy_command("data " + line + " --json");
    EXPECT_TRUE(r.code == 0 || r.code == 3) << line << ": " << r.err;
    EXPECT_TRUE(nlohmann::json::accept(r.out)) << line << ": " << r.out << r.err;
    if (!fs::exists(out)) continue;
    // The bytes of a name in a file are what they were.
    EXPECT_TRUE(open_dataset(out)->find("infos/\xff\xfe")) << line;
    fs::remove(out);
  }
}

// A million rows in one compressed chunk.
void one_chunk(const fs::path& path, std::int64_t rows) {
  write_hdf5(path, test::made_data(rows));
  edit(path, [&](hid_t file) {
    std::vector<float> x(static_cast<std::size_t>(rows));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 7919 % 10007);
    const hsize_t n = x.size();
    const hid_t space = H5Screate_simple(1, &n, nullptr), creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, 1, &n);
    H5Pset_deflate(creation, 1);
    const hid_t d =
        H5Dcreate2(file, "infos/whole", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x.data());
    H5Dclose(d);
    H5Pclose(creation);
    H5Sclose(space);
  });
}

TEST(Hdf5, AnArrayInOneChunkIsDecodedOnceHoweverItIsRead) {
  const Scratch dir;
  constexpr std::int64_t kRows = 1 << 20, kPiece = 1 << 13;  // 128 pieces
  one_chunk(dir / "f.hdf5", kRows);
  const auto reader = open_dataset(dir / "f.hdf5", {.threads = 1});
  const Column& c = reader->column("infos/whole");
  const auto spent = [](auto&& body) {
    const std::clock_t before = std::clock();
    body();
    return static_cast<double>(std::clock() - before);
  };
  Array whole;
  const double once = spent([&] { whole = reader->read(c); });
  Bytes pieces(whole.bytes.size());
  const double by_pieces = spent([&] {
    for (std::int64_t at = 0; at < kRows; at += kPiece)
      reader->read(c, at, kPiece, std::span(pieces).subspan(static_cast<std::size_t>(at) * 4, kPiece * 4));
  });
  EXPECT_TRUE(pieces == whole.bytes);
  EXPECT_LT(by_pieces, 20 * once);
}

TEST(Hdf5, GroupsInGroupsThousandsDeepAreWalkedInTimeThatGrowsWithTheirNumber) {
  const Scratch dir;
  write_hdf5(dir / "f.hdf5", test::made_data(30));
  std::string key;
  edit(dir / "f.hdf5", [&](hid_t file) {
    hid_t group = H5Gopen2(file, "/", H5P_DEFAULT);
    for (int i = 0; i < 3000; ++i) {
      const hid_t inside = H5Gcreate2(group, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
      H5Gclose(group);
      group = inside;
      key += "g/";
    }
    const hid_t space = H5Screate(H5S_SCALAR),
                d = H5Dcreate2(group, "x", H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dclose(d);
    H5Sclose(space);
    H5Gclose(group);
  });
  const auto layout = read_hdf5_layout(dir / "f.hdf5", {.seconds = 5});
  EXPECT_TRUE(std::any_of(layout.datasets.begin(), layout.datasets.end(),
                          [&](const Hdf5Dataset& d) { return d.key == key + "x"; }));
}

TEST(Hdf5, AWalkThatTakesTooLongSaysSoAndDoesNotCallTheFileDamaged) {
  const Scratch dir;
  Arrays a = test::made_data(30);
  for (int i = 0; i < 200; ++i) a["infos/" + std::to_string(i)] = Array::text("x");
  write_hdf5(dir / "f.hdf5", a);
  const std::string error = test::error_of([&] { read_hdf5_layout(dir / "f.hdf5", {.seconds = -1e6}); });
  EXPECT_NE(error.find("takes too long to look through"), std::string::npos) << error;
  EXPECT_EQ(error.find("damaged"), std::string::npos) << error;
}

TEST(Hdf5, TheProcessThatLooksThroughAFileHoldsNoLockOfItsParent) {
  const Scratch dir;
  Arrays a = test::made_data(30);
  for (int i = 0; i < 4000; ++i) a["infos/" + std::to_string(i)] = Array::text("x");
  write_hdf5(dir / "f.hdf5", a);  // it takes a while
  test::put(dir / "lock", "");
  const pid_t parent = ::fork();
  if (parent == 0) {
    const int lock = ::open((dir / "lock").c_str(), O_RDWR);
    if (::flock(lock, LOCK_EX) == 0) read_hdf5_layout(dir / "f.hdf5");
    ::_exit(0);
  }
  const auto children = "/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children";
  pid_t child = 0;
  while (child == 0 && ::waitpid(parent, nullptr, WNOHANG) == 0) std::ifstream(children) >> child;
  ASSERT_GT(child, 0) << "the file was looked through before anybody saw how";
  const auto holds = [&] {
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(child) + "/fd", gone))
      if (fs::read_symlink(entry, gone) == fs::canonical(dir / "lock")) return true;
    return false;
  };
  const auto looked = std::chrono::steady_clock::now();
  while (holds() && std::chrono::steady_clock::now() - looked < std::chrono::milliseconds(50)) {
  }
  EXPECT_FALSE(holds());
  EXPECT_EQ(::kill(child, 0), 0) << "it had ended already";
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
}

TEST(Hdf5, LinksThatMultiplyAreRefusedBeforeTheyFillTheMemory) {
  const Scratch dir;
  write_hdf5(dir / "f.hdf5", test::made_data(30));
  edit(dir / "f.hdf5", [&](hid_t file) {
    std::string group = "/a";
    H5Gclose(H5Gcreate2(file, "/a", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    for (int i = 0; i < 40; ++i) {  // each group has the next one twice
      const std::string inside = group + "/b";
      H5Gclose(H5Gcreate2(file, inside.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
      H5Lcreate_hard(file, inside.c_str(), file, (group + "/c").c_str(), H5P_DEFAULT, H5P_DEFAULT);
      group = inside;
    }
  });
  const std::string error = test::error_of([&] { read_hdf5_layout(dir / "f.hdf5"); });
  EXPECT_NE(error.find("names for objects that have another name"), std::string::npos) << error;
}

}  // namespace
}  // namespace hardy::datasets
