// docs/datasets.md says what becomes of every type and situation of an HDF5 file. h5py makes one file of
// each, and what this engine does with it must be what the table's row says, with the numbers that h5py
// reads.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "datasets/episodes.h"
#include "datasets/pieces.h"
#include "datasets/store.h"
#include "datasets/transitions.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "tests/datasets/python.h"
#include "tests/engine/run/scratch.h"
#include "tests/places.h"

namespace hardy::datasets {
namespace {

namespace fs = std::filesystem;
using test::Scratch;

// The tables of docs/datasets.md whose head begins with `head`: first cell -> the others.
std::map<std::string, std::vector<std::string>> table(const std::string& head) {
  std::ifstream file(test::sources() / "docs/datasets.md");
  std::map<std::string, std::vector<std::string>> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| ")) {
      inside = inside && line.starts_with("|---");
      continue;
    }
    std::vector<std::string> cells;
    std::istringstream words(line.substr(2));
    for (std::string cell; std::getline(words, cell, '|');)
      if (const std::size_t last = cell.find_last_not_of(' '); last != std::string::npos) {
        cell.resize(last + 1);
        cells.push_back(cell.substr(cell.find_first_not_of(' ')));
      }
    if (inside)
      rows[cells.at(0)] = {cells.begin() + 1, cells.end()};
    else
      inside = cells.at(0) == head;
  }
  return rows;
}

std::string notes_on(const Reader& reader, const std::string& key) {
  std::string found;
  for (const std::string& n : reader.notes())
    if (n.find("/" + key + " ") != std::string::npos) found += n + "\n";
  return found;
}

// "float32", "float64, note", "left out" or "refused"; and the numbers, where there are some.
std::string becomes(const fs::path& path, const std::string& key, std::vector<double>& numbers) {
  std::unique_ptr<Reader> reader;
  try {
    reader = open_dataset(path);
    if (key == "rewards") check_d4rl(*reader);
    const Column* c = reader->find(key);
    if (!c) return notes_on(*reader, key).empty() ? "lost" : "left out";
    if (c->type != ArrayType::kString) numbers = read_doubles(*reader, *c, 0, c->rows());
    return name_of(c->type) + std::string(notes_on(*reader, key).empty() ? "" : ", note");
  } catch (const Error& e) {
    EXPECT_EQ(e.exit_code(), 2) << e.message();
    EXPECT_NE(e.message().find("/" + key), std::string::npos) << e.message();
    EXPECT_FALSE(e.fix().empty() && key == "rewards" && e.message().find("link") == std::string::npos)
        << e.message();
    return "refused";
  }
}

void expect_numbers(const fs::path& file, const std::vector<double>& numbers) {
  const std::string bytes = test::contents(file);
  ASSERT_EQ(bytes.size(), numbers.size() * 8) << file;
  EXPECT_TRUE(bytes.empty() || std::memcmp(bytes.data(), numbers.data(), bytes.size()) == 0) << file;
}

// Ends of episodes and numbers of columns.
void expect_shown(const fs::path& path, const nlohmann::json& shown) {
  const auto reader = open_dataset(path);
  for (const auto& [key, expected] : shown.items()) {
    std::vector<double> numbers;
    if (key == "ends") {
      for (const EpisodeRows& e : find_episodes(*reader)) numbers.push_back(static_cast<double>(e.end));
    } else {
      const Column& c = reader->column(key);
      // By pieces, so that what is kept between them is read too.
      for (std::int64_t at = 0; at < c.rows(); at += 7) {
        const auto piece = read_doubles(*reader, c, at, std::min<std::int64_t>(7, c.rows() - at));
        numbers.insert(numbers.end(), piece.begin(), piece.end());
      }
    }
    EXPECT_EQ(numbers, expected.get<std::vector<double>>()) << key;
  }
}

// "read", "read, note" or "refused: what is said", as far as `expected` quotes it.
std::string becomes(const fs::path& path, const std::string& expected) {
  try {
    const auto reader = open_dataset(path);
    check_d4rl(*reader);
    read_arrays(*reader);
    return reader->notes().empty() ? "read" : "read, note";
  } catch (const Error& e) {
    EXPECT_EQ(e.exit_code(), 2) << e.message();
    EXPECT_NE(e.message().find(path.filename()), std::string::npos) << e.message();
    const std::size_t quote = expected.find('"');
    const std::string said = quote == std::string::npos
                                 ? ""
                                 : expected.substr(quote + 1, expected.find('"', quote + 1) - quote - 1);
    return !said.empty() && e.message().find(said) != std::string::npos ? "refused: \"" + said + '"'
                                                                        : e.message();
  }
}

TEST(FormatsByPython, EveryRowOfTheTableOfHdf5TypesAndFilesIsWhatBecomesOfSuchAFile) {
  if (!test::has_modules("h5py, numpy")) GTEST_SKIP() << test::python() << " lacks one of h5py, numpy";
  const Scratch dir;
  ASSERT_EQ(test::run_script("hdf5_cases.py", dir.path().string()), 0);
  const auto columns = table("type or situation"), files = table("file");
  std::set<std::string> made;
  std::ifstream list(dir / "cases.json");
  for (const auto& c : nlohmann::json::parse(list)) {
    const std::string row = c.at("row"), folder = c.at("folder");
    SCOPED_TRACE(row);
    made.insert(row);
    if (c.at("kind") == "file") {
      ASSERT_TRUE(files.contains(row)) << "the table lacks this row";
      const fs::path path = fs::path(folder) / "file.hdf5";
      const int held = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (row == "open in a program that writes it") {
        EXPECT_EQ(::flock(held, LOCK_EX | LOCK_NB), 0);
      }
      EXPECT_EQ(becomes(path, files.at(row).at(0)), files.at(row).at(0));
      ::close(held);
      if (!c.at("shown").empty()) expect_shown(path, c.at("shown"));
      continue;
    }
    ASSERT_TRUE(columns.contains(row)) << "the table lacks this row";
    std::vector<double> side, main;
    EXPECT_EQ(becomes(fs::path(folder) / "side.hdf5", "infos/x", side), columns.at(row).at(0));
    EXPECT_EQ(becomes(fs::path(folder) / "main.hdf5", "rewards", main), columns.at(row).at(1));
    if (!c.at("numbers")) continue;
    if (columns.at(row).at(0) != "left out") expect_numbers(fs::path(folder) / "side.bin", side);
    if (columns.at(row).at(1) != "refused") expect_numbers(fs::path(folder) / "main.bin", main);
  }
  EXPECT_EQ(made.size(), columns.size() + files.size()) << "the tables have rows that nothing makes";
}

}  // namespace
}  // namespace hardy::datasets
