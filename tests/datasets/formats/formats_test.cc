// Files by h5py, NumPy, pandas and Minari's own library, read; ours, read by them.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "datasets/convert.h"
#include "datasets/episodes.h"
#include "datasets/formats/hdf5_file.h"
#include "datasets/store.h"
#include "datasets/transitions.h"
#include "engine/base/json.h"
#include "tests/datasets/python.h"
#include "tests/engine/run/scratch.h"

namespace hardy::datasets {
namespace {

namespace fs = std::filesystem;
using test::Scratch;

std::vector<double> doubles_of(const Array& a) {
  std::vector<double> x(static_cast<std::size_t>(a.elements()));
  for (std::size_t i = 0; i < x.size(); ++i) switch (a.type) {
      case ArrayType::kF32:
        x[i] = a.as<float>()[i];
        break;
      case ArrayType::kF64:
        x[i] = a.as<double>()[i];
        break;
      case ArrayType::kI32:
        x[i] = a.as<std::int32_t>()[i];
        break;
      case ArrayType::kI64:
        x[i] = static_cast<double>(a.as<std::int64_t>()[i]);
        break;
      default:
        x[i] = static_cast<double>(a.as<std::uint8_t>()[i]);
    }
  return x;
}

// The columns that Python computed from the same file: all are there, of that type, shape and content,
// whether they are read whole or in uneven pieces.
void expect_columns(Reader& reader, const fs::path& folder) {
  std::ifstream layout(folder / "layout.txt");
  int columns = 0;
  for (std::string line; std::getline(layout, line); ++columns) {
    std::istringstream words(line);
    std::string key, type, shape;
    words >> key >> type >> shape;
    const Column* c = reader.find(key);
    ASSERT_NE(c, nullptr) << key;
    std::string ours;
    for (const std::int64_t d : c->shape) ours += (ours.empty() ? "" : ",") + std::to_string(d);
    EXPECT_EQ(name_of(c->type), type) << key;
    EXPECT_EQ(ours, shape) << key;
    std::string file = key;
    for (char& x : file)
      if (x == '/') x = '.';
    const std::string bytes = test::contents(folder / (file + ".bin"));
    const Array whole = reader.read(*c);
    const std::vector<double> x = doubles_of(whole);
    ASSERT_EQ(bytes.size(), x.size() * 8) << key;
    EXPECT_EQ(std::memcmp(bytes.data(), x.data(), bytes.size()), 0) << key;
    Bytes pieces;
    for (std::int64_t at = 0, n = 1; at < c->rows(); at += n, n = n % 7 + 2) {
      n = std::min(n, c->rows() - at);
      Bytes piece(static_cast<std::size_t>(n) * c->row_bytes());
      reader.read(*c, at, n, piece);
      pieces.insert(pieces.end(), piece.begin(), piece.end());
    }
    EXPECT_TRUE(pieces == whole.bytes) << key << " in pieces";
  }
  EXPECT_GE(columns, 4);
}

void expect_read(const std::string& kind, const fs::path& path, const std::string& format) {
  const Scratch out;
  ASSERT_EQ(test::run_script("formats.py", "write " + kind + " " + path.string()), 0) << kind;
  ASSERT_EQ(
      test::run_script("formats.py", "expect " + kind + " " + path.string() + " " + out.path().string()), 0);
  const auto reader = open_dataset(path, {.threads = 3});
  EXPECT_EQ(reader->format(), format) << kind;
  expect_columns(*reader, out.path());
}

TEST(FormatsByPython, EveryGenerationOfD4rlFilesIsReadAsH5pyWroteIt) {
  NEED_LIBRARIES("h5py, numpy");
  for (const std::string kind : {"v0", "v2", "antmaze", "kitchen", "adroit", "maze2d", "filters"}) {
    SCOPED_TRACE(kind);
    const Scratch dir;
    expect_read(kind, dir / "f.hdf5", "d4rl");
  }
}

TEST(FormatsByPython, D4rlFilesThatWeCopyAreTheSameToH5py) {
  NEED_LIBRARIES("h5py, numpy");
  for (const std::string kind : {"v2", "adroit", "filters"}) {
    const Scratch dir;
    ASSERT_EQ(test::run_script("formats.py", "write " + kind + " " + (dir / "a.hdf5").string()), 0);
    const auto reader = open_dataset(dir / "a.hdf5");
    if (kind == "v2") {
      EXPECT_EQ(reader->read(reader->column("metadata/algorithm")).strings.at(0), "SAC");
      EXPECT_EQ(reader->read(reader->column("metadata/note")).strings.at(0), "snäil");
      EXPECT_EQ(reader->attributes().at("maker"), "somebody");
    }
    if (kind == "filters") {  // h5py would see the wider types that half floats and small integers become
      Arrays arrays = read_arrays(*reader);
      for (const char* key : {"infos/half", "infos/big", "infos/small", "infos/wide", "infos/many"}) {
        EXPECT_EQ(arrays.erase(key), 1U);
      }
      write_hdf5(dir / "a.hdf5", arrays);
    }
    copy_dataset(*open_dataset(dir / "a.hdf5"), *create_dataset(dir / "b.hdf5"));
    EXPECT_EQ(
        test::run_script("formats.py", "same " + (dir / "a.hdf5").string() + " " + (dir / "b.hdf5").string()),
        0)
        << kind;
  }
}

TEST(FormatsByPython, ChunksThatNothingChangesAreCopiedAsTheyAreStoredAndLookedAt) {
  NEED_LIBRARIES("h5py, numpy");
  const Scratch dir;
  const std::string a = (dir / "a.hdf5").string();
  const auto stored_alike = [&](const std::string& name) {
    return test::run_script("formats.py", "stored " + a + " " + (dir / name).string() + " 2>/dev/null") == 0;
  };
  ASSERT_EQ(test::run_script("formats.py", "write filters " + a), 0);
  copy_dataset(*open_dataset(a), *create_dataset(dir / "b.hdf5"));
  EXPECT_TRUE(stored_alike("b.hdf5"));
  EXPECT_EQ(test::run_script("formats.py", "same " + a + " " + (dir / "b.hdf5").string()), 0);
  copy_dataset(*open_dataset(a), *create_dataset(dir / "c.hdf5", {.gzip = 9, .keep = false}));
  EXPECT_FALSE(stored_alike("c.hdf5"));
  ASSERT_EQ(test::run_script("formats.py", "damage " + a + " actions"), 0);
  const std::string error =
      test::error_of([&] { copy_dataset(*open_dataset(a), *create_dataset(dir / "d.hdf5")); });
  EXPECT_NE(error.find("/actions: cannot be read"), std::string::npos) << error;
  EXPECT_FALSE(std::filesystem::exists(dir / "d.hdf5"));
}

TEST(FormatsByPython, NpzFilesByNumpyAndPandasAreReadStoredAndDeflated) {
  NEED_LIBRARIES("numpy, pandas");
  const Scratch dir;
  expect_read("numpy", dir / "n.npz", "numpy");
  expect_read("ogbench", dir / "o.npz", "ogbench");
  expect_read("ogbench-compressed", dir / "c.npz", "ogbench");
}

TEST(FormatsByPython, MinarisOwnFilesAreReadWithBoxDictAndTupleSpaces) {
  NEED_LIBRARIES("h5py, minari");
  const Scratch dir;
  for (const std::string kind : {"minari-box", "minari-dict", "minari-tuple"}) {
    SCOPED_TRACE(kind);
    expect_read(kind, dir / (kind + "-v0"), "minari");
  }
  // The HDF5 file alone, and parts that are chosen.
  const fs::path file = dir / "minari-dict-v0" / "data" / "main_data.hdf5";
  const auto all = open_dataset(file),
             some = open_dataset(file, {.observation_parts = {"observation", "desired_goal"}});
  EXPECT_EQ(all->column("observations").shape[1], 7);
  EXPECT_EQ(all->attributes().at("algorithm_name"), "nobody");
  const std::vector<float> a = all->read_floats(all->column("observations"), 0, 1),
                           b = some->read_floats(some->column("observations"), 0, 1);
  EXPECT_EQ(b, (std::vector<float>{a[4], a[5], a[6], a[2],
                                   a[3]}));  // all: achieved_goal, desired_goal, observation
  EXPECT_EQ(find_episodes(*all).size(), 11U);
  EXPECT_EQ(transitions_of(*all, View::kLossless).rows, 40);
  EXPECT_NE(test::error_of([&] {
              open_dataset(file, {.observation_parts = {"observatoin"}});
            }).find("observation'"),
            std::string::npos);
}

TEST(FormatsByPython, MinarisOwnLibraryReadsWhatWeMakeOfD4rl) {
  NEED_LIBRARIES("h5py, minari");
  const Scratch dir;
  ASSERT_EQ(test::run_script("formats.py", "write v2 " + (dir / "a.hdf5").string()), 0);
  const auto writer = create_dataset(dir / "ours-v0", {.format = "minari"});
  copy_dataset(*open_dataset(dir / "a.hdf5"), *writer);
  EXPECT_EQ(test::run_script("formats.py",
                             "minari " + (dir / "ours-v0").string() + " " + (dir / "a.hdf5").string()),
            0);
  std::string notes;
  for (const std::string& n : writer->notes()) notes += n + "\n";
  EXPECT_NE(notes.find("metadata/algorithm"), std::string::npos) << notes;
  EXPECT_NE(notes.find("next observations differ"), std::string::npos) << notes;
  // And back: the rows are D4RL's again, where the file was consistent.
  const auto original = open_dataset(dir / "a.hdf5"), back = open_dataset(dir / "ours-v0");
  for (const char* key : {"observations", "actions", "rewards", "terminals", "infos/qpos"})
    EXPECT_TRUE(original->read(original->column(key)).bytes == back->read(back->column(key)).bytes) << key;
}

// A small dataset whose next observations are the following rows'.
Arrays consistent(std::int64_t rows) {
  Arrays a;
  a["observations"] = Array::of(ArrayType::kF32, {rows, 2});
  a["next_observations"] = Array::of(ArrayType::kF32, {rows, 2});
  a["actions"] = Array::of(ArrayType::kF32, {rows, 1});
  a["rewards"] = Array::of(ArrayType::kF32, {rows});
  a["terminals"] = Array::of(ArrayType::kBool, {rows});
  a["timeouts"] = Array::of(ArrayType::kBool, {rows});
  for (std::int64_t i = 0; i < rows; ++i) {
    for (int k = 0; k < 2; ++k) {
      a["observations"].as<float>()[2 * i + k] = static_cast<float>(10 * i + k);
      a["next_observations"].as<float>()[2 * i + k] = static_cast<float>(10 * (i + 1) + k);
    }
    a["rewards"].as<float>()[i] = static_cast<float>(i);
    a["terminals"].as<std::uint8_t>()[i] = i % 10 == 6;
    a["timeouts"].as<std::uint8_t>()[i] = i % 10 == 9;
  }
  return a;
}

TEST(Formats, MinariAndBackIsTheSameDataset) {
  const Scratch dir;
  const Arrays arrays = consistent(40);
  write_hdf5(dir / "a.hdf5", arrays);
  copy_dataset(*open_dataset(dir / "a.hdf5"), *create_dataset(dir / "m-v0", {.format = "minari"}));
  const auto writer = create_dataset(dir / "b.hdf5");
  copy_dataset(*open_dataset(dir / "m-v0"), *writer);
  const Arrays back = read_hdf5(dir / "b.hdf5");
  ASSERT_EQ(back.size(), arrays.size());
  for (const auto& [key, a] : arrays)
    EXPECT_TRUE(back.at(key).bytes == a.bytes && back.at(key).type == a.type) << key;
}

TEST(Formats, MinariFromAFileWithoutNextStatesKeepsTerminalStepsAndSaysWhatItDrops) {
  const Scratch dir;
  Arrays arrays = consistent(40);
  arrays.erase("next_observations");
  const auto writer = create_dataset(dir / "m-v0", {.format = "minari"});
  write_arrays(*writer, arrays);
  ASSERT_EQ(writer->notes().size(), 1U);
  EXPECT_EQ(writer->notes()[0].substr(0, 2), "4 ");
  const auto reader = open_dataset(dir / "m-v0");
  const Array rewards = reader->read(reader->column("rewards")),
              terminals = reader->read(reader->column("terminals"));
  EXPECT_EQ(rewards.elements(), 36);
  int terminal = 0;
  for (std::int64_t i = 0; i < 36; ++i) {
    EXPECT_NE(static_cast<int>(rewards.as<float>()[i]) % 10, 9);
    terminal += terminals.as<std::uint8_t>()[i];
  }
  EXPECT_EQ(terminal, 4);
}

TEST(Formats, WritingParallelGivesTheSameBytesForAnyThreadCount) {
  const Scratch dir;
  const Arrays arrays = consistent(200000);
  for (const int threads : {1, 3}) {
    const auto writer = create_dataset(dir / std::to_string(threads), {.threads = threads});
    write_arrays(*writer, arrays);
  }
  EXPECT_TRUE(test::contents(dir / "1") == test::contents(dir / "3"));
  const Arrays back = read_hdf5(dir / "3");
  for (const auto& [key, a] : arrays) EXPECT_TRUE(back.at(key).bytes == a.bytes) << key;
}

TEST(Formats, RowsAppendedInUnevenPiecesGiveTheFileOfTheWhole) {
  const Scratch dir;
  const Arrays arrays = consistent(50000);
  write_hdf5(dir / "whole", arrays);
  const auto writer = create_dataset(dir / "pieces");
  for (const auto& [key, a] : arrays) {
    writer->declare({key, a.type, a.shape});
    const std::size_t row = a.bytes.size() / 50000;
    for (std::size_t at = 0, n = 1; at < 50000; at += n, n = n * 3 % 7919 + 1) {
      n = std::min<std::size_t>(n, 50000 - at);
      writer->append(key, std::span(a.bytes).subspan(at * row, n * row));
    }
  }
  writer->commit();
  EXPECT_TRUE(test::contents(dir / "whole") == test::contents(dir / "pieces"));
}

TEST(Formats, EpisodesEndAtFlagsAndAtTheEndOfTheFile) {
  const Scratch dir;
  write_hdf5(dir / "a.hdf5", consistent(18));
  const auto episodes = find_episodes(*open_dataset(dir / "a.hdf5"));
  ASSERT_EQ(episodes.size(), 4U);
  EXPECT_TRUE(episodes[0].terminated && episodes[0].end == 7);
  EXPECT_TRUE(episodes[1].timed_out && episodes[1].begin == 7 && episodes[1].end == 10);
  EXPECT_TRUE(!episodes[3].terminated && !episodes[3].timed_out && episodes[3].end == 18);
}

}  // namespace
}  // namespace hardy::datasets
