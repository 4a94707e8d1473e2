// Sizes are counted without overflow and compared with the machine before anything is taken.
#include "engine/base/memory.h"

#include <gtest/gtest.h>

#include <limits>

#include "engine/base/error.h"

namespace hardy {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

TEST(Memory, ProductsAndSumsAreHeldAtTheLargestNumber) {
  EXPECT_EQ(bytes_of({3, 5, 4}), 60u);
  EXPECT_EQ(bytes_of({}), 1u);
  EXPECT_EQ(bytes_of({std::numeric_limits<std::int64_t>::max(), 0, 9}), 0u);
  EXPECT_EQ(bytes_of({std::int64_t{1} << 62, 2}), std::uint64_t{1} << 63);
  EXPECT_EQ(bytes_of({std::int64_t{1} << 62, 4}), kMost);
  EXPECT_EQ(bytes_of({9000000000000000000, 36}), kMost);
  EXPECT_EQ(bytes_together(kMost - 1, 1), kMost);
  EXPECT_EQ(bytes_together(kMost - 1, 2), kMost);
}

TEST(Memory, SizesAreWrittenInTheUnitThatFits) {
  EXPECT_EQ(bytes_text(0), "0 bytes");
  EXPECT_EQ(bytes_text(1023), "1023 bytes");
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(bytes_text(kMost), "16.0 EiB");
}

TEST(Memory, WhatDoesNotFitIsSaidWithWhatIsThere) {
  const MachineMemory m = machine_memory();
  if (m.available == 0) GTEST_SKIP() << "this system does not say what memory it has";
  EXPECT_LE(m.available, m.total);
  EXPECT_NO_THROW(require_memory(1, "a byte", "", ""));
  try {
    require_memory(std::uint64_t{1} << 60, "a table", "--rows 9", "give fewer");
    FAIL() << "it was found";
  } catch (const Error& e) {
    EXPECT_EQ(e.problem().find("a table takes 1.0 EiB, and this machine has "), 0u) << e.problem();
    EXPECT_NE(e.problem().find(" free of " + bytes_text(m.total)), std::string::npos) << e.problem();
    EXPECT_EQ(e.where(), "--rows 9");
    EXPECT_EQ(e.fix(), "give fewer");
    EXPECT_EQ(e.exit_code(), 2);
  }
}

}  // namespace
}  // namespace hardy
