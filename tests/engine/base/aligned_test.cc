#include "engine/base/aligned.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace hardy {
namespace {

TEST(AlignedMemory, IsZeroedAndBeginsACacheLineAtEverySize) {
  for (std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{64}, std::size_t{65},
                            std::size_t{1} << 20, (std::size_t{5} << 20) + 3}) {
    const AlignedMemory<unsigned char> memory(static_cast<unsigned char*>(allocate_zeroed(bytes)));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.get()) % kCacheLine, 0u) << bytes;
    EXPECT_TRUE(std::all_of(memory.get(), memory.get() + bytes, [](unsigned char x) { return x == 0; }))
        << bytes;
  }
}

TEST(AlignedMemory, BeginsALargePageFromAMebibyteOn) {
  const AlignedMemory<void> memory(allocate_zeroed(std::size_t{3} << 20));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.get()) % (std::size_t{2} << 20), 0u);
}

}  // namespace
}  // namespace hardy
