// Steps side by side: what a step waits for, from the memory that steps touch.
#include "engine/graph/branches.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/base/random.h"

namespace hardy::graph {
namespace {

using Accesses = std::vector<std::vector<Access>>;
using Waits = std::vector<std::vector<std::size_t>>;

struct Steps {
  std::vector<int> branch;
  Accesses accesses;
};
Steps some_steps(std::uint64_t seed) {
  const Random random(seed, RandomStream::kUser);
  std::uint64_t next = 0;
  const auto draw = [&](std::uint32_t below) { return random.integer(next++, below); };
  Steps s;
  for (int i = 0; i < 40; ++i) {
    s.branch.push_back(static_cast<int>(draw(4)));
    s.accesses.emplace_back();
    for (int k = 0; k < 3; ++k) {
      const std::uintptr_t begin = 10 * draw(30);
      s.accesses.back().push_back({begin, begin + 1 + draw(15), k == 0});
    }
  }
  return s;
}

// [a][b]: a is over before b begins, step by step along branches and waits.
std::vector<std::vector<char>> closure(const std::vector<int>& branch, const Waits& waits) {
  const std::size_t n = branch.size();
  std::vector<std::vector<char>> over(n, std::vector<char>(n, 0));
  for (std::size_t b = 0; b < n; ++b)
    for (std::size_t a = 0; a < b; ++a)
      if (branch[a] == branch[b] || std::ranges::count(waits[b], a)) {
        over[a][b] = 1;
        for (std::size_t c = 0; c < a; ++c) over[c][b] = static_cast<char>(over[c][b] | over[c][a]);
      }
  return over;
}
// Every pair of which one writes what the other touches.
bool all_ordered(const Steps& s, const Waits& waits) {
  const auto over = closure(s.branch, waits);
  for (std::size_t b = 0; b < s.branch.size(); ++b)
    for (std::size_t a = 0; a < b; ++a)
      for (const Access& x : s.accesses[a])
        for (const Access& y : s.accesses[b]) {
          const bool apart = x.end <= y.begin || y.end <= x.begin;
          if (!apart && (x.writes || y.writes) && !over[a][b]) return false;
        }
  return true;
}

TEST(Branches, StepsThatTouchWhatAnotherWritesAreInOrderAndNoWaitIsTooMany) {
  int waits = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Steps s = some_steps(seed);
    Waits found = waits_of(s.branch, s.accesses);
    EXPECT_TRUE(all_ordered(s, found)) << "steps " << seed;
    for (std::size_t step = 0; step < found.size(); ++step)
      for (std::size_t k = 0; k < found[step].size(); ++k, ++waits) {
        Waits without = found;
        without[step].erase(without[step].begin() + static_cast<std::ptrdiff_t>(k));
        EXPECT_FALSE(all_ordered(s, without)) << "step " << step << " of steps " << seed;
      }
  }
  EXPECT_GT(waits, 100);
}

TEST(Branches, AnOrderHoldsWhatFollowsFromIt) {
  Order order(130);
  order.follows(1, 0);
  order.follows(129, 1);
  EXPECT_TRUE(order.precedes(0, 129));
  EXPECT_FALSE(order.precedes(2, 129));
  EXPECT_FALSE(order.precedes(129, 0));
  EXPECT_TRUE(Order().precedes(3, 4));
  EXPECT_FALSE(Order().precedes(4, 4));
}

}  // namespace
}  // namespace hardy::graph
