// Minari's own datasets read, and ours read by Minari's own library: flags of every type, what episodes and
// datasets say about themselves, spaces, and what is missing.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "datasets/convert.h"
#include "datasets/episodes.h"
#include "datasets/formats/python_json.h"
#include "datasets/identity.h"
#include "datasets/store.h"
#include "datasets/task.h"
#include "engine/base/json.h"
#include "tests/datasets/python.h"
#include "tests/engine/run/scratch.h"
#include "tests/places.h"

namespace hardy::datasets {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::Scratch;

int python(const std::string& what, const Scratch& dir) {
  return test::run_script("minari_files.py", what + " " + dir.path().string());
}

std::string all_of(const std::vector<std::string>& notes) {
  std::string text;
  for (const std::string& n : notes) text += n + "\n";
  return text;
}

TEST(Minari, FlagsOfEveryNumericTypeEndEpisodes) {
  NEED_LIBRARIES("h5py, minari");
  const Scratch dir;
  ASSERT_EQ(python("flags", dir), 0);
  int types = 0;
  for (const auto& entry : fs::directory_iterator(dir.path())) {
    SCOPED_TRACE(entry.path().filename().string());
    const auto reader = open_dataset(entry.path());
    const auto episodes = find_episodes(*reader);
    ASSERT_EQ(episodes.size(), 4U);
    const std::int64_t ends[] = {5, 6, 15, 19};
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(episodes[i].end, ends[i]);
      EXPECT_EQ(episodes[i].terminated, i == 1);
      EXPECT_EQ(episodes[i].timed_out, i != 1);
    }
    const std::vector<float> timeouts = reader->read_floats(reader->column("timeouts"), 0, 19);
    for (std::size_t row = 0; row < 19; ++row)
      EXPECT_EQ(timeouts[row], row == 4 || row == 14 || row == 18 ? 1 : 0) << row;
    ++types;
  }
  EXPECT_EQ(types, 15);
}

TEST(Minari, SeedsOptionsAdditionalDataSpacesAndMetadataSurviveD4rlAndBack) {
  NEED_LIBRARIES("h5py, minari");
  const Scratch dir;
  ASSERT_EQ(python("write", dir), 0);
  const auto given = open_dataset(dir / "given-v0");
  EXPECT_EQ(given->attributes().at("description"), "NaNcy says -Infinity");
  EXPECT_TRUE(std::isinf(given->attributes().at("worst").get<double>()));
  const Array seeds = given->read(given->column("metadata/episodes/seed"));
  ASSERT_EQ(seeds.type, ArrayType::kI64);
  EXPECT_EQ(seeds.as<std::int64_t>()[3], (std::int64_t{1} << 40) + 3);
  EXPECT_EQ(given->read(given->column("metadata/episodes/weather")).strings.at(1), "Nebel über 1");
  EXPECT_EQ(given->column("metadata/episodes/options/wind/speed").type, ArrayType::kF64);
  EXPECT_NE(all_of(given->notes()).find("infos have an entry"), std::string::npos);
  copy_dataset(*given, *create_dataset(dir / "d.hdf5"));
  const auto writer = create_dataset(dir / "back-v0", {.format = "minari"});
  copy_dataset(*open_dataset(dir / "d.hdf5"), *writer);
  EXPECT_EQ(all_of(writer->notes()), "");
  EXPECT_EQ(python("compare", dir), 0);
  fs::remove_all(dir / "back-v0");
  copy_dataset(*given, *create_dataset(dir / "back-v0", {.format = "minari"}));
  EXPECT_EQ(python("compare", dir), 0);
}

TEST(Minari, ItsOwnLibraryLoadsObservationsAndActionsOfEveryTypeInSpacesThatHoldThem) {
  NEED_LIBRARIES("h5py, minari");
  const Scratch dir;
  ASSERT_EQ(python("types", dir), 0);
  for (const char* type : {"f4", "f8", "i4", "i8", "u1", "u8", "bool"})
    copy_dataset(*open_dataset(dir / (std::string(type) + ".hdf5")),
                 *create_dataset(dir / (std::string(type) + "-v0"), {.format = "minari"}));
  EXPECT_EQ(python("load", dir), 0);
}

// A small dataset of episodes of three steps, by our own writer.
void write_episodes(const fs::path& path, std::int64_t episodes, const json& attributes = json::object()) {
  const auto writer = create_dataset(path, {.format = "minari"});
  const std::int64_t rows = 3 * episodes;
  for (const char* key : {"observations", "next_observations", "actions"})
    writer->put(key, Array::of(ArrayType::kF32, {rows, 2}));
  writer->put("rewards", Array::of(ArrayType::kF32, {rows}));
  Array ends = Array::of(ArrayType::kBool, {rows});
  writer->put("terminals", ends);
  for (std::int64_t row = 2; row < rows; row += 3) ends.as<std::uint8_t>()[row] = 1;
  writer->put("timeouts", ends);
  writer->set_attributes(attributes);
  writer->commit();
}

void change_metadata(const fs::path& path, const std::string& key, const json& value) {
  json metadata = parse_python_json(test::contents(path / "data" / "metadata.json"));
  metadata[key] = value;
  std::ofstream(path / "data" / "metadata.json") << python_json_text(metadata, 1);
}

