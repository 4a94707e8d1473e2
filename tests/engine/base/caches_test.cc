// The caches that the system tells of, as products are cut by them.
#include "engine/base/caches.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace hardy {
namespace {

TEST(Caches, LevelsGrowAndAreNeverNothing) {
  const CacheSizes& c = cache_sizes();
  EXPECT_GE(c.l1, 4 << 10);
  EXPECT_GT(c.l2, c.l1);
  EXPECT_TRUE(c.l3 == 0 || c.l3 > c.l2) << c.l3;
  EXPECT_EQ(c.known, std::filesystem::exists("/sys/devices/system/cpu/cpu0/cache/index0/size"));
}

// The C library asks the processor itself.
TEST(Caches, ACoresOwnAreThoseOfTheProcessor) {
  const CacheSizes& c = cache_sizes();
  const std::int64_t l1 = sysconf(_SC_LEVEL1_DCACHE_SIZE), l2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
  if (!c.known || l1 <= 0 || l2 <= 0)
    GTEST_SKIP() << "skipped: the system or the C library does not tell the sizes";
  EXPECT_EQ(c.l1, l1);
  EXPECT_EQ(c.l2, l2);
}

}  // namespace
}  // namespace hardy
