#include "engine/comm/ranks.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/comm/agree.h"
#include "engine/comm/bytes.h"
#include "tests/engine/comm/thread_ranks.h"

namespace hardy::test {
namespace {

TEST(Ranks, OneProcessIsAloneAndItsCallsChangeNothing) {
  comm::Ranks& one = comm::alone();
  EXPECT_EQ(one.rank(), 0);
  EXPECT_EQ(one.size(), 1);
  std::array<std::byte, 2> bytes{std::byte{3}, std::byte{4}};
  one.gather(bytes);
  one.broadcast(bytes);
  one.barrier();
  EXPECT_EQ(bytes, (std::array{std::byte{3}, std::byte{4}}));
  EXPECT_TRUE(comm::any(one, true));
  EXPECT_FALSE(comm::any(one, false));
  const comm::Share all = comm::share_of(one, 6);
  EXPECT_EQ(all.first, 0);
  EXPECT_EQ(all.last, 6);
}

TEST(Ranks, ThreadsWhatIsTrueOfOneIsKnownToAll) {
  std::atomic<int> wrong = 0;
  for (int who = -1; who < 3; ++who)
    ThreadRanks::run(
        3, [&](comm::Ranks& ranks) { wrong += comm::any(ranks, ranks.rank() == who) != (who >= 0); });
  EXPECT_EQ(wrong, 0);
}

TEST(Ranks, ThreadsBytesOfAnySizesComeByRank) {
  std::atomic<int> wrong = 0;
  ThreadRanks::run(4, [&](comm::Ranks& ranks) {
    const std::string mine(static_cast<std::size_t>(3 * ranks.rank()), static_cast<char>('a' + ranks.rank()));
    const auto all = comm::gather_all(ranks, std::as_bytes(std::span(mine)));
    for (std::size_t r = 0; r < 4; ++r) {
      const std::string theirs(reinterpret_cast<const char*>(all[r].data()), all[r].size());
      wrong += theirs != std::string(3 * r, static_cast<char>('a' + r));
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST(Ranks, ThreadsHaveTheTextOfTheFirst) {
  std::atomic<int> wrong = 0;
  for (const std::string first : {"", "a longer one"})
    ThreadRanks::run(3, [&](comm::Ranks& ranks) {
      wrong += comm::from_first(ranks, ranks.first() ? first : "another") != first;
    });
  EXPECT_EQ(wrong, 0);
}

TEST(Ranks, ThreadsSharesFollowOneAnother) {
  std::atomic<int> wrong = 0;
  for (const std::int64_t n : {0, 2, 12, 13})
    ThreadRanks::run(3, [&](comm::Ranks& ranks) {
      const comm::Share share = comm::share_of(ranks, n);
      const std::vector<std::size_t> bounds = comm::bounds_of(ranks, static_cast<std::size_t>(n));
      const auto rank = static_cast<std::size_t>(ranks.rank());
      wrong += share.first != static_cast<std::int64_t>(bounds[rank]);
      wrong += share.last != static_cast<std::int64_t>(bounds[rank + 1]);
      wrong += bounds.front() != 0 || bounds.back() != static_cast<std::size_t>(n);
      wrong += share.last - share.first != n / 3 && share.last - share.first != n / 3 + 1;
    });
  EXPECT_EQ(wrong, 0);
}

struct Word {
  std::string text;
  std::vector<std::vector<int>> numbers;
  bool operator==(const Word&) const = default;
};
template <class Part>
void each_part(comm::Of<Word> auto& w, const Part& part) {
  part(w.text);
  part(w.numbers);
}

TEST(Ranks, ThreadsWhatEachHasOfAWholeAllHave) {
  std::vector<Word> whole;
  for (int i = 0; i < 5; ++i) {
    const auto n = static_cast<std::size_t>(i);
    whole.push_back({std::string(n, 'x'), {std::vector<int>(n, i), {}}});
  }
  std::atomic<int> wrong = 0;
  for (const int size : {1, 2, 7})
    ThreadRanks::run(size, [&](comm::Ranks& ranks) {
      const std::vector<std::size_t> bounds = comm::bounds_of(ranks, whole.size());
      std::vector<Word> mine(whole.size());
      const auto rank = static_cast<std::size_t>(ranks.rank());
      for (std::size_t i = bounds[rank]; i < bounds[rank + 1]; ++i) mine[i] = whole[i];
      comm::exchange(ranks, std::span(mine), bounds);
      wrong += mine != whole;
    });
  EXPECT_EQ(wrong, 0);
}

TEST(Ranks, BytesThatAreNotWholeAreRefused) {
  comm::Packer packer;
  packer.put(Word{"text", {{1, 2}, {3}}});
  for (std::size_t n = 0; n < packer.bytes.size(); ++n) {
    Word word;
    comm::Unpacker cut(std::span(packer.bytes).first(n));
    EXPECT_THROW(cut.get(word), Error) << n;
  }
  Word word;
  comm::Unpacker whole(packer.bytes);
  whole.get(word);
  EXPECT_TRUE(whole.at_end());
  EXPECT_EQ(word, (Word{"text", {{1, 2}, {3}}}));
}

class LaunchTest : public ::testing::Test {
 protected:
  ~LaunchTest() override {
    ::unsetenv("OMPI_COMM_WORLD_RANK");
    ::unsetenv("OMPI_COMM_WORLD_SIZE");
  }
  static comm::Launch launched_with(const char* rank, const char* size) {
    ::setenv("OMPI_COMM_WORLD_RANK", rank, 1);
    ::setenv("OMPI_COMM_WORLD_SIZE", size, 1);
    return comm::launch();
  }
};
TEST_F(LaunchTest, IsWhatTheLauncherSaysAndOneProcessWhereItSaysNothing) {
  EXPECT_EQ(comm::launch().size, 1);
  EXPECT_EQ(launched_with("2", "4").rank, 2);
  EXPECT_EQ(launched_with("2", "4").size, 4);
  EXPECT_EQ(launched_with("0", "1").size, 1);
  for (const char* rank : {"4", "-1"}) EXPECT_EQ(launched_with(rank, "4").size, 1) << rank;
  EXPECT_EQ(launched_with("1", "many").size, 1);
}

TEST_F(LaunchTest, WithoutALauncherNothingOfMpiIsLoaded) {
  EXPECT_EQ(&comm::launched(), &comm::alone());
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) EXPECT_EQ(line.find("libmpi"), std::string::npos) << line;
}

}  // namespace
}  // namespace hardy::test
