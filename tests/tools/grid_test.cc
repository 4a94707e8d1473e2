// `hardy grid ...` as schedulers and people call it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/engine/run/scratch.h"
#include "tests/tools/command.h"
#include "tests/tools/some_data.h"

namespace hardy {
namespace {

namespace fs = std::filesystem;

struct SmallGrid {
  test::Scratch dir;
  fs::path folder = dir / "G";

  std::string ini(const std::string& methods, const std::string& more) const {
    return "method = " + methods + "\ndataset = " + (dir / "d.hdf5").string() +
           "\nhidden = 8\nbatch-size = 8\nlog-every = 50\nthreads = 1\n" + more;
  }
  void write(const std::string& methods, const std::string& more) {
    if (!fs::exists(dir / "d.hdf5")) datasets::write_hdf5(dir / "d.hdf5", test::some_data(400));
    test::put(dir / "g.ini", ini(methods, more));
  }
  test::Result call(const std::string& what, const std::string& more = "") {
    return test::hardy_command("grid " + what + " " + folder.string() + " " + more);
  }
  nlohmann::json status() { return nlohmann::json::parse(call("status", "--json").out); }
  fs::path ini_file() const { return dir / "g.ini"; }
};

std::map<std::string, int> names_of(const nlohmann::json& status) {
  std::map<std::string, int> names;
  for (const auto& cell : status.at("cells")) names[cell.at("name")] = cell.at("number");
  return names;
}

TEST(Grid, HasACellForEveryCombinationAndIsWorkedThrough) {
  SmallGrid g;
  g.write("bc iql", "steps = 20\ncorrupt = observations\ncorrupt-rate = 0.1 0.3\n");
  const test::Result made = g.call("new", g.ini_file().string());
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_NE(made.out.find("4 cells (corrupt-rate x method)"), std::string::npos) << made.out;
  EXPECT_EQ(g.status().at("counts"), (nlohmann::json{{"waiting", 4}}));
  const test::Result ran = g.call("run", "--jobs 2");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(g.status().at("counts"), (nlohmann::json{{"done", 4}}));
  // Each is the run that `hardy train` makes.
  const auto cell = g.status().at("cells")[3];
  const std::string name = cell.at("name");
  EXPECT_EQ(cell.at("keys").at("method"), "iql");
  EXPECT_EQ(test::hardy_command("train iql --config " + (g.folder / "cells" / name / "config.ini").string() +
                                " --out " + (g.dir / "alone").string())
                .code,
            0);
  const char* last = "checkpoints/step_000000000020.ckpt";
  EXPECT_FALSE(test::contents(g.dir / "alone" / last).empty());
  EXPECT_TRUE(test::contents(g.dir / "alone" / last) ==
              test::contents(g.folder / "cells" / name / "run" / last));
  const auto again = fs::last_write_time(g.folder / "cells" / name / "run/summary.json");
  EXPECT_EQ(g.call("cell", "3").code, 0);  // nothing left to do
  EXPECT_EQ(fs::last_write_time(g.folder / "cells" / name / "run/summary.json"), again);
}

TEST(Grid, KeepsNamesNumbersAndRunsWhenValuesAreAdded) {
  SmallGrid g;
  g.write("bc", "steps = 20\nseed = 0 1\n");
  ASSERT_EQ(g.call("new", g.ini_file().string()).code, 0);
  ASSERT_EQ(g.call("run").code, 0);
  const auto before = names_of(g.status());
  g.write("iql bc", "steps = 20\nseed = 2 1 0\n");
  ASSERT_EQ(g.call("new", g.ini_file().string()).code, 0);
  const nlohmann::json after = g.status();
  EXPECT_EQ(after.at("counts"), (nlohmann::json{{"done", 2}, {"waiting", 4}}));
  for (const auto& [name, number] : before) EXPECT_EQ(names_of(after).at(name), number);
}

TEST(Grid, NamesAllCellsThatCannotWorkAndWritesNothing) {
  SmallGrid g;
  g.write("bc iqll", "steps = 20 -3\ntau = 0.5\n");
  const test::Result r = g.call("new", g.ini_file().string());
  EXPECT_EQ(r.code, 2);
  for (const char* part : {"4 of 4 cells cannot work", "did you mean 'iql'", "steps", "tau"})
    EXPECT_NE(r.err.find(part), std::string::npos) << part << "\n" << r.err;
  EXPECT_FALSE(fs::exists(g.folder));
  for (const auto& [text, part] : {std::pair{"steps = 3\n", "names no method"},
                                   {"method = bc\nmethod = iql\n", "twice"},
                                   {"method = bc\nsteps = 3 3\n", "a value twice"},
                                   {"method = bc\nout = x\n", "the grid's own"}}) {
    test::put(g.ini_file(), text);
    const test::Result refused = g.call("new", g.ini_file().string());
    EXPECT_EQ(refused.code, 2) << text;
    EXPECT_NE(refused.err.find(part), std::string::npos) << refused.err;
  }
  EXPECT_EQ(test::hardy_command("grid status " + g.dir.path().string()).code, 2);
}

TEST(Grid, ACellThatFailsSaysWhyAndTheOthersGoOn) {
  SmallGrid g;
  g.write("bc", "steps = 20\nseed = 0 1\n");
  ASSERT_EQ(g.call("new", g.ini_file().string()).code, 0);
  const std::string name = g.status().at("cells")[0].at("name");
  test::put(g.folder / "cells" / name / "config.ini", "steps = never\n");
  const test::Result r = g.call("run");
  EXPECT_EQ(r.code, 1);
  EXPECT_NE(r.err.find("cell 0 failed"), std::string::npos) << r.err;
  const nlohmann::json status = g.status();
  EXPECT_EQ(status.at("counts"), (nlohmann::json{{"done", 1}, {"failed", 1}}));
  EXPECT_NE(status.at("cells")[0].at("about").get<std::string>().find("steps"), std::string::npos);
  EXPECT_EQ(g.call("cell", "7").code, 2);
}

// Two `grid run` over one folder; one is killed with all its processes. The other takes over what it left,
// and ends at the bytes of a run that nobody disturbed.
TEST(Grid, WhatAKilledRunLeavesAnotherTakesOverToTheSameBytes) {
  SmallGrid g;
  g.write("bc", "steps = 10000\nseed = 0 1 2 3\ncheckpoint-every = 200\n");
  ASSERT_EQ(g.call("new", g.ini_file().string()).code, 0);
  const auto start = [&] {
    const pid_t child = ::fork();
    if (child == 0) {
      ::setpgid(0, 0);
      const std::string command =
          std::string(HARDY_COMMAND) + " grid run " + g.folder.string() + " --jobs 2 >/dev/null 2>&1";
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      ::_exit(127);
    }
    ::setpgid(child, child);
    return child;
  };
  const pid_t first = start();
  const auto running = [&] { return g.status().at("counts").value("running", 0); };
  for (int i = 0; i < 200 && running() < 2; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const pid_t second = start();
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  ::kill(-first, SIGKILL);
  int status = 0;
  ::waitpid(first, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  ::waitpid(second, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const nlohmann::json after = g.status();
  EXPECT_EQ(after.at("counts"), (nlohmann::json{{"done", 4}}));
  for (const auto& cell : after.at("cells")) {
    const fs::path own = g.folder / "cells" / cell.at("name").get<std::string>();
    const std::string out = (g.dir / ("whole" + std::to_string(cell.at("number").get<int>()))).string();
    ASSERT_EQ(
        test::hardy_command("train bc --config " + (own / "config.ini").string() + " --out " + out).code, 0);
    const char* last = "checkpoints/step_000000010000.ckpt";
    EXPECT_TRUE(test::contents(own / "run" / last) == test::contents(fs::path(out) / last));
  }
}

TEST(Grid, IsReportedWithIntervalsAsAPageACsvAndATable) {
  SmallGrid g;
  g.write("bc iql",
          "steps = 20\nseeds = 3\ncorrupt = observations\ncorrupt-rate = 0.1 0.3\nenv = "
          "hopper\neval-episodes = 1\n");
  ASSERT_EQ(g.call("new", g.ini_file().string()).code, 0);
  const std::string d = g.dir.path().string(),
                    report = "report " + g.folder.string() + " -o " + d + "/g.html ";
  const test::Result early = test::hardy_command(report);
  EXPECT_EQ(early.code, 2);
  EXPECT_NE(early.err.find("has no cell that is done"), std::string::npos) << early.err;
  ASSERT_EQ(g.call("run").code, 0);
  const test::Result r = test::hardy_command(report + "--csv " + d + "/g.csv --latex " + d + "/g.tex");
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_NE(r.out.find("4 cells: 4 done"), std::string::npos) << r.out;
  const std::string csv = test::contents(g.dir / "g.csv"), page = test::contents(g.dir / "g.html");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 4 * 3);
  EXPECT_EQ(csv.substr(0, csv.find('\n')), "cell,state,corrupt-rate,method,seed,score");
  for (const char* part : {"interquartile mean", "By corrupt-rate", "better than bc", "corrupt-rate 0.3"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  EXPECT_NE(test::contents(g.dir / "g.tex").find(" & bc & iql"), std::string::npos);
  EXPECT_EQ(test::hardy_command(report + "--by nothing").code, 2);
  EXPECT_EQ(test::hardy_command(report + "--csv " + d + "/g.csv").code, 2);  // it exists
}

TEST(Grid, PrintsAJobScriptThatAShellTakes) {
  SmallGrid g;
  g.write("bc", "steps = 20\nseed = 0 1 2\n");
  ASSERT_EQ(g.call("new", g.ini_file().string()).code, 0);
  const test::Result r = g.call("slurm", "--time 1:00:00 --cpus 2 --at-once 5");
  ASSERT_EQ(r.code, 0) << r.err;
  for (const char* part :
       {"#SBATCH --array=0-2%5", "#SBATCH --requeue", "#SBATCH --signal=B:TERM@120", "--threads 2 &"})
    EXPECT_NE(r.out.find(part), std::string::npos) << part;
  test::put(g.dir / "job.sh", r.out);
  EXPECT_EQ(std::system(("bash -n " + (g.dir / "job.sh").string()).c_str()), 0);
}

}  // namespace
}  // namespace hardy
