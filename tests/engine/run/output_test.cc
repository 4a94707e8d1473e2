#include "engine/run/output.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "engine/base/error.h"
#include "engine/run/atomic_file.h"
#include "tests/engine/run/scratch.h"

namespace hardy::run {
namespace {

namespace fs = std::filesystem;
using test::contents;
using test::files_in;
using test::put;
using test::Scratch;
using Kind = OutputRules::Kind;

// The refusal's message; "" where the output is granted. Whatever comes, no claim is left.
std::string refusal(const fs::path& out, const OutputRules& rules = {}) {
  const std::string message = test::error_of([&] { const Output output(out, rules); });
  EXPECT_FALSE(fs::exists(out.string() + ".tmp-claim"));
  return message;
}
bool says(const std::string& message, const std::string& part) {
  return message.find(part) != std::string::npos;
}

TEST(Output, AnInputIsRefusedByWhateverNameOrLink) {
  const Scratch dir;
  put(dir / "in", "data");
  fs::create_directory(dir / "sub");
  fs::create_hard_link(dir / "in", dir / "hard");
  fs::create_symlink(dir / "in", dir / "soft");
  fs::create_directory_symlink(dir.path(), dir / "sub" / "up");
  for (const fs::path& out : {dir / "in", dir / "hard", dir / "soft", dir / "sub" / ".." / "in",
                              dir / "sub" / "up" / "in", fs::relative(dir / "in")})
    EXPECT_TRUE(says(refusal(out, {.overwrite = true, .inputs = {dir / "in"}}), "is the file that is read"))
        << out;
  EXPECT_EQ(contents(dir / "in"), "data");
}

TEST(Output, APlaceInsideAFolderThatIsReadAndAFolderAroundWhatIsReadAreRefused) {
  const Scratch dir;
  fs::create_directories(dir / "set" / "data");
  put(dir / "set" / "data" / "main", "rows");
  fs::create_directory_symlink(dir / "set" / "data", dir / "link");
  const OutputRules reads_set{.overwrite = true, .inputs = {dir / "set"}};
  for (const fs::path& out : {dir / "set" / "new", dir / "set" / "data" / "main", dir / "link" / "new"})
    EXPECT_TRUE(says(refusal(out, reads_set), "lies inside the folder that is read")) << out;
  EXPECT_TRUE(says(refusal(dir / "set" / "a" / "b", {.kind = Kind::kFolder, .inputs = {dir / "set"}}),
                   "lies inside the folder that is read"));
  EXPECT_FALSE(fs::exists(dir / "set" / "a"));
  EXPECT_TRUE(says(
      refusal(dir / "set", {.kind = Kind::kEither, .overwrite = true, .inputs = {dir / "link" / "main"}}),
      "holds the file that is read"));
  EXPECT_EQ(refusal(dir / "settle", reads_set), "");  // a name that only begins alike
}

TEST(Output, DevicesPipesLinksAndFoldersAreNotReplaced) {
  const Scratch dir;
  ASSERT_EQ(::mkfifo((dir / "pipe").c_str(), 0600), 0);
  fs::create_symlink(dir / "nowhere", dir / "dangling");
  fs::create_directory(dir / "folder");
  const OutputRules over{.overwrite = true};
  EXPECT_TRUE(says(refusal(dir / "pipe", over), "is no regular file"));
  EXPECT_TRUE(says(test::error_of([&] { Output("/dev/null", over); }), "is no regular file"));
  EXPECT_TRUE(says(refusal(dir / "dangling", over), "is a symbolic link"));
  EXPECT_TRUE(says(refusal(dir / "folder", over), "is a folder"));
  EXPECT_TRUE(says(test::error_of([&] { Output("", over); }), "names no place"));
  EXPECT_TRUE(says(test::error_of([&] { Output(dir / "folder" / "..", over); }), "is a folder"));
  EXPECT_TRUE(S_ISFIFO([&] {
    struct stat s {};
    ::lstat((dir / "pipe").c_str(), &s);
    return s.st_mode;
  }()));
}

TEST(Output, WhatExistsIsReplacedOnlyWhereThatIsAskedFor) {
  const Scratch dir;
  put(dir / "f", "old");
  put(dir / "page", "ours");
  const auto ours = [](const fs::path& p) { return contents(p) == "ours"; };
  EXPECT_TRUE(says(refusal(dir / "f"), "exists already; choose another name or give --overwrite"));
  EXPECT_TRUE(says(refusal(dir / "f", {.replaceable = ours}), "exists already"));
  EXPECT_EQ(refusal(dir / "page", {.replaceable = ours}), "");
  EXPECT_EQ(refusal(dir / "f", {.overwrite = true}), "");
  EXPECT_EQ(contents(dir / "f"), "old");  // looking alone changes nothing
}

TEST(Output, AFilesFolderMustBeThereAndAFoldersParentsAreMadeAndGoAgainUnused) {
  const Scratch dir;
  EXPECT_TRUE(says(refusal(dir / "no" / "f"), "its folder does not exist"));
  put(dir / "file", "x");
  EXPECT_TRUE(says(refusal(dir / "file" / "f"), "cannot be written"));
  {
    const Output out(dir / "a" / "b" / "run/", {.kind = Kind::kFolder});
    EXPECT_EQ(out.path(), dir / "a" / "b" / "run");
    EXPECT_TRUE(fs::is_directory(dir / "a" / "b"));
  }
  EXPECT_FALSE(fs::exists(dir / "a"));
  {
    const Output out(dir / "a" / "run", {.kind = Kind::kFolder});
    fs::create_directory(out.path());
  }
  EXPECT_TRUE(fs::is_directory(dir / "a" / "run"));
  EXPECT_EQ(files_in(dir / "a"), 1u);
}

TEST(Output, ASecondClaimIsRefusedUntilTheFirstIsGivenBack) {
  const Scratch dir;
  {
    const Output out(dir / "f");
    EXPECT_TRUE(says(test::error_of([&] { Output(dir / "." / "f"); }), "is named twice as an output"));
    const pid_t child = ::fork();
    if (child == 0)
      ::_exit(says(test::error_of([&] { Output(dir / "f"); }),
                   "is being written by another process (" + std::to_string(::getppid()) + ")")
                  ? 0
                  : 1);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
  EXPECT_EQ(refusal(dir / "f"), "");
  EXPECT_EQ(files_in(dir.path()), 0u);
}

TEST(Output, OfManyProcessesThatClaimOneOutputAtOnceExactlyOneHasItAtATime) {
  const Scratch dir;
  // Each that wins writes the file, unless it is there: with 20 racers one may write and 19 must not.
  const auto start = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  std::vector<pid_t> children;
  for (int i = 0; i < 20; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      std::this_thread::sleep_until(start);
      try {
        const Output out(dir / "f");
        write_atomically(out.path(), "written");
      } catch (const Error& e) {
        ::_exit(e.exit_code());
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  int won = 0;
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 2));
    won += WEXITSTATUS(status) == 0;
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(files_in(dir.path()), 1u);
}

TEST(Output, WhatKilledWritersOfTheSameOutputLeftGoesAndNothingElse) {
  const Scratch dir;
  const pid_t dead = ::fork();
  if (dead == 0) ::_exit(0);
  ::waitpid(dead, nullptr, 0);
  const std::string gone = ".tmp-" + std::to_string(dead);
  put(dir / ("f" + gone), "half");
  fs::create_directories(dir / ("set" + gone) / "data");
  put(dir / "f.tmp-claim", std::to_string(dead));  // a killed claim
  const std::vector<std::string> others{"g" + gone,          "f.tmp-1",        "f.tmp-notes",
                                        "f" + gone + ".old", "f" + gone + "x", "f.tmp-0" + gone.substr(5)};
  for (const std::string& name : others) put(dir / name, "keep");
  EXPECT_EQ(refusal(dir / "f"), "");
  EXPECT_EQ(refusal(dir / "set", {.kind = Kind::kFolder}), "");
  EXPECT_FALSE(fs::exists(dir / ("f" + gone)));
  EXPECT_FALSE(fs::exists(dir / ("set" + gone)));
  for (const std::string& name : others) EXPECT_TRUE(fs::exists(dir / name)) << name;
}

TEST(Output, AFileOfThatNameThatIsNoClaimIsLeftAlone) {
  const Scratch dir;
  const std::string mine(100, 'x');
  put(dir / "f.tmp-claim", mine);
  EXPECT_TRUE(says(test::error_of([&] { Output(dir / "f"); }), "is in the way of writing f"));
  EXPECT_EQ(contents(dir / "f.tmp-claim"), mine);
}

TEST(AtomicFolder, TakesThePlaceOfTheOldOneOrOfNone) {
  const Scratch dir;
  for (const std::string text : {"first", "second"}) {
    AtomicFolder folder(dir / "set");
    put(folder.temporary() / "x", text);
    folder.commit();
  }
  EXPECT_EQ(contents(dir / "set" / "x"), "second");
  { const AtomicFolder given_up(dir / "set"); }
  EXPECT_EQ(contents(dir / "set" / "x"), "second");
  EXPECT_EQ(files_in(dir.path()), 1u);
}

}  // namespace
}  // namespace hardy::run
