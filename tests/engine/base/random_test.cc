#include "engine/base/random.h"

#include <gtest/gtest.h>

namespace hardy {
namespace {

TEST(Philox, EqualsTheReferenceVectors) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, 0, 0), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, 0xffffffff, 0xffffffff),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(SplitMix64, BeginsAsPublishedForSeedOne) {
  SplitMix64 random(1);
  EXPECT_DOUBLE_EQ(random.uniform(), 0.5665615751722809);
  EXPECT_DOUBLE_EQ(random.uniform(), 0.7457817572627011);
  EXPECT_DOUBLE_EQ(random.uniform(), 0.9710027535867962);
}

}  // namespace
}  // namespace hardy
