// `hardy grid ...` as schedulers and people call it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <sstream>
#include <thread>

#include "engine/base/json.h"
#include "engine/base/text.h"
#include "tests/engine/run/scratch.h"
#include "tests/envs/linear_mdp/made_losses.h"
#include "tests/places.h"
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
  for (const auto& [text, part] :
       {std::pair{"steps = 3\n", "names no method"},
        {"method = bc\nmethod = iql\n", "twice"},
        {"method = bc\nsteps = 3 3\n", "a value twice"},
        {"method = bc\nout = x\n", "the grid's own"},
        {"method = bc\nconfig = x\n", "the grid's own"},
        {"method = bc\nsteps = 3\n", "needs a dataset"},
        {"method = bc\nseeds = 2\nseed = 9223372036854775807\n", "give at most 9223372036854775806"},
        {"method = hpt\ntask = chainz\n", "chains"},
        {"method = sac\nenv = pendulum\nsteps = 10\n", "ends before learning begins"}}) {
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
  // Each in a network namespace of its own, where these can be made: they meet in the folder alone.
  const char* apart = std::system("unshare -n true 2>/dev/null") == 0 ? "exec unshare -n " : "exec ";
  const auto start = [&] {
    const pid_t child = ::fork();
    if (child == 0) {
      ::setpgid(0, 0);
      const std::string command = std::string(apart) + test::command() + " grid run " + g.folder.string() +
                                  " --jobs 2 >/dev/null 2>&1";
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
  EXPECT_EQ(csv.substr(0, csv.find('\n')), "cell,state,corrupt-rate,method,seed,score,last_five,best");
  for (const char* part : {"interquartile mean", "By corrupt-rate", "better than bc", "corrupt-rate 0.3"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  EXPECT_NE(test::contents(g.dir / "g.tex").find(" & bc & iql"), std::string::npos);
  EXPECT_EQ(test::hardy_command(report + "--by nothing").code, 2);
  EXPECT_EQ(test::hardy_command(report + "--csv " + d + "/g.csv").code, 2);  // it exists
}

// A section is a grid of its own below what stands above all; a method may have settings, and a name.
TEST(Grid, HasSectionsAndMethodsWithSettingsOfTheirOwn) {
  SmallGrid g;
  g.write("bc", "");
  test::put(g.ini_file(),
            "steps = 20\nseeds = 2\nthreads = 1\nhidden = 8\nbatch-size = 8\neval-episodes = 1\n"
            "[hopper]\nenv = hopper\ndataset = " +
                (g.dir / "d.hdf5").string() +
                "\nmethod = bc riql:alpha=0.5,label=half riql:preset=hopper/dynamics/random,normalise=false\n"
                "[none]\nsteps = 10\ndataset = " +
                (g.dir / "d.hdf5").string() + "\nmethod = bc\n");
  const test::Result made = g.call("new", g.ini_file().string());
  ASSERT_EQ(made.code, 0) << made.err;
  ASSERT_EQ(g.call("run").code, 0);
  const nlohmann::json status = g.status();
  EXPECT_EQ(status.at("counts"), (nlohmann::json{{"done", 4}}));
  EXPECT_EQ(status.at("cells")[0].at("of"), 20);
  EXPECT_EQ(status.at("cells")[3].at("of"), 10);
  const auto settings = [&](int cell) {
    return test::contents(g.folder / "cells" / status.at("cells")[static_cast<std::size_t>(cell)].at("name") /
                          "run" / "config.ini");
  };
  EXPECT_NE(settings(1).find("alpha = 0.5\n"), std::string::npos);
  EXPECT_NE(settings(2).find("threshold = 1\n"), std::string::npos);  // the preset's
  EXPECT_NE(settings(2).find("normalise = false\n"), std::string::npos);
  const test::Result r =
      test::hardy_command("report " + g.folder.string() + " -o " + (g.dir / "g.html").string());
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_NE(r.out.find("  half "), std::string::npos) << r.out;
  EXPECT_NE(r.out.find("last five"), std::string::npos) << r.out;

  test::put(g.ini_file(),
            "alpha = 0.1\ndataset = " + (g.dir / "d.hdf5").string() + "\nmethod = riql:alpha=0.5\n");
  const test::Result twice =
      test::hardy_command("grid new " + (g.dir / "h").string() + " " + g.ini_file().string());
  EXPECT_EQ(twice.code, 2);
  EXPECT_NE(twice.err.find("stands with the method and by itself"), std::string::npos) << twice.err;
}

// A grid of regret learners, a cell for each K, against the one study of all of them.
struct RegretGrid : SmallGrid {
  void write_ini(const std::string& methods, const std::string& more) {
    test::put(dir / "g.ini",
              "method = " + methods + "\nenv = mirror\nlosses = switching:period=K/4\nthreads = 1\n" + more);
  }
};

TEST(Grid, HasRegretStudiesAsCellsWhichTogetherAreTheStudyOfAllOfThem) {
  RegretGrid g;
  g.write_ini("uniform exp_weights:c_eta=2,label=two+steps",
              "episodes = 64 128 256\nreplicas = 9\nresamples = 100\n");
  const test::Result made = g.call("new", g.ini_file().string());
  ASSERT_EQ(made.code, 0) << made.err;
  const test::Result ran = g.call("run", "--jobs 2");
  ASSERT_EQ(ran.code, 0) << ran.err;
  const nlohmann::json status = g.status();
  EXPECT_EQ(status.at("counts"), (nlohmann::json{{"done", 6}}));
  EXPECT_EQ(status.at("hours_left_on_one"), 0);
  EXPECT_EQ(status.at("cells")[0].at("of"), 9 * 64);

  const std::string
      study =
          "regret --env mirror --losses switching:period=K/4 --episodes '64 128 256' --replicas 9 "
          "--resamples 2000 --shard --threads 1 --json --method "
          "'uniform exp_weights:c_eta=2,label=two+steps'",
      d = g.dir.path().string();
  const test::Result whole = test::hardy_command(study);
  ASSERT_EQ(whole.code, 0) << whole.err;
  const nlohmann::json methods = nlohmann::json::parse(whole.out).at("studies")[0].at("methods");
  const test::Result r = test::hardy_command("report " + g.folder.string() + " -o " + d + "/g.html --csv " +
                                             d + "/g.csv --latex " + d + "/g.tex");
  ASSERT_EQ(r.code, 0) << r.err;
  std::istringstream csv(test::contents(g.dir / "g.csv"));
  std::string line;
  std::getline(csv, line);
  EXPECT_EQ(line, "cell,state,episodes,method,seed,score,last_five,best,K,regret");
  std::map<std::pair<std::string, std::string>, std::vector<double>> regret;  // by method, K
  while (std::getline(csv, line)) {
    const std::vector<std::string> fields = split(line, ',');
    const bool quoted = line.find('"') != std::string::npos;  // "exp_weights:c_eta=2,label=..."
    regret[{quoted ? "two" : "uniform", fields[2]}].push_back(std::stod(fields.back()));
  }
  const char* all_k[] = {"64", "128", "256"};
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_EQ((regret[{"uniform", all_k[k]}]), methods[0].at("regret")[k].get<std::vector<double>>());
    EXPECT_EQ((regret[{"two", all_k[k]}]), methods[1].at("regret")[k].get<std::vector<double>>());
  }
  // The same exponent with the same interval, or the same reason why there is none.
  std::istringstream printed(
      test::hardy_command(study.substr(0, study.find(" --json")) + study.substr(study.find(" --json") + 7))
          .out);
  std::string table;
  for (std::string row; std::getline(printed, row);)
    if (row.find("two steps") != std::string::npos && table.empty())
      table = row.substr(row.find("two steps") + 9);
  ASSERT_FALSE(table.empty());
  while (table.starts_with(' ')) table.erase(0, 1);
  EXPECT_NE(r.out.find(table), std::string::npos) << table << "\n" << r.out;
  const std::string page = test::contents(g.dir / "g.html");
  for (const char* part : {"Regret against the number of episodes", "uniform policy", "K = 256"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  EXPECT_NE(test::contents(g.dir / "g.tex").find("$K = 256$"), std::string::npos);
}

TEST(Grid, RegretCellsAreCalledAgainTakeFurtherSeedsAndRefuseWhatCannotWork) {
  RegretGrid g;
  g.write_ini("exp_weights", "episodes = 2^4..2^6\nreplicas = 2\nresamples = 20\nseed = 0 2\n");
  ASSERT_EQ(g.call("new", g.ini_file().string()).code, 0);
  const std::string name = g.status().at("cells")[0].at("name");
  const fs::path results = g.folder / "cells" / name / "run/results.json";
  ASSERT_EQ(g.call("cell", "0").code, 0);
  const std::string first = test::contents(results);
  EXPECT_EQ(g.call("cell", "0").code, 0);
  EXPECT_EQ(test::contents(results), first);
  const std::string d = g.dir.path().string(),
                    report = "report " + g.folder.string() + " -o " + d + "/g.html --csv ";
  const auto replicas = [&](const char* file) {
    EXPECT_EQ(test::hardy_command(report + d + "/" + file).code, 0);
    const std::string csv = test::contents(g.dir / file);
    return std::count(csv.begin(), csv.end(), '\n') - 1;
  };
  EXPECT_EQ(replicas("one.csv"), 3 * 2 + 1);  // and the cell that waits
  ASSERT_EQ(g.call("run").code, 0);
  EXPECT_EQ(replicas("two.csv"), 2 * 3 * 2);
  for (const auto& [ini, part] :
       {std::pair{"method = exp_weights\nreplicas = 4\nseed = 0 2\n", "two cells would have the same seeds"},
        {"method = exp_weight\n", "did you mean 'exp_weights'"},
        {"method = exp_weights\nevaluation = sampled\n", "a sampled run has no folder"},
        {"method = exp_weights\nepisodes = 64 x\n", "1 of 2 cells cannot work"},
        {"method = exp_weights\nenv = nowhere.hdf5\n", "nowhere.hdf5"},
        {"method = exp_weights\nshard = false\n", "the grid's own"},
        {"method = exp_weights\nsteps = 3\n", "steps"}}) {
    test::put(g.ini_file(), ini);
    const test::Result refused = test::hardy_command("grid new " + d + "/other " + g.ini_file().string());
    EXPECT_EQ(refused.code, 2) << ini;
    EXPECT_TRUE(test::one_line(refused.err)) << refused.err;
    EXPECT_NE(refused.err.find(part), std::string::npos) << refused.err;
    EXPECT_FALSE(fs::exists(g.dir / "other"));
  }
}

TEST(Grid, LossesOfOnesOwnAreFoundFromWhereverACellIsRun) {
  SmallGrid g;
  test::made_losses(g.dir.path(), "mine");
  test::put(g.ini_file(),
            "method = uniform\nenv = tabular:H=2,S=3,A=2\nlosses = plugin:file=mine.so\nepisodes = 8\n");
  const test::Result made = test::hardy_command("grid new G g.ini", "cd " + g.dir.path().string() + "; ");
  ASSERT_EQ(made.code, 0) << made.err;
  const test::Result r = test::hardy_command("grid cell " + g.folder.string() + " 0", "cd /; ");
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(g.status().at("counts"), (nlohmann::json{{"done", 1}}));
}

// Token policies from a task and from a file of prompts, and control policies from a dataset.
TEST(Grid, HasPostTrainingRunsAsCells) {
  SmallGrid g;
  const std::string d = g.dir.path().string();
  ASSERT_EQ(test::hardy_command("data prompts chains:least=2,most=3 --count 6 --out " + d + "/p.jsonl").code,
            0);
  const std::string
      small = "\nsteps = 2\nthreads = 1\nrollouts = 2\nprompts-a-step = 2\n",
      token =
          small + "width = 8\nlayers = 1\nheads = 2\nprompt-count = 4\ntest-count = 1\neval-samples = 1\n";
  test::put(g.ini_file(), "method = hpt grpo sft\ntask = chains:least=2,most=3" + token);
  ASSERT_EQ(g.call("new", g.ini_file().string()).code, 0);
  // The same folder takes other inis: cells from a file, by a name that is relative to where it was made.
  test::put(g.ini_file(), "method = sft hpt\ntask = chains:least=2,most=3\nprompts = p.jsonl" + token);
  ASSERT_EQ(test::hardy_command("grid new G g.ini", "cd " + d + "; ").code, 0);
  const test::Result ran = g.call("run", "--jobs 2");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(g.status().at("counts"), (nlohmann::json{{"done", 5}}));
  const test::Result r =
      test::hardy_command("report " + g.folder.string() + " -o " + d + "/g.html --csv " + d + "/g.csv");
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_NE(r.out.find("grpo  "), std::string::npos) << r.out;
}

TEST(Grid, PreparesDataOnceForAllCellsThatWantTheSame) {
  SmallGrid g;
  g.write("bc iql", "steps = 20\ncorrupt = observations\ncorrupt-rate = 0.1 0.3\nseed = 0 1\n");
  ASSERT_EQ(g.call("new", g.ini_file().string()).code, 0);
  ASSERT_EQ(g.call("run", "--jobs 4").code, 0);
  const auto preparations = [&] {
    const std::string log = test::contents(g.folder / "prepared/log.txt");
    return std::count(log.begin(), log.end(), '\n');
  };
  EXPECT_EQ(preparations(), 2);  // of eight cells: a rate each
  // What a cell learns from is what it would have made itself, and what is known of it too.
  const nlohmann::json cell = g.status().at("cells")[7];
  const fs::path own = g.folder / "cells" / cell.at("name").get<std::string>();
  ASSERT_EQ(test::hardy_command("train iql --config " + (own / "config.ini").string() + " --out " +
                                (g.dir / "alone").string())
                .code,
            0);
  const char* last = "checkpoints/step_000000000020.ckpt";
  EXPECT_TRUE(test::contents(own / "run" / last) == test::contents(g.dir / "alone" / last));
  const auto about = [](const fs::path& run) {
    nlohmann::json j = nlohmann::json::parse(test::contents(run / "run.json"));
    j.at("dataset").erase("from_run");
    return std::pair{j.at("dataset"), j.at("notes")};
  };
  EXPECT_EQ(about(own / "run"), about(g.dir / "alone"));
  // A file that was damaged, or whose data changed, is made again.
  for (const auto& entry : fs::directory_iterator(g.folder / "prepared"))
    if (entry.path().extension() == ".data") test::put(entry.path(), "damaged");
  fs::remove_all(own / "run");
  ASSERT_EQ(g.call("cell", "7").code, 0);
  EXPECT_TRUE(test::contents(own / "run" / last) == test::contents(g.dir / "alone" / last));
  EXPECT_EQ(preparations(), 3);
  datasets::write_hdf5(g.dir / "d.hdf5", test::some_data(401));
  fs::remove_all(own / "run");
  ASSERT_EQ(g.call("cell", "7").code, 0);
  EXPECT_EQ(preparations(), 4);
  EXPECT_EQ(nlohmann::json::parse(test::contents(own / "run/run.json")).at("dataset").at("rows"), 401);
}

// Whoever prepares data and is killed leaves its lock to the next; those that wait prepare nothing
// themselves.
TEST(Grid, APreparationThatIsKilledIsMadeByAnother) {
  SmallGrid g;
  g.write("bc", "steps = 20\nseed = 0 1 2 3\n");
  datasets::write_hdf5(g.dir / "d.hdf5", test::some_data(300000), 0);
  ASSERT_EQ(g.call("new", g.ini_file().string()).code, 0);
  const pid_t first = ::fork();
  if (first == 0) {
    if (!std::freopen("/dev/null", "w", stdout) || !std::freopen("/dev/null", "w", stderr)) ::_exit(127);
    ::execl(test::command(), "hardy", "grid", "cell", g.folder.c_str(), "0", nullptr);
    ::_exit(127);
  }
  const auto begun = [&] {
    return fs::exists(g.folder / "prepared") && !fs::is_empty(g.folder / "prepared");
  };
  for (int i = 0; i < 5000 && !begun(); ++i) ::usleep(1000);
  ::kill(first, SIGKILL);
  int status = 0;
  ::waitpid(first, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_EQ(test::contents(g.folder / "prepared/log.txt"), "");
  ASSERT_EQ(g.call("run", "--jobs 4").code, 0);
  const std::string log = test::contents(g.folder / "prepared/log.txt");
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  EXPECT_EQ(log.find(std::to_string(first) + " on"), std::string::npos) << log;
}

TEST(Grid, SaysTheCostFirstAndABudgetChoosesWholeRows) {
  SmallGrid g;
  g.write("bc iql", "steps = 3000\nseed = 0 1\n");
  const test::Result poor = g.call("new", g.ini_file().string() + " --budget 1e-9");
  EXPECT_EQ(poor.code, 2);
  EXPECT_TRUE(test::one_line(poor.err)) << poor.err;
  EXPECT_NE(poor.err.find("does not pay for the first row"), std::string::npos) << poor.err;
  EXPECT_FALSE(fs::exists(g.folder));
  // Twice the time of the second seed's row would be needed for all: what was tried tells the times.
  const test::Result rich = g.call("new", g.ini_file().string() + " --budget 100");
  ASSERT_EQ(rich.code, 0) << rich.err;
  EXPECT_NE(rich.out.find("2 of 2 rows"), std::string::npos) << rich.out;
  EXPECT_NE(rich.out.find("4 cells are left, 12,000 steps: about "), std::string::npos) << rich.out;
  const nlohmann::json status = g.status();
  double row = 0;
  for (const auto& cell : status.at("cells"))
    if (cell.at("keys").at("seed") == "0") row += cell.at("hours_left").get<double>();
  EXPECT_GT(row, 0);
  char budget[64];
  std::snprintf(budget, sizeof budget, "--budget %.12f", 1.5 * row);
  const test::Result run = g.call("run", budget);
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.out.find("1 of 2 rows"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("2 of 4 cells done"), std::string::npos) << run.out;
  const nlohmann::json after = g.status();
  for (const auto& cell : after.at("cells"))
    EXPECT_EQ(cell.at("state"), cell.at("keys").at("seed") == "0" ? "done" : "waiting");
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
