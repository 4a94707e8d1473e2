#include "engine/run/archive.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmath>
#include <csignal>
#include <cstring>

#include "engine/run/atomic_file.h"
#include "engine/run/checkpoints.h"
#include "tests/engine/run/scratch.h"

namespace hardy::run {
namespace {

using test::contents;
using test::error_of;
using test::files_in;
using test::put;
using test::Scratch;

ArchiveWriter sample(int scale = 1) {
  ArchiveWriter w("checkpoint", 1);
  w.header()["step"] = 12;
  const std::vector<float> x = {1.5f * static_cast<float>(scale), -0.0f, 3e-40f, 4, 5, 6};
  const std::vector<std::uint64_t> counters = {~std::uint64_t{0}, 7};
  w.add<float>("policy/w0", {2, 3}, x);
  w.add<std::uint64_t>("counters", {2}, counters);
  return w;
}

TEST(Archive, WhatIsWrittenIsRead) {
  const Scratch dir;
  sample().write(dir / "a");
  const Archive a = Archive::read(dir / "a", "checkpoint", 1);
  EXPECT_EQ(a.header().at("step"), 12);
  EXPECT_EQ(a.shape("policy/w0"), (Shape{2, 3}));
  EXPECT_EQ(a.get<float>("policy/w0")[2], 3e-40f);
  EXPECT_TRUE(std::signbit(a.get<float>("policy/w0")[1]));
  EXPECT_EQ(a.get<std::uint64_t>("counters")[0], ~std::uint64_t{0});
  EXPECT_NE(error_of([&] { a.get<double>("policy/w0"); }), "");
  EXPECT_NE(error_of([&] { a.get<float>("nothing"); }).find("nothing"), std::string::npos);
}

TEST(Archive, EqualContentsGiveEqualBytes) {
  const Scratch dir;
  sample().write(dir / "a");
  sample().write(dir / "b");
  EXPECT_EQ(contents(dir / "a"), contents(dir / "b"));
}

// A checksum is no signature: these have a right one.
TEST(Archive, HeadersThatAreNonsenseAreRefusedAlsoWhereTheyAreSealedAgain) {
  const Scratch dir;
  sample().write(dir / "a");
  const std::string whole = contents(dir / "a");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string file = whole.substr(0, whole.size() - 64);
    const std::size_t at = file.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    file.replace(at, from.size(), to);
    std::uint64_t old = 0;
    std::memcpy(&old, whole.data() + 8, 8);
    std::uint64_t now = old + to.size() - from.size();
    const std::size_t blanks = (64 - (16 + now) % 64) % 64;
    file.insert(16 + now, blanks, ' ');
    now += blanks;
    std::memcpy(file.data() + 8, &now, 8);
    file += sha256({reinterpret_cast<const std::byte*>(file.data()), file.size()});
    put(dir / "b", file);
    return error_of([&] { Archive::read(dir / "b", "checkpoint", 1); });
  };
  EXPECT_EQ(with("\"format\":1", "\"format\":    1"), "");
  for (const char* offset : {"18446744073709551552", "-64", "1", "9999", "0.5", "\"0\"", "null", "[]"})
    EXPECT_NE(with("\"offset\":0", "\"offset\":" + std::string(offset)), "") << offset;
  for (const char* shape :
       {"[4611686018427387905,4]", "[-1,-6]", "[2,3000]", "[1,1,1,1,1,1,6]", "7", "null", "[\"2\"]"})
    EXPECT_NE(with("\"shape\":[2,3]", "\"shape\":" + std::string(shape)), "") << shape;
  for (const char* type : {"\"f16\"", "\"\"", "3", "{}"})
    EXPECT_NE(with("\"type\":\"f32\"", "\"type\":" + std::string(type)), "") << type;
  const std::string error = with("\"name\":\"counters\"", "\"nome\":\"counters\"");
  EXPECT_NE(error.find("has a header that is not a Hardy file's: key 'name' not found"), std::string::npos)
      << error;
}

TEST(Archive, CutAnywhereItIsRefused) {
  const Scratch dir;
  sample().write(dir / "a");
  const std::string whole = contents(dir / "a");
  for (std::size_t n = 0; n < whole.size(); ++n) {
    put(dir / "b", whole.substr(0, n));
    ASSERT_THROW(Archive::read(dir / "b", "checkpoint", 1), Error) << n << " bytes";
  }
  put(dir / "b", whole + "x");
  EXPECT_THROW(Archive::read(dir / "b", "checkpoint", 1), Error);
}

TEST(Archive, AnyFlippedBitIsNoticed) {
  const Scratch dir;
  sample().write(dir / "a");
  const std::string whole = contents(dir / "a");
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string altered = whole;
    altered[i] = static_cast<char>(altered[i] ^ (1 << (i % 8)));
    put(dir / "b", altered);
    ASSERT_THROW(Archive::read(dir / "b", "checkpoint", 1), Error) << "byte " << i;
  }
}

