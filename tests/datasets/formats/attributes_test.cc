// Attributes and stored types of files that h5py wrote, through everything that writes a dataset anew: h5py
// finds them again, bit by bit.
#include "datasets/attributes.h"

#include <gtest/gtest.h>

#include <map>

#include "datasets/convert.h"
#include "datasets/corruption/corrupt.h"
#include "datasets/corruption/repair.h"
#include "datasets/diff.h"
#include "tests/datasets/python.h"
#include "tests/engine/run/scratch.h"

namespace hardy::datasets {
namespace {

namespace fs = std::filesystem;
using test::Scratch;

int python(const std::string& words) { return test::run_script("attributes.py", words); }

std::string all_of(const std::vector<std::string>& notes) {
  std::string text;
  for (const std::string& n : notes) text += n + "\n";
  return text;
}

void corrupt_file(const fs::path& in, const fs::path& out) {
  const CorruptionSettings s{
      {Element::kObservations, Element::kRewards, Element::kActions}, 0.3, 1.0, 3, "philox"};
  corrupt(*open_dataset(in), *create_dataset(out), s, "");
}

class Attributes : public ::testing::Test {
 protected:
  void SetUp() override {
    NEED_LIBRARIES("h5py, numpy");
    ASSERT_EQ(python("write " + at("a")), 0);
  }
  std::string at(const std::string& name) const { return (dir_ / (name + ".hdf5")).string(); }

