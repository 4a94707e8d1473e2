#include "engine/base/threads.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "engine/base/error.h"
#include "tests/engine/count_allocations.h"

namespace hardy {
namespace {

TEST(ThreadTeam, RunsEveryTaskOnce) {
  for (int threads : {1, 2, 3, 5}) {
    ThreadTeam team(threads);
    for (std::int64_t tasks : {0, 1, 2, 3, 4, 7, 100}) {
      std::vector<int> done(static_cast<std::size_t>(tasks), 0);
      team.run(tasks, [&](std::int64_t i) { ++done[static_cast<std::size_t>(i)]; });
      EXPECT_EQ(done, std::vector<int>(static_cast<std::size_t>(tasks), 1))
          << threads << " threads, " << tasks << " tasks";
    }
  }
}

TEST(ThreadTeam, AThreadThatIsThroughGoesOnWithTheOthersTasks) {
  ThreadTeam team(2);
  std::atomic<int> others{0};
  team.run(100, [&](std::int64_t i) {
    if (i > 0) ++others;
    while (i == 0 && others.load() < 99) std::this_thread::yield();  // holds its thread until all is done
  });
  EXPECT_EQ(others.load(), 99);
}

TEST(ThreadTeam, CutsARangeAtPlacesThatDoNotDependOnItsSize) {
  const auto cuts = [](int threads) {
    ThreadTeam team(threads);
    std::vector<std::int64_t> end_of(10, -1);
    team.for_range(95, 10, [&](std::int64_t begin, std::int64_t end) {
      end_of[static_cast<std::size_t>(begin / 10)] = end;
    });
    return end_of;
  };
  EXPECT_EQ(cuts(1), (std::vector<std::int64_t>{10, 20, 30, 40, 50, 60, 70, 80, 90, 95}));
  for (int threads : {2, 3, 4}) EXPECT_EQ(cuts(threads), cuts(1));
}

TEST(ThreadTeam, WhatARunWroteIsSeenByTheNext) {
  ThreadTeam team(3);
  std::vector<std::int64_t> now(64, 0), next(64, 0);
  for (int round = 0; round < 2000; ++round) {
    team.run(64, [&](std::int64_t i) {
      next[static_cast<std::size_t>(i)] = now[static_cast<std::size_t>((i * 7 + 1) % 64)] + 1;
    });
    team.run(64, [&](std::int64_t i) {
      now[static_cast<std::size_t>(63 - i)] = next[static_cast<std::size_t>(63 - i)];
    });
  }
  EXPECT_EQ(now, std::vector<std::int64_t>(64, 2000));
}

// More threads than cores, and work so small that most of them come too late: each task once, in its own
// round.
TEST(ThreadTeam, AThreadThatComesTooLateTakesNothingOfTheNextRound) {
  ThreadTeam team(6);
  for (std::int64_t round = 1; round <= 30000; ++round) {
    std::atomic<std::int64_t> sum{0};
    const std::int64_t tasks = 2 + round % 7;
    team.run(tasks, [&](std::int64_t i) { sum.fetch_add(round + i, std::memory_order_relaxed); });
    ASSERT_EQ(sum.load(), tasks * round + tasks * (tasks - 1) / 2);
  }
}

TEST(ThreadTeam, RunAllocatesNothing) {
  ThreadTeam team(2);
  std::int64_t sum[2] = {};
  team.run(2, [&](std::int64_t i) { sum[i] += i; });
  const std::int64_t before = test::allocations();
  for (int round = 0; round < 100; ++round) team.run(2, [&](std::int64_t i) { sum[i] += i; });
  EXPECT_EQ(test::allocations(), before);
  EXPECT_EQ(sum[1], 101);
}

TEST(ThreadTeam, NeedsAThread) { EXPECT_THROW(ThreadTeam(0), Error); }

// The allocator of AddressSanitizer is not one that a fork may meet at work.
TEST(ThreadTeam, AProcessThatIsForkedBesideAFreshTeamCanAllocate) {
  for (int i = 0; i < 200; ++i) {
    const ThreadTeam team(4);
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(10);
      for (std::size_t n = 1; n < 100; ++n) std::vector<char>(37 * n).back() = 1;
      ::_exit(0);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0) << "team " << i;
  }
}

}  // namespace
}  // namespace hardy