TEST(Archive, ForeignKindsFormatsAndFilesAreRefused) {
  const Scratch dir;
  sample().write(dir / "a");
  EXPECT_NE(error_of([&] { Archive::read(dir / "a", "policy", 1); }).find("policy"), std::string::npos);
  EXPECT_NE(error_of([&] { Archive::read(dir / "a", "checkpoint", 0); }).find("format"), std::string::npos);
  put(dir / "b", std::string(500, 'x'));
  EXPECT_NE(error_of([&] { Archive::read(dir / "b", "policy", 1); }).find("not a Hardy file"),
            std::string::npos);
  EXPECT_THROW(Archive::read(dir / "none", "policy", 1), Error);
  EXPECT_THROW(Archive::read(dir.path(), "policy", 1), Error);
}

// Runs f in a process whose files cannot grow beyond `bytes`; its exit code, or -1.
template <class F>
int with_file_limit(rlim_t bytes, F f) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::_exit(f());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(AtomicFile, AWriteThatFailsLeavesTheOldFileAndNoOther) {
  const Scratch dir;
  put(dir / "f", "old");
  const int code = with_file_limit(1000, [&] {
    try {
      write_atomically(dir / "f", std::string(5000, 'n'));
    } catch (const Error& e) {
      return e.exit_code();
    }
    return 0;
  });
  EXPECT_EQ(code, 1);
  EXPECT_EQ(contents(dir / "f"), "old");
  EXPECT_EQ(files_in(dir.path()), 1u);
}

TEST(AtomicFile, WhatKilledWritersLeftIsRemoved) {
  const Scratch dir;
  put(dir / "f.tmp-123", "half");
  put(dir / "f.tmp-notes", "a person's own");
  remove_temporaries(dir.path());
  EXPECT_FALSE(std::filesystem::exists(dir / "f.tmp-123"));
  EXPECT_TRUE(std::filesystem::exists(dir / "f.tmp-notes"));
}

TEST(Checkpoints, TheLastNAreKept) {
  const Scratch dir;
  const Checkpoints c(dir.path(), 3);
  for (int step = 100; step <= 600; step += 100) c.save(step, sample());
  EXPECT_EQ(c.steps(), (std::vector<std::int64_t>{400, 500, 600}));
  EXPECT_EQ(files_in(dir.path()), 3u);
}

TEST(Checkpoints, AFolderThatIsNotThereIsMade) {
  const Scratch dir;
  const Checkpoints c(dir / "run" / "checkpoints");
  EXPECT_FALSE(c.load_newest("checkpoint", 1));
  c.save(100, sample());
  EXPECT_EQ(c.load_newest("checkpoint", 1)->step, 100);
}

TEST(Checkpoints, ADamagedNewestIsPassedOverWithAWarning) {
  const Scratch dir;
  const Checkpoints c(dir.path(), 3);
  c.save(100, sample());
  c.save(200, sample());
  std::filesystem::resize_file(c.path_of(200), 50);
  const auto loaded = c.load_newest("checkpoint", 1);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->step, 100);
  ASSERT_EQ(loaded->warnings.size(), 1u);
  EXPECT_NE(loaded->warnings[0].find("step_000000000200.ckpt"), std::string::npos);
  c.save(150, sample());  // the resumed run overtakes the damaged file
  EXPECT_EQ(c.steps(), (std::vector<std::int64_t>{100, 150}));
}

TEST(Checkpoints, NoneIsNothingAndOnlyDamagedOnesAreAnError) {
  const Scratch dir;
  const Checkpoints c(dir.path(), 3);
  EXPECT_FALSE(c.load_newest("checkpoint", 1));
  put(c.path_of(5), "not a checkpoint");
  EXPECT_THROW(c.load_newest("checkpoint", 1), Error);
}

TEST(Checkpoints, AFullDiskLeavesTheLastGoodOne) {
  const Scratch dir;
  const Checkpoints c(dir.path(), 1);
  c.save(100, sample());
  const int code = with_file_limit(300, [&] {
    try {
      c.save(200, sample(2));
    } catch (const Error&) {
      return 7;
    }
    return 0;
  });
  EXPECT_EQ(code, 7);
  EXPECT_EQ(c.load_newest("checkpoint", 1)->step, 100);
  EXPECT_EQ(files_in(dir.path()), 1u);
}

TEST(Checkpoints, KilledWhileWritingTheLastGoodOneIsThere) {
  const Scratch dir;
  const Checkpoints c(dir.path(), 2);
  for (int attempt = 0; attempt < 20; ++attempt) {
    const pid_t child = ::fork();
    if (child == 0)
      for (std::int64_t step = 1;; ++step) c.save(step, sample(static_cast<int>(step)));
    ::usleep(static_cast<useconds_t>(3000 + 700 * attempt));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    const auto loaded = c.load_newest("checkpoint", 1);
    if (c.steps().empty()) continue;  // killed before the first was there
    ASSERT_TRUE(loaded && loaded->warnings.empty());
    ASSERT_EQ(loaded->archive.get<float>("policy/w0")[0], 1.5f * static_cast<float>(loaded->step));
  }
  EXPECT_FALSE(c.steps().empty());
}

}  // namespace
}  // namespace hardy::run