  Scratch dir_;
};

TEST_F(Attributes, AndTypesAreCopiedAsTheyAreAndWhatCannotBeIsNoted) {
  const auto reader = open_dataset(at("a"));
  const auto writer = create_dataset(at("b"));
  copy_dataset(*reader, *writer);
  EXPECT_EQ(python("same " + at("a") + " " + at("b")), 0);
  EXPECT_EQ(all_of(writer->notes()), "");
  const std::string notes = all_of(reader->notes());
  for (const char* lost :
       {"attribute lists of /infos", "attribute reference of /metadata/short", "list of int32"})
    EXPECT_NE(notes.find(lost), std::string::npos) << lost << "\n" << notes;
  const nlohmann::json own = reader->attributes();
  EXPECT_EQ(own.at("latin1"), "snäil");
  EXPECT_EQ(own.at("uint64"), 18446744073709551615U);
  EXPECT_EQ(own.at("big-endian"), (nlohmann::json{{1, 2, 3}, {4, 5, 6}}));
  EXPECT_EQ(own.at("words"), (nlohmann::json{"one", "zwei", ""}));
  EXPECT_EQ(own.at("flags"), (nlohmann::json{true, false}));
  EXPECT_EQ(own.at("enum"), 2);
  EXPECT_TRUE(own.at("nothing").is_null());
  // The same contents, the same bytes.
  copy_dataset(*open_dataset(at("a")), *create_dataset(at("c")));
  EXPECT_TRUE(test::contents(at("b")) == test::contents(at("c")));
  const auto second = open_dataset(at("b"));
  const Difference d = diff(*reader, *second);
  EXPECT_TRUE(d.columns.empty()) << to_json(d).dump(1);
  EXPECT_GT(d.attributes_compared, 100);
}

TEST_F(Attributes, AndTypesComeBackFromACorruptionAndSurviveARepair) {
  corrupt_file(at("a"), at("dirty"));
  EXPECT_EQ(python("same " + at("a") + " " + at("dirty") + " attributes"), 0);
  const Undone done = undo(*open_dataset(at("dirty")), *create_dataset(at("back")));
  EXPECT_EQ(python("same " + at("a") + " " + at("back")), 0);
  EXPECT_TRUE(done.unchecked.empty());
  EXPECT_EQ(done.columns, static_cast<std::int64_t>(open_dataset(at("a"))->columns().size()));
  EXPECT_EQ(done.attributes, static_cast<std::int64_t>(open_dataset(at("a"))->all_attributes().size()));
  repair(*open_dataset(at("dirty")), *create_dataset(at("mended")), {});
  EXPECT_EQ(python("same " + at("a") + " " + at("mended") + " attributes"), 0);
}

TEST_F(Attributes, ColumnsAndTypesThatAreNotWhatTheRecordSaysAreNotCalledRestored) {
  corrupt_file(at("a"), at("dirty"));
  ASSERT_EQ(python("tamper " + at("dirty") + " " + dir_.path().string()), 0);
  const std::map<std::string, std::string> expected{
      {"edited observations", "/observations: was changed after"},
      {"edited actions", "/actions: was changed after"},
      {"edited rewards", "/rewards: was changed after"},
      {"edited terminals", "/terminals: was changed after"},
      {"edited timeouts", "/timeouts: was changed after"},
      {"edited infos.i2", "/infos/i2: was changed after"},
      {"deleted timeouts", "/timeouts: was taken away"},
      {"deleted infos.half", "/infos/half: was taken away"},
      {"deleted metadata.text", "/metadata/text: was taken away"},
      {"added column", "/infos/mine: was added"},
      {"retyped infos.i2", "/infos/i2: is int32 [60] and was int16 [60]"},
      {"edited text", "/metadata/text: was changed after"},
      {"edited attribute", "other attributes"},
      {"retyped attribute", "other attributes"},
      {"deleted attribute", "other attributes"},
      {"added attribute", "other attributes"},
      {"untouched", ""}};
  for (const auto& [name, part] : expected) {
    const std::string error =
        test::error_of([&] { undo(*open_dataset(at(name)), *create_dataset(at("o"))); });
    EXPECT_EQ(error.empty(), part.empty()) << name << ": " << error;
    EXPECT_NE(error.find(part), std::string::npos) << name << ": " << error;
    EXPECT_EQ(fs::exists(at("o")), part.empty()) << name;
  }
}

TEST_F(Attributes, DiffNamesTypesAndAttributesThatDiffer) {
  corrupt_file(at("a"), at("dirty"));
  ASSERT_EQ(python("tamper " + at("dirty") + " " + dir_.path().string()), 0);
  const auto text_of = [&](const std::string& name) {
    const auto a = open_dataset(at("dirty")), b = open_dataset(at(name));
    std::string text;
    for (const ColumnDifference& d : diff(*a, *b).columns)
      text += d.column + ": " + d.kind + " (" + d.text + ")\n";
    return text;
  };
  EXPECT_EQ(text_of("untouched"), "");
  EXPECT_EQ(text_of("retyped infos.i2"), "infos/i2: type (int16 and int32)\n");
  EXPECT_EQ(text_of("retyped attribute"), "infos @int8: attribute (int8 -3 and int16 -3)\n");
  EXPECT_EQ(text_of("edited attribute"), "infos @int8: attribute (int8 -3 and int8 -4)\n");
  EXPECT_EQ(text_of("deleted attribute"), "@words: only in A (text [3] [\"one\",\"zwei\",\"\"])\n");
  EXPECT_EQ(text_of("added attribute"), "observations @unit: only in B (text \"m\")\n");
}

TEST_F(Attributes, AValueThatTheStoredTypeCannotHoldIsRefusedByName) {
  const auto in = open_dataset(at("a"));
  Array small = in->read(in->column("infos/i1"));
  ASSERT_NE(small.stored_as, nullptr);
  EXPECT_EQ(small.stored_as->name, "int8");
  small.as<std::int32_t>()[7] = 128;
  const std::string error = test::error_of([&] { create_dataset(at("b"))->put("infos/i1", small); });
  EXPECT_NE(error.find("/infos/i1: holds values that int8 cannot hold"), std::string::npos) << error;
  Array half = in->read(in->column("infos/half"));
  half.as<float>()[3] = 0.1f;
  EXPECT_NE(test::error_of([&] { create_dataset(at("b"))->put("infos/half", half); }).find("float16"),
            std::string::npos);
  half.as<float>()[3] = NAN;
  EXPECT_EQ(test::error_of([&] { create_dataset(at("b"))->put("infos/half", half); }), "");
}

TEST_F(Attributes, OfColumnsAndThoseWithoutAWordInJsonAreNotedWhereMinariHasNoPlace) {
  const auto writer = create_dataset(dir_ / "m-v0", {.format = "minari"});
  copy_dataset(*open_dataset(at("a")), *writer);
  const std::string notes = all_of(writer->notes());
  for (const char* part : {"attributes of columns and groups have no place", "attribute opaque is left out"})
    EXPECT_NE(notes.find(part), std::string::npos) << part << "\n" << notes;
  EXPECT_EQ(open_dataset(dir_ / "m-v0")->attributes().at("latin1"), "snäil");
  EXPECT_EQ(stored_name(open_dataset(dir_ / "m-v0")->column("infos/i2").type,
                        open_dataset(dir_ / "m-v0")->column("infos/i2").stored_as),
            "int16");
}

}  // namespace
}  // namespace hardy::datasets
