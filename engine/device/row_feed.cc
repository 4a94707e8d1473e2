#include "engine/device/row_feed.h"

#include <cstring>

#include "engine/base/error.h"

namespace hardy::device {

RowFeed::RowFeed(Mirror& mirror, const std::vector<Table>& tables, std::int64_t agents, std::int64_t capacity,
                 std::int32_t* rows)
    : mirror_(mirror), tables_(tables), rows_(rows), launch_(find_launch(mirror.device(), kPutRows)) {
  if (tables.size() > NewRows::kMostTables)
    throw Error(std::to_string(tables.size()) + " tables are more than a launch puts rows into",
                "feed of new rows", "at most " + std::to_string(NewRows::kMostTables));
  told_.agents = agents;
  told_.capacity = capacity;
  std::int64_t before = 0;
  for (const Table& t : tables_) {
    told_.tables[told_.count++] = {static_cast<std::uint32_t*>(mirror.place(t.host, bytes(t))), t.width,
                                   before};
    before += t.width;
  }
  told_.numbers = agents * before;
  told_.rows = mirror.place_of(rows, 1);
  Device& device = mirror.device();
  blocks_ =
      allocate_pinned(device, kBlocks * static_cast<std::size_t>(told_.numbers) * sizeof(std::uint32_t));
  while (read_.size() < kBlocks) read_.push_back(device.event());
}

void RowFeed::put(std::int64_t row) {
  Event& read = *read_[next_];
  if (!read.reached()) read.wait();
  auto* const block =
      static_cast<std::uint32_t*>(blocks_.get()) + next_ * static_cast<std::size_t>(told_.numbers);
  auto* to = block;
  for (const Table& t : tables_)
    for (std::int64_t a = 0; a < told_.agents; ++a, to += t.width)
      std::memcpy(to, static_cast<const std::uint32_t*>(t.host) + (a * told_.capacity + row) * t.width,
                  static_cast<std::size_t>(t.width) * sizeof *to);
  NewRows now = told_;
  now.row = row;
  now.block = block;
  now.filled = *rows_;
  launch_(mirror_.stream(), now);
  mirror_.stream().record(read);
  next_ = (next_ + 1) % kBlocks;
}

void RowFeed::put_all() {
  for (const Table& t : tables_) mirror_.upload(t.host, bytes(t));
  mirror_.upload(rows_, sizeof *rows_);
}

void RowFeed::bring_all() {
  for (const Table& t : tables_) mirror_.download(t.host, bytes(t));
  mirror_.download(rows_, sizeof *rows_);
}

}  // namespace hardy::device
