// Commands on datasets wherever they lie and of whatever format: folders, .npz files, runs that moved.
#include <gtest/gtest.h>

#include <cmath>

#include "datasets/formats/hdf5_file.h"
#include "engine/base/json.h"
#include "tests/datasets/made_data.h"
#include "tests/datasets/python.h"
#include "tests/tools/command.h"
#include "tests/tools/some_data.h"

namespace hardy {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::hardy_command;
using test::Result;

constexpr const char* kShort = " --seeds 1 --hidden 8 --batch-size 16 ";

TEST(DatasetPlaces, ARunGoesOnFromAnyFolderAndAfterItMovedWithItsDataset) {
  const test::Scratch dir;
  const fs::path home = dir / "home", moved = dir / "moved";
  fs::create_directories(home / "data");
  datasets::write_hdf5(home / "data" / "d.hdf5", test::some_data(300));
  const Result r =
      hardy_command(std::string("train bc --dataset data/d.hdf5 --steps 20 --out runs/r") + kShort,
                    "cd '" + home.string() + "'; ");
  ASSERT_EQ(r.code, 0) << r.err;
  const std::string absolute = (home / "data" / "d.hdf5").string();
  EXPECT_NE(test::contents(home / "runs" / "r" / "config.ini").find(absolute), std::string::npos);
  const json run = json::parse(test::contents(home / "runs" / "r" / "run.json"));
  EXPECT_EQ(run.at("dataset").at("path"), absolute);
  EXPECT_EQ(run.at("settings").at("dataset"), absolute);
  const auto resume = [](const fs::path& folder, const std::string& from) {
    return hardy_command("resume '" + (folder / "runs" / "r").string() + "'", "cd '" + from + "'; ");
  };
  EXPECT_EQ(resume(home, "/").code, 0);
  fs::rename(home, moved);
  EXPECT_EQ(resume(moved, "/").code, 0) << resume(moved, "/").err;
  fs::remove(moved / "data" / "d.hdf5");
  const Result gone = resume(moved, "/");
  EXPECT_EQ(gone.code, 2);
  EXPECT_NE(gone.err.find("its dataset is not there any more"), std::string::npos) << gone.err;
  EXPECT_NE(gone.err.find((moved / "data" / "d.hdf5").string()), std::string::npos) << gone.err;
}

TEST(DatasetPlaces, ARunOnAMinariFolderGoesOnWithThatFolderAloneAndNamesItsHash) {
  const test::Scratch dir;
  datasets::Arrays arrays = test::some_data(300);
  arrays["timeouts"].as<std::uint8_t>()[299] = 1;
  datasets::write_hdf5(dir / "a.hdf5", arrays);
  arrays["rewards"].as<float>()[5] += 1;
  datasets::write_hdf5(dir / "b.hdf5", arrays);
  const std::string folder = (dir / "hopper" / "medium-v0").string(), run = (dir / "r").string();
  fs::create_directory(dir / "hopper");
  const auto convert = [&](const char* from) {
    const Result r = hardy_command("data convert " + (dir / from).string() + " " + folder + " --overwrite");
    ASSERT_EQ(r.code, 0) << r.err;
  };
  convert("a.hdf5");
  ASSERT_EQ(hardy_command("train bc --dataset " + folder + " --steps 20 --out " + run + kShort).code, 0);
  const json seen = json::parse(hardy_command("data inspect " + folder + " --json").out);
  EXPECT_EQ(json::parse(test::contents(run + "/run.json")).at("dataset").at("sha256"), seen.at("sha256"));
  EXPECT_EQ(seen.at("sha256").get<std::string>().size(), 64U);
  EXPECT_EQ(hardy_command("resume " + run).code, 0);
  convert("b.hdf5");
  const Result r = hardy_command("resume " + run);
  EXPECT_EQ(r.code, 2);
  EXPECT_NE(r.err.find("SHA-256 differs"), std::string::npos) << r.err;
  // The last parts of Minari's id name the task.
  EXPECT_EQ(seen.at("score").at("family"), "hopper");
  const double mean = seen.at("return").at("mean");
  EXPECT_NEAR(seen.at("score").at("mean").get<double>(), 100 * (mean + 20.272305) / (3234.3 + 20.272305),
              1e-9);
}

TEST(DatasetPlaces, EveryReadableFormatIsInspectedAuditedDrawnCorruptedUndoneAndRepaired) {
  if (!test::has_modules("h5py, numpy, pandas, minari")) GTEST_SKIP() << test::python() << " lacks a module";
  const test::Scratch dir;
  for (const auto& [kind, name] : {std::pair("ogbench", "o.npz"), std::pair("numpy", "n.npz"),
                                   std::pair("minari-dict", "m-v0"), std::pair("v2", "d.hdf5")}) {
    SCOPED_TRACE(kind);
    const std::string in = (dir / name).string(), bad = (dir / "bad.hdf5").string(),
                      out = (dir / "out.hdf5").string(), page = (dir / "p.html").string();
    ASSERT_EQ(test::run_script("formats.py", "write " + std::string(kind) + " " + in), 0);
    const Result seen = hardy_command("data inspect " + in + " --json");
    ASSERT_EQ(seen.code, 0) << seen.err;
    const json s = json::parse(seen.out);
    EXPECT_EQ(s.at("return").is_null(), std::string(kind) == "ogbench");
    EXPECT_EQ(s.at("sha256").get<std::string>().size(), 64U);
    EXPECT_EQ(hardy_command("data inspect " + in + "/").code, fs::is_directory(in) ? 0 : 2);
    EXPECT_EQ(hardy_command("data inspect " + in).code, 0);
    EXPECT_NE(hardy_command("data audit " + in).code, 2);
    const Result drawn = hardy_command("report " + in + " -o " + page);
    EXPECT_EQ(drawn.code, 0) << drawn.err;
    EXPECT_NE(test::contents(page).find("<h1>" + std::string(name) + "</h1>"), std::string::npos);
    const Result corrupted =
        hardy_command("data corrupt " + in + " " + bad + " --elements observations,actions,dynamics --json");
    ASSERT_EQ(corrupted.code, 0) << corrupted.err;
    EXPECT_EQ(json::parse(corrupted.out).at("input_sha256"), s.at("sha256"));
    const Result undone = hardy_command("data corrupt --undo " + bad + " " + out);
    EXPECT_EQ(undone.code, 0) << undone.err;
    const json difference = json::parse(hardy_command("data diff " + in + " " + out + " --json").out);
    EXPECT_EQ(difference.at("differences"), json::array());
    EXPECT_EQ(hardy_command("data repair " + bad + " " + out + " --overwrite").code, 0);
    const Result rewards =
        hardy_command("data corrupt " + in + " " + bad + " --elements rewards --overwrite");
    EXPECT_EQ(rewards.code, std::string(kind) == "ogbench" ? 2 : 0) << rewards.err;
    fs::remove(bad);
    fs::remove(out);
    fs::remove(page);
  }
}

}  // namespace
}  // namespace hardy