TEST(Minari, AnEpisodeThatMetadataCountsAndTheFileLacksIsNamed) {
  const Scratch dir;
  write_episodes(dir / "a-v0", 3);
  EXPECT_EQ(open_dataset(dir / "a-v0")->column("rewards").rows(), 9);
  change_metadata(dir / "a-v0", "total_episodes", 4);
  const std::string error = test::error_of([&] { open_dataset(dir / "a-v0"); });
  EXPECT_NE(error.find("no episode_3"), std::string::npos) << error;
  EXPECT_NE(error.find("metadata counts 4"), std::string::npos) << error;
  change_metadata(dir / "a-v0", "total_episodes", 2);
  EXPECT_NE(all_of(open_dataset(dir / "a-v0")->notes()).find("all 3 in the file"), std::string::npos);
}

TEST(Minari, AnAttributeOfSomeEpisodesIsNoted) {
  NEED_LIBRARIES("h5py");
  const Scratch dir;
  write_episodes(dir / "a-v0", 3);
  const std::string file = (dir / "a-v0" / "data" / "main_data.hdf5").string();
  ASSERT_EQ(std::system(("'" + test::python() + "' -c 'import h5py; f = h5py.File(\"" + file +
                         "\", \"a\"); f[\"episode_1\"].attrs[\"seed\"] = 4'")
                            .c_str()),
            0);
  const auto reader = open_dataset(dir / "a-v0");
  EXPECT_EQ(reader->find("metadata/episodes/seed"), nullptr);
  EXPECT_NE(all_of(reader->notes()).find("attribute seed is left out: 1 of 3"), std::string::npos)
      << all_of(reader->notes());
}

TEST(ReferenceScoresOfDatasets, AreThoseOfTheirMetadataElseOfTheirIdElseOfTheLastPartsOfTheirPath) {
  const Scratch dir;
  fs::create_directory(dir / "hopper");
  const fs::path path = dir / "hopper" / "medium-v0";
  write_episodes(path, 3);
  const auto family = [](const fs::path& at) {
    const auto found = reference_scores(*open_dataset(at));
    return found ? found->family : "none";
  };
  EXPECT_EQ(family(path), "hopper");
  EXPECT_EQ(family(path / ""), "hopper");
  EXPECT_EQ(family(path / "data"), "hopper");
  EXPECT_EQ(family(path / "data" / "main_data.hdf5"), "hopper");
  copy_dataset(*open_dataset(path), *create_dataset(dir / "hopper" / "d.hdf5"));
  EXPECT_EQ(family(dir / "hopper" / "d.hdf5"), "none");  // a file is called by its own name alone
  for (const auto& [id, name] : {std::pair("mujoco/walker2d/expert-v0", "walker2d"),
                                 std::pair("D4RL/minigrid/fourrooms-v0", "minigrid-fourrooms"),
                                 std::pair("D4RL/pen/human-v2", "pen")}) {
    change_metadata(path, "dataset_id", id);
    EXPECT_EQ(family(path), name);
    copy_dataset(*open_dataset(path), *create_dataset(dir / "d.hdf5"));
    EXPECT_EQ(family(dir / "d.hdf5"), name);
    fs::remove(dir / "d.hdf5");
  }
  change_metadata(path, "ref_min_score", -5);
  change_metadata(path, "ref_max_score", 20.5);
  const auto own = reference_scores(*open_dataset(path));
  ASSERT_TRUE(own.has_value());
  EXPECT_EQ(own->family, "D4RL/pen/human-v2");
  EXPECT_EQ(own->min, -5);
  EXPECT_EQ(own->max, 20.5);
}

TEST(PythonJson, WordsThatAreNumbersAreTheSameOutsideAndInsideOfTexts) {
  const std::string text = R"({"NaNcy":[NaN,-Infinity,Infinity,1.5],"t":"NaN \" -Infinity \\","u":Infinity})";
  const json value = parse_python_json(text);
  ASSERT_TRUE(value.is_object());
  EXPECT_TRUE(std::isnan(value.at("NaNcy")[0].get<double>()));
  EXPECT_EQ(value.at("NaNcy")[1].get<double>(), -INFINITY);
  EXPECT_EQ(value.at("t"), "NaN \" -Infinity \\");
  EXPECT_EQ(python_json_text(value, -1), text);
  for (const char* damaged : {"{\"a\": Nan}", "[-Infinit]", "[\"NaN]", "[1,", "\"\\"})
    EXPECT_TRUE(parse_python_json(damaged).is_discarded()) << damaged;
}

TEST(DatasetIdentity, OfAFolderIsThatOfItsFilesNamesAndContentsInTheOrderOfNames) {
  const Scratch dir;
  write_episodes(dir / "a-v0", 3, {{"author", "me"}});
  const std::string before = dataset_sha256(dir / "a-v0");
  const std::string line = "cd '" + (dir / "a-v0").string() +
                           "' && find -L . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | "
                           "sha256sum | cut -c-64 > '" +
                           (dir / "sum").string() + "'";
  ASSERT_EQ(std::system(line.c_str()), 0);
  EXPECT_EQ(test::contents(dir / "sum"), before + "\n");
  change_metadata(dir / "a-v0", "author", {"you"});
  const std::string changed = dataset_sha256(dir / "a-v0");
  EXPECT_NE(changed, before);
  fs::rename(dir / "a-v0" / "data", dir / "a-v0" / "date");
  EXPECT_NE(dataset_sha256(dir / "a-v0"), changed);
  fs::create_directory_symlink(dir / "a-v0", dir / "a-v0" / "date" / "round");
  EXPECT_NE(test::error_of([&] { dataset_sha256(dir / "a-v0"); }).find("leads back"), std::string::npos);
  fs::create_directory(dir / "empty");
  EXPECT_NE(test::error_of([&] { dataset_sha256(dir / "empty"); }).find("without files"), std::string::npos);
}

}  // namespace
}  // namespace hardy::datasets
