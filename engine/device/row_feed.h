// New rows on their way into tables that grow on a device, a table a number of agents each (a replay's):
// those of all agents and tables are packed into one pinned block, which one launch reads and puts into
// place.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/device/launch.h"
#include "engine/device/mirror.h"

namespace hardy::device {

// What the launch is told. Numbers of tables are of 4 bytes each.
struct NewRows {
  static constexpr int kMostTables = 6;
  struct Table {
    std::uint32_t* memory;       // [agents, capacity, width]
    std::int64_t width, before;  // before: the widths of the tables before this one
  };
  Table tables[kMostTables] = {};
  std::int32_t count = 0;  // of tables
  std::int64_t agents = 0, capacity = 0, row = 0;
  const std::uint32_t* block = nullptr;  // pinned: each table's new rows [agents, width], in turn
  std::int64_t numbers = 0;              // in the block
  std::int32_t* rows = nullptr;          // how many the tables have, on the device
  std::int32_t filled = 0;               // what it becomes
};
inline constexpr LaunchName<const NewRows&> kPutRows{"put", "rows"};

class RowFeed {
 public:
  struct Table {
    void* host;
    std::int64_t width;
  };
  // An Error where there are more than NewRows::kMostTables. rows: how many they have, on the host. All get
  // places in the mirror.
  RowFeed(Mirror& mirror, const std::vector<Table>& tables, std::int64_t agents, std::int64_t capacity,
          std::int32_t* rows);

  // Row `row` of all agents and tables, as it is on the host now, and the count of rows; in the order of the
  // mirror's stream. The host waits only for a device that is kBlocks rows behind.
  void put(std::int64_t row);
  // Everything, to the device and from there.
  void put_all();
  void bring_all();

 private:
  static constexpr std::size_t kBlocks = 8;

  std::size_t bytes(const Table& t) const {
    return static_cast<std::size_t>(told_.agents * told_.capacity * t.width) * sizeof(std::uint32_t);
  }

  Mirror& mirror_;
  std::vector<Table> tables_;
  std::int32_t* rows_;
  NewRows told_;
  PinnedMemory blocks_;
  std::vector<std::unique_ptr<Event>> read_;  // by block: the launch is done with it
  std::size_t next_ = 0;
  Launch<const NewRows&> launch_;
};

}  // namespace hardy::device
