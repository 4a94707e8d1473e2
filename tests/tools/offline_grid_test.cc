// tools/offline_grid, as people run it: files, grid and table by one command.
#include <gtest/gtest.h>

#include "tests/places.h"
#include "tests/tools/command.h"

namespace hardy {
namespace {

struct OfflineGrid : testing::Test {
  test::Scratch dir;

  test::Result run(const std::string& arguments) {
    return test::shell_command("HARDY=" + std::string(test::command()) + " " +
                               (test::sources() / "tools/offline_grid").string() + " " + arguments);
  }
  // A grid of two methods on two files, one of them corrupted in both copies of a state.
  std::string grid() {
    test::put(dir / "small.ini",
              "method = bc riql\nsteps = 20\nseeds = 2\nhidden = 8\nbatch-size = 8\neval-every = 20\n"
              "eval-episodes = 1\n[hopper]\nenv = hopper\ndataset = hopper.hdf5 hopper-trajectory.hdf5\n");
    return (dir / "small.ini").string() + " " + (dir / "work").string();
  }
};

TEST_F(OfflineGrid, MakesTheFilesRunsTheCellsAndPrintsTheTableWithNothingElseSaid) {
  const test::Result r = run(grid() + " --rows 600");
  ASSERT_EQ(r.code, 0) << r.err;
  for (const char* file : {"hopper.hdf5", "hopper-trajectory.hdf5", "grid.html", "grid.csv", "grid.tex"})
    EXPECT_TRUE(std::filesystem::exists(dir / "work" / file)) << file;
  EXPECT_NE(r.out.find("4 cells: 4 done"), std::string::npos) << r.out;

  const test::Result again = run(grid() + " --rows 600");  // nothing is left to do
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_NE(again.out.find("4 cells: 4 done"), std::string::npos) << again.out;
  EXPECT_EQ(run(grid() + " --only").code, 0);
}

TEST_F(OfflineGrid, RefusesWhatItCannotUseBeforeAnythingIsMade) {
  for (const auto& [arguments, part] : {std::pair{grid() + " --threads 0", "--threads"},
                                        {grid() + " --jobs two", "--jobs"},
                                        {grid() + " --row 3", "--rows"},
                                        {grid() + " --rows", "needs a value"},
                                        {std::string("no.ini DIR"), "examples/offline_clean.ini"},
                                        {std::string(), "name a grid"}}) {
    const test::Result r = run(arguments);
    EXPECT_EQ(r.code, 2) << arguments;
    EXPECT_TRUE(test::one_line(r.err)) << r.err;
    EXPECT_NE(r.err.find(part), std::string::npos) << r.err;
  }
  EXPECT_FALSE(std::filesystem::exists(dir / "work"));
}

}  // namespace
}  // namespace hardy
