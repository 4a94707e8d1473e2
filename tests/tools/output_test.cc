// Every output of every command, and what each of them is refused for before any work.
#include "engine/run/output.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <regex>
#include <set>
#include <sstream>

#include "datasets/formats/hdf5_file.h"
#include "datasets/store.h"
#include "tests/datasets/made_data.h"
#include "tests/places.h"
#include "tests/tools/command.h"

namespace hardy {
namespace {

namespace fs = std::filesystem;
using test::hardy_command;
using test::Result;

// @ stands for the output, IN for a dataset, SET for a Minari folder, RUN for a study's folder, CELLS for
// what a grid is made of, GRID for one that is done. The work is such that a command that began with it would
// not be back in time.
struct CommandOutput {
  const char *command, *key, *line;
  bool folder = false;
  const char* input = "";   // one that the command reads, besides its configuration file
  const char* inside = "";  // a place inside a folder that it reads
  bool overwrite = true;    // has the key
};
const std::vector<CommandOutput>& all_outputs() {
  static const std::vector<CommandOutput> all{
      {"data collect", "OUT", "@ --steps 100000000"},
      {"data convert", "OUT", "IN @ --to d4rl", false, "IN"},
      {"data convert", "OUT", "SET @ --to d4rl", false, "SET/data/metadata.json", "SET/data/x.hdf5"},
      {"data convert", "OUT", "SET/data/main_data.hdf5 @ --to d4rl", false, "SET/data/metadata.json",
       "SET/x"},
      {"data convert", "OUT", "IN @ --to minari", true, "IN"},
      {"data corrupt", "OUT", "IN @ --elements rewards", false, "IN"},
      {"data corrupt", "OUT", "BROKEN @ --undo", false, "BROKEN"},
      {"data corrupt", "--manifest", "IN NEW --elements rewards --manifest @", false, "IN"},
      {"data prompts", "--out", "chains --count 100000000 --out @"},
      {"data repair", "OUT", "IN @", false, "IN"},
      {"eval", "--frames", "POLICY --env pendulum --episodes 100000 --frames @", true},
      {"export", "OUT", "RUN @ --to c", false, "RUN/run.json", "RUN/x"},
      {"grid new", "DIR", "@ CELLS", true, "CELLS", "", false},
      {"regret", "--export", "--env INSTANCE --episodes 4 --export @", false, "INSTANCE"},
      {"regret", "--curves", "--env INSTANCE --episodes 100000000 --curves @", false, "INSTANCE"},
      {"regret", "--out", "--episodes 100000000 --out @", true, "", "", false},
      {"regret estimators", "--out", "--repeats 1000000 --out @", true, "", "", false},
      {"report", "--csv", "GRID -o NEW --csv @", false, "GRID/cells.jsonl", "GRID/x"},
      {"report", "--latex", "GRID -o NEW --latex @", false, "GRID/cells.jsonl", "GRID/x"},
      {"report", "--output", "GRID -o @", false, "GRID/cells.jsonl", "GRID/page.html"},
      {"report", "--output", "IN -o @", false, "IN"},
      {"report", "--output", "RUN -o @", false, "RUN/run.json", "RUN/page.html"},
      {"train", "--out", "bc --dataset IN --env hopper --steps 1000000000 --out @", true, "IN", "", false},
      {"train", "--out", "bc --dataset SET --env hopper --steps 1000000000 --out @", true, "", "SET/run",
       false},
  };
  return all;
}

class EveryOutput : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new test::Scratch;
    datasets::write_hdf5(at("in.hdf5"), test::made_data(200));
    datasets::Arrays mine = test::made_data(200);
    const auto set = datasets::create_dataset(at("set"), {.format = "minari"});
    mine.erase("metadata/algorithm");
    datasets::write_arrays(*set, mine);
    const std::string in = at("in.hdf5");
    ASSERT_EQ(hardy_command("data corrupt " + in + " " + at("broken.hdf5") + " --elements rewards").code, 0);
    ASSERT_EQ(hardy_command("train sac --env pendulum --steps 20 --start-steps 10 --batch-size 4 --hidden 4 "
                            "--eval-episodes 1 --out " +
                            at("swing"))
                  .code,
              0);
    fs::rename(at("swing") + "/policy/agent_0.policy", at("swing.policy"));
    fs::remove_all(at("swing"));
    ASSERT_EQ(hardy_command("regret --episodes 4 --out " + at("study")).code, 0);
    ASSERT_EQ(hardy_command("regret --episodes 4 --export " + at("instance.hdf5")).code, 0);
    test::put(at("cells.ini"), "method = uniform\nenv = mirror\nepisodes = 4\nresamples = 10\n");
    ASSERT_EQ(hardy_command("grid new " + at("grid") + " " + at("cells.ini")).code, 0);
    ASSERT_EQ(hardy_command("grid cell " + at("grid") + " 0").code, 0);
  }
  static void TearDownTestSuite() { delete dir_; }
  static std::string at(const std::string& name) { return (*dir_ / name).string(); }

