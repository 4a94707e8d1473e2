#include "engine/device/row_feed.h"

#include <gtest/gtest.h>

#include "tests/engine/base/refusal.h"
#include "tests/engine/device/no_device.h"

namespace hardy::device {
namespace {

TEST(RowFeed, TakesAsManyTablesAsALaunchAndRefusesOneMore) {
  const RegisterLaunch registration("backend_rows", kPutRows, [](Stream&, const NewRows&) {});
  test::NoDevice device("backend_rows");
  constexpr std::int64_t kAgents = 2, kCapacity = 3, kWidth = 4;
  std::vector<std::vector<float>> memory(NewRows::kMostTables + 1,
                                         std::vector<float>(kAgents * kCapacity * kWidth));
  std::int32_t rows = 0;
  const auto feed_of = [&](std::size_t count) {
    std::vector<RowFeed::Table> tables;
    for (std::size_t i = 0; i < count; ++i) tables.push_back({memory[i].data(), kWidth});
    Mirror mirror(device);
    const RowFeed feed(mirror, tables, kAgents, kCapacity, &rows);
  };
  EXPECT_NO_THROW(feed_of(NewRows::kMostTables));
  EXPECT_EQ(test::refusal([&] { feed_of(NewRows::kMostTables + 1); }),
            "feed of new rows: 7 tables are more than a launch puts rows into; at most 6");
}

}  // namespace
}  // namespace hardy::device
