// `hardy train` with input that cannot be right: one line, exit 2, nothing left behind.
#include <gtest/gtest.h>

#include <cmath>

#include "algorithms/training_job.h"
#include "datasets/formats/hdf5_file.h"
#include "tests/tools/command.h"
#include "tests/tools/some_data.h"

namespace hardy {
namespace {

namespace fs = std::filesystem;
using datasets::Array;
using datasets::Arrays;
using datasets::ArrayType;

class Train : public ::testing::Test {
 protected:
  std::string write(const Arrays& arrays) {
    datasets::write_hdf5(dir_ / "d.hdf5", arrays);
    return " --dataset " + (dir_ / "d.hdf5").string();
  }
  // Refused with one line that says all the parts; no run folder, no new file.
  void refused(const std::string& arguments, std::initializer_list<const char*> parts) {
    const std::size_t before = test::files_in(dir_.path());
    const test::Result r = test::hardy_command("train " + arguments + " --out " + (dir_ / "run").string());
    EXPECT_EQ(r.code, 2) << arguments << "\n" << r.err;
    EXPECT_TRUE(test::one_line(r.err)) << r.err;
    for (const char* part : parts)
      EXPECT_NE(r.err.find(part), std::string::npos) << part << " not in: " << r.err;
    EXPECT_FALSE(fs::exists(dir_ / "run")) << arguments;
    EXPECT_EQ(test::files_in(dir_.path()), before) << arguments;
  }
  test::Scratch dir_;
};

TEST_F(Train, AMisspeltMethodNamesTheNearest) { refused("riqll", {"riqll", "riql"}); }
TEST_F(Train, AMisspeltKeyNamesTheNearest) { refused("riql --batchsize 3", {"batchsize", "batch-size"}); }
TEST_F(Train, AValueOutOfRangeSaysTheRange) { refused("iql --tau 1.5", {"tau", "1.5", "from 0 to 1"}); }
TEST_F(Train, AnUnknownPresetNamesTheNearest) {
  refused("riql --preset hoper/dynamics/random", {"hoper/dynamics/random", "hopper/dynamics/random"});
}
TEST_F(Train, AThresholdMustBePositiveOrAuto) {
  refused("riql --threshold often" + write(test::some_data(300)), {"often", "--threshold", "auto"});
}
TEST_F(Train, AnOfflineMethodNeedsADataset) { refused("bc", {"--dataset"}); }
TEST_F(Train, AMissingFileIsNamed) { refused("bc --dataset nowhere.hdf5", {"nowhere.hdf5"}); }
TEST_F(Train, AForeignFileIsNamed) {
  test::put(dir_ / "d.hdf5", "s,a,r\n1,2,3\n");
  refused("bc --dataset " + (dir_ / "d.hdf5").string(), {"d.hdf5", "not an HDF5 file"});
}
TEST_F(Train, ANameThatNoConfigurationFileCanHoldIsRefused) {
  datasets::write_hdf5(dir_ / "a\"b.hdf5", test::some_data(300));
  refused("bc --dataset '" + (dir_ / "a\"b.hdf5").string() + "'", {"a\"b.hdf5", "quote"});
}
TEST_F(Train, ADatasetOfAnotherTaskIsRefused) {
  refused("bc --env hopper" + write(test::some_data(300, 17)), {"17 observations", "hopper has 11"});
}
TEST_F(Train, FewerRowsThanABatchAreRefused) {
  refused("bc --batch-size 256" + write(test::some_data(255)), {"255", "256"});
}
TEST_F(Train, NotANumberIsRefusedWithItsFirstRow) {
  Arrays a = test::some_data(300);
  a["rewards"].as<float>()[123] = std::nanf("");
  refused("bc" + write(a), {"rewards", "123"});
}
TEST_F(Train, MismatchedLengthsAreRefused) {
  Arrays a = test::some_data(300);
  a["actions"] = Array::of(ArrayType::kF32, {299, 3});
  refused("bc" + write(a), {"actions", "299", "300"});
}
TEST_F(Train, AnInteractingRunThatEndsBeforeItLearnsIsRefused) {
  refused("sac --steps 4000", {"--steps 4000", "--start-steps 5000"});
  refused("sac --steps 250 --start-steps 240 --update-every 100", {"--steps 250", "--update-every 100"});
}
TEST_F(Train, AnExistingRunIsLeftAsItIs) {
  const std::string data = write(test::some_data(300));
  fs::create_directory(dir_ / "run");
  test::put(dir_ / "run" / "notes.txt", "mine");
  const test::Result r = test::hardy_command("train bc" + data + " --out " + (dir_ / "run").string());
  EXPECT_EQ(r.code, 2);
  EXPECT_TRUE(test::one_line(r.err)) << r.err;
  EXPECT_NE(r.err.find("exists already"), std::string::npos) << r.err;
  EXPECT_EQ(test::files_in(dir_ / "run"), 1u);
  EXPECT_EQ(test::contents(dir_ / "run" / "notes.txt"), "mine");
}

// A limit on a file's size stands for a full disk: writes past it fail in the same place.
TEST_F(Train, AFullDiskIsSaidAndLeavesNoPartialCheckpoint) {
  const std::string data = write(test::some_data(300));
  const fs::path run = dir_ / "run";
  const test::Result r = test::hardy_command(
      "train bc" + data + " --steps 40 --checkpoint-every 10 --batch-size 32 --out " + run.string(),
      "trap '' XFSZ; ulimit -f 128; ");
  EXPECT_NE(r.code, 0);
  EXPECT_NE(r.err.find("step_"), std::string::npos) << r.err;
  if (fs::exists(run / "checkpoints"))
    for (const auto& file : fs::directory_iterator(run / "checkpoints"))
      ADD_FAILURE() << "left behind: " << file.path();
}

TEST(TrainSettings, AThresholdOnTheCommandLineGoesBeforeThePresets) {
  const auto threshold = [](const std::vector<std::string>& words) {
    const auto job = algorithms::make_training_job("riql");
    job->schema().parse(words);
    return job->schema().resolved_json().at("threshold").get<std::string>();
  };
  EXPECT_EQ(threshold({}), "auto");
  EXPECT_EQ(threshold({"--preset", "hopper/observation/random"}), "100");  // sigma 0.1
  EXPECT_EQ(threshold({"--preset", "hopper/dynamics/random"}), "1");
  EXPECT_EQ(threshold({"--preset", "hopper/dynamics/random", "--threshold", "7"}), "7");
}

}  // namespace
}  // namespace hardy