  static std::string filled(std::string text) {
    for (const auto& [word, name] :
         std::vector<std::pair<std::string, std::string>>{{"INSTANCE", "instance.hdf5"},
                                                          {"IN", "in.hdf5"},
                                                          {"BROKEN", "broken.hdf5"},
                                                          {"SET", "set"},
                                                          {"RUN", "study"},
                                                          {"CELLS", "cells.ini"},
                                                          {"GRID", "grid"},
                                                          {"POLICY", "swing.policy"},
                                                          {"NEW", "new.hdf5"}})
      text = std::regex_replace(text, std::regex("\\b" + word + "\\b"), at(name));
    return text;
  }
  static Result run(const CommandOutput& o, const std::string& out, const std::string& more = "") {
    const std::string line = std::regex_replace(filled(o.line), std::regex("@"), out);
    return hardy_command(
        o.command + (" " + line) + more + (o.overwrite && more.empty() ? " --overwrite" : ""), "timeout 60 ");
  }
  // Exit code 2 in one line that has `part`: nothing was begun. (What else is there stays the same: see
  // look().)
  static void refuses(const CommandOutput& o, const std::string& out, const std::string& part,
                      const std::string& more = "") {
    const std::string before = look();
    SCOPED_TRACE(std::string(o.command) + " " + o.line);
    const Result r = run(o, out, more);
    EXPECT_EQ(r.code, 2) << out << ": " << r.err;
    EXPECT_TRUE(test::one_line(r.err)) << r.err;
    EXPECT_NE(r.err.find(part), std::string::npos) << r.err;
    EXPECT_EQ(r.out, "");
    EXPECT_EQ(look(), before) << out;
  }
  // Names, kinds, sizes and contents of all that lies in the folder.
  static std::string look() {
    std::set<std::string> all;
    for (const auto& e : fs::recursive_directory_iterator(dir_->path())) {
      std::string line =
          e.path().string() + " " + std::to_string(static_cast<int>(e.symlink_status().type()));
      if (fs::is_regular_file(e.symlink_status())) line += test::contents(e.path());
      all.insert(line);
    }
    std::string text;
    for (const std::string& line : all) text += line + "\n";
    return text;
  }

  static test::Scratch* dir_;
};
test::Scratch* EveryOutput::dir_ = nullptr;

TEST_F(EveryOutput, IsRefusedWhereItIsAnInputOrLiesInsideOne) {
  for (const CommandOutput& o : all_outputs()) {
    if (*o.input) {
      refuses(o, filled(o.input), "");
      const std::string name = fs::path(filled(o.input)).filename();
      const std::string around = fs::path(filled(o.input)).parent_path() / ".." /
                                 fs::path(filled(o.input)).parent_path().filename() / name;
      refuses(o, around, "");
      if (!*o.inside) {
        fs::create_hard_link(filled(o.input), at("hard"));
        fs::create_symlink(filled(o.input), at("soft"));
        refuses(o, at("hard"), "is the file that is read");
        refuses(o, at("soft"), "is the file that is read");
        fs::remove(at("hard"));
        fs::remove(at("soft"));
      }
    }
    if (*o.inside) refuses(o, filled(o.inside), "lies inside the folder that is read");
    if (o.overwrite) {
      test::put(at("c.ini"), "[x]\n");
      refuses(o, at("c.ini"), "is the file that is read", " --overwrite --config " + at("c.ini"));
      fs::remove(at("c.ini"));
    }
  }
}

TEST_F(EveryOutput, IsRefusedWhereItExistsAndNobodySaidOverwrite) {
  for (const CommandOutput& o : all_outputs()) {
    test::put(at("mine"), "a person's own");
    refuses(o, at("mine"), at("mine") + ": ", " ");
    EXPECT_EQ(test::contents(at("mine")), "a person's own");
    fs::remove(at("mine"));
  }
}

TEST_F(EveryOutput, IsRefusedWhereItIsNoRegularFileOrHasNoFolder) {
  for (const CommandOutput& o : all_outputs()) {
    ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
    fs::create_symlink(at("nowhere"), at("dangling"));
    fs::create_directory(at("folder"));
    refuses(o, at("pipe"), at("pipe"));
    refuses(o, at("dangling"), "is a symbolic link");
    refuses(o, at("folder"), at("folder"));
    refuses(o, at("in.hdf5") + "/x", at("in.hdf5/x"));
    if (!o.folder) refuses(o, at("no/such/x"), "its folder does not exist");
    for (const char* name : {"pipe", "dangling", "folder"}) fs::remove(at(name));
  }
}

