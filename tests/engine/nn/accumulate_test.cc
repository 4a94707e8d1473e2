#include "engine/nn/accumulate.h"

#include <gtest/gtest.h>

#include <vector>

#include "engine/base/threads.h"

namespace hardy::nn {
namespace {

TEST(Accumulator, TheMeanOfAllPassesStandsWhereTheLastWasWhateverTheThreads) {
  for (const int threads : {1, 3})
    for (const std::int64_t passes : {1, 2, 3, 5}) {
      std::vector<float> a(3), b(20000);  // more than one task takes
      Accumulator accumulator({{a.data(), 3}, {b.data(), 20000}}, passes);
      ThreadTeam team(threads);
      for (int round = 0; round < 2; ++round)  // the second step begins anew
        for (std::int64_t p = 0; p < passes; ++p) {
          for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>((p + 1) * passes) * 0.5f;
          for (std::size_t i = 0; i < b.size(); ++i)
            b[i] = static_cast<float>(passes * (static_cast<std::int64_t>(i) + p));
          accumulator.add(p, team);
        }
      // The means of (p + 1) n / 2 and n (i + p) over n passes.
      for (const float x : a) EXPECT_EQ(x, static_cast<float>(passes * (passes + 1)) / 4) << passes;
      for (std::size_t i = 0; i < b.size(); ++i)
        ASSERT_EQ(b[i],
                  static_cast<float>(passes * static_cast<std::int64_t>(i) + passes * (passes - 1) / 2));
    }
}

}  // namespace
}  // namespace hardy::nn
