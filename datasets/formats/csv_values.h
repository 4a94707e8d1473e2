// The numbers of a text file, field by field: text is parsed once, row by row, and columns are asked for in
// any order. Beyond some megabytes they wait in an unnamed file in the folder for temporary files, so that
// memory does not grow with the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "datasets/formats/csv_text.h"
#include "datasets/formats/spool.h"

namespace hardy::datasets {

class CsvValues {
 public:
  CsvValues(std::size_t fields, std::string path);  // path: of the text, for errors
  // A row's values, one after the other.
  void put(std::size_t field, const CsvValue& value);
  void end_row();
  std::int64_t rows() const { return rows_; }
  void finish();  // after the last row
  // Rows [first, first + rows) of a field, `stride` bytes apart, as float64, truth values, or int64, which
  // only a field of integers and truth values can be.
  void read(std::size_t field, ArrayType type, std::int64_t first, std::int64_t rows, std::byte* to,
            std::size_t stride) const;

 private:
  void flush();

  std::size_t fields_;
  std::string path_;
  std::int64_t block_;                  // rows
  Bytes values_;                        // of the block that is being filled: 8 bytes each, int64 or float64
  std::vector<std::uint8_t> integral_;  // by field: which of the two
  std::optional<Spool> spool_;  // the blocks before, where there are any: `block_` rows of a field each
  std::vector<bool> integral_blocks_;
  std::int64_t rows_ = 0;
};

}  // namespace hardy::datasets
