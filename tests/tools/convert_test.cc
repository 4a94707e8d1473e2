// `hardy data convert`, as its manual shows it and as people mistype it.
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "datasets/formats/hdf5_file.h"
#include "engine/base/json.h"
#include "tests/datasets/made_data.h"
#include "tests/places.h"
#include "tests/tools/command.h"

namespace hardy {
namespace {

namespace fs = std::filesystem;
using test::hardy_command;
using test::Result;

class ConvertCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    const datasets::Arrays a = test::made_data(2000), b = test::made_data(1000);
    datasets::write_hdf5(dir_ / "hopper-a.hdf5", a);
    datasets::write_hdf5(dir_ / "hopper-b.hdf5", b);
    datasets::Arrays broken = a, recorder = test::made_data(300, datasets::ArrayType::kF64);
    broken["observations"].as<float>()[100] = NAN;
    broken["rewards"].as<float>()[700] = INFINITY;
    datasets::write_hdf5(dir_ / "broken.hdf5", broken);
    for (const auto& [key, name] :
         {std::pair{"observations", "obs"}, {"actions", "act"}, {"rewards", "rew"}}) {
      recorder[name] = recorder[key];
      recorder.erase(key);
    }
    datasets::write_hdf5(dir_ / "recorder.hdf5", recorder);
  }
  Result convert(const std::string& words) const {
    return hardy_command("data convert " + words, "cd " + dir_.path().string() + " && ");
  }
  void refuses(const std::string& words, const std::string& part) const {
    const std::size_t there = test::files_in(dir_.path());
    const Result r = convert(words);
    EXPECT_EQ(r.code, 2) << words << ": " << r.err;
    EXPECT_TRUE(test::one_line(r.err)) << r.err;
    EXPECT_NE(r.err.find(part), std::string::npos) << words << ": " << r.err;
    EXPECT_EQ(test::files_in(dir_.path()), there) << words;
  }
  nlohmann::json inspect(const std::string& file) const {
    return nlohmann::json::parse(hardy_command("data inspect --json " + (dir_ / file).string()).out);
  }

  test::Scratch dir_;
};

TEST_F(ConvertCommand, TheManualsExamplesRunAndDoWhatItSays) {
  const std::string manual = test::contents(test::sources() / "docs/datasets.md");
  const std::size_t begin = manual.find("```sh\n", manual.find("## Joining, choosing, narrowing"));
  ASSERT_NE(begin, std::string::npos);
  std::istringstream lines(manual.substr(begin + 6, manual.find("```", begin + 6) - begin - 6));
  int ran = 0;
  for (std::string line; std::getline(lines, line); ++ran) {
    const std::string command = "hardy data convert ";
    ASSERT_TRUE(line.starts_with(command)) << line;
    const Result r = convert(line.substr(command.size()));
    EXPECT_EQ(r.code, 0) << line << ": " << r.err;
  }
  EXPECT_EQ(ran, 11);
  const auto rows = [&](const std::string& file) { return inspect(file).at("rows").get<std::int64_t>(); };
  EXPECT_EQ(rows("both.hdf5"), 3000);
  EXPECT_EQ(inspect("good.hdf5").at("timed_out"), 0);
  EXPECT_EQ(inspect("some.hdf5").at("episodes"), 20);
  EXPECT_GE(rows("short.hdf5"), 500);
  EXPECT_LT(rows("short.hdf5"), 550);
  EXPECT_EQ(rows("mine.hdf5"), 300);
  EXPECT_EQ(rows("clean.hdf5"), 1998);
  EXPECT_LT(rows("whole.hdf5"), 1970);
  EXPECT_EQ(datasets::read_hdf5(dir_ / "mine.hdf5").at("observations").type, datasets::ArrayType::kF32);
  const Result same =
      hardy_command("data diff " + (dir_ / "both.hdf5").string() + " " + (dir_ / "again.hdf5").string());
  EXPECT_EQ(same.out.find("/observations"), std::string::npos) << same.out;  // infos and metadata differ
}

TEST_F(ConvertCommand, SaysInLinesAndInJsonWhatEachStepLeftOut) {
  const std::string words =
      "broken.hdf5 hopper-b.hdf5 o.hdf5 --drop-invalid --filter 'length > 35' --best 50%";
  const Result text = convert(words);
  ASSERT_EQ(text.code, 0) << text.err;
  for (const char* part :
       {"  broken.hdf5: 2000 rows", "  hopper-b.hdf5: 1000 rows",
        "2 invalid rows (observations 1, rewards 1)", "--filter 'length > 35': ", "--best 50%: "})
    EXPECT_NE(text.out.find(part), std::string::npos) << part << "\n" << text.out;
  const Result again = convert(words + " --json --overwrite");
  const nlohmann::json j = nlohmann::json::parse(again.out);
  ASSERT_EQ(j.at("steps").size(), 3u);
  EXPECT_EQ(j.at("steps")[0].at("invalid_rows"), 2);
  EXPECT_EQ(j.at("steps")[0].at("rows"), j.at("steps")[1].at("rows_in"));
  EXPECT_EQ(j.at("steps")[2].at("episodes"), j.at("episodes"));
  EXPECT_EQ(j.at("steps")[2].at("rows"), j.at("rows"));
  EXPECT_EQ(inspect("o.hdf5").at("rows"), j.at("rows"));
  EXPECT_EQ(inspect("o.hdf5").at("episodes"), j.at("episodes"));
}

TEST_F(ConvertCommand, RefusesByNameWhatMakesNoSense) {
  const std::string one = "hopper-a.hdf5 o.hdf5 ";
  refuses(one + "--drop-invalid --skip-bad-episodes", "--drop-invalid and --skip-bad-episodes");
  refuses(one + "--seed 3", "--seed: seeds nothing; it belongs to --sample");
  refuses("hopper-a.hdf5 o.csv --gzip 9", "CSV is not compressed");
  refuses(one + "--observations observation", "is d4rl, whose observations have no parts");
  refuses(one + "--filter 'retun > 3'", "did you mean 'return'? known: return, score");
  refuses(one + "--filter 'return > 1e9'", "nothing is left");
  refuses(one + "--best 0%", "'0%' is no amount");
  refuses(one + "--sample 5%", "--sample: '5%' cannot be read");
  refuses(one + "--map observations", "'observations' names no column");
  refuses(one + "--map a=b,a=c", "'a' is given twice");
  refuses("recorder.hdf5 o.hdf5", "--map");
  refuses("recorder.hdf5 o.hdf5 --map observations=ob", "did you mean 'obs'?");
  refuses("hopper-a.hdf5 recorder.hdf5 o.hdf5 --map observations=obs", "hopper-a.hdf5");
  refuses("hopper-a.hdf5", "OUT: it is missing");
  refuses("hopper-a.hdf5 hopper-b.hdf5 hopper-a.hdf5 --overwrite", "is the file that is read");
  refuses("hopper-a.hdf5 o.xyz", "end it in .hdf5 for d4rl or in .csv");
}

}  // namespace
}  // namespace hardy