TEST_F(EveryOutput, IsRefusedWhileAnotherProcessWritesIt) {
  for (const CommandOutput& o : all_outputs()) {
    const run::Output mine(at("x"), {.kind = run::OutputRules::Kind::kEither});
    refuses(o, at("x"), "is being written by another process (" + std::to_string(::getpid()) + ")");
  }
}

// The commands and keys come from the help, so that a new output cannot be left out above.
TEST(Outputs, AllThatTheHelpSaysIsWrittenAreInTheTable) {
  std::set<std::string> listed, found;
  for (const CommandOutput& o : all_outputs()) listed.insert(std::string(o.command) + " " + o.key);
  std::istringstream overview(hardy_command("--help").out);
  const std::regex entry("  ([a-z]+(?: [a-z]+)?)  +.*"),
      key("  (?:-., )?(--[a-z-]+|[A-Z]+).*(?:\\bwrite\\b|new folder).*");
  std::smatch m;
  for (std::string line; std::getline(overview, line);) {
    if (!std::regex_match(line, m, entry)) continue;
    const std::string command = m[1];
    std::istringstream help(hardy_command(command == "train" ? "train bc --help" : command + " --help").out);
    for (std::string at; std::getline(help, at);)
      if (std::regex_match(at, m, key)) found.insert(command + " " + m[1].str());
  }
  EXPECT_EQ(found, listed);
}

TEST(Outputs, OfFourProcessesWithOneOutputExactlyOneSucceeds) {
  const test::Scratch dir;
  datasets::write_hdf5(dir / "in.hdf5", test::made_data(20000));
  const std::string line = std::string(test::command()) + " data corrupt " + (dir / "in.hdf5").string() +
                           " " + (dir / "out.hdf5").string() + " --elements rewards >/dev/null 2>&1";
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(WEXITSTATUS(std::system(line.c_str())));
    children.push_back(child);
  }
  std::multiset<int> codes;
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    codes.insert(WEXITSTATUS(status));
  }
  EXPECT_EQ(codes, (std::multiset<int>{0, 2, 2, 2}));
  EXPECT_EQ(test::files_in(dir.path()), 2u);
}

TEST(Outputs, WhatAKilledCommandLeftGoesWithTheNextOneOfTheSameOutput) {
  const test::Scratch dir;
  datasets::write_hdf5(dir / "in.hdf5", test::made_data(200000), 0);
  const std::string in = (dir / "in.hdf5").string();
  for (const std::string out : {"out.hdf5", "out-v0"}) {
    const std::string to = (dir / out).string();
    const pid_t child = ::fork();
    if (child == 0) {
      ::execl(test::command(), "hardy", "data", "convert", "--gzip", "9", in.c_str(), to.c_str(), nullptr);
      ::_exit(127);
    }
    const fs::path half = to + ".tmp-" + std::to_string(child);
    for (int i = 0; i < 5000 && !fs::exists(half); ++i) ::usleep(1000);
    ASSERT_TRUE(fs::exists(half));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    EXPECT_FALSE(fs::exists(to));
    EXPECT_TRUE(fs::exists(half));
    const Result r = hardy_command("data convert --gzip 1 " + in + " " + to);
    EXPECT_EQ(r.code, 0) << r.err;
    EXPECT_FALSE(fs::exists(half));
    fs::remove_all(to);
    EXPECT_EQ(test::files_in(dir.path()), 1u) << out;
  }
}

TEST(Outputs, AReportReplacesPagesOfItsOwnAndNothingElse) {
  const test::Scratch dir;
  const std::string in = (dir / "in.hdf5").string(), page = (dir / "p.html").string(),
                    run = (dir / "study").string();
  datasets::write_hdf5(in, test::made_data(200));
  ASSERT_EQ(hardy_command("regret --episodes 4 --out " + run).code, 0);
  ASSERT_EQ(hardy_command("regret estimators --repeats 2 --multiples 1 --out " + run + "2").code, 0);
  for (const std::string& what : {in, run, run + "2", in})  // each over the page of the one before
    EXPECT_EQ(hardy_command("report " + what + " -o " + page).code, 0) << what;
  test::put(page, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"></head><p>mine</p>");
  EXPECT_EQ(hardy_command("report " + in + " -o " + page).code, 2);
  EXPECT_NE(test::contents(page).find("mine"), std::string::npos);
  EXPECT_EQ(hardy_command("report " + in + " --overwrite -o " + page).code, 0);
  EXPECT_EQ(test::contents(page).find("mine"), std::string::npos);
}

}  // namespace
}  // namespace hardy
