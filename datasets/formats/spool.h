// A column's rows in an unnamed file, for a format that needs all of one column before it can write any row.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "datasets/store.h"

namespace hardy::datasets {

class Spool {
 public:
  Spool(Column column, const std::filesystem::path& folder);  // where the file lies
  Spool(Spool&& o) noexcept;
  Spool& operator=(Spool&&) = delete;
  ~Spool();

  const Column& column() const { return column_; }
  std::int64_t rows() const;  // that have come

  void append(std::span<const std::byte> rows, const std::string& where);
  Array read(std::int64_t first, std::int64_t count) const;

 private:
  Column column_;
  int file_ = -1;
  std::uint64_t bytes_ = 0;
};

}  // namespace hardy::datasets
