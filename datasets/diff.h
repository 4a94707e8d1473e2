// What differs between two datasets, column by column, bit by bit. Read by pieces.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "datasets/store.h"

namespace hardy::datasets {

struct ColumnDifference {
  std::string column;  // or, of an attribute, "column @name", "@name" of the file's own
  std::string kind;    // "only in A", "only in B", "shape", "text", "values", "type", "attribute"
  std::string text;    // "float32 [1000, 11] and float32 [1000, 12]"
  std::int64_t rows_changed = 0, elements_changed = 0;
  double largest = 0, mean = 0;  // of |a - b| over the changed elements that are finite in both
  std::int64_t not_finite = 0;   // changed elements that are not finite in one of the two
  std::vector<std::int64_t> first_rows = {};
};

struct Difference {
  std::int64_t columns_compared = 0, attributes_compared = 0;
  std::vector<ColumnDifference> columns;  // those that differ
};
// Two values are equal where their bits are (so are equal NaNs; 0 and -0 are not). Columns of different types
// are compared as numbers; that their types in the file differ is a difference of its own.
Difference diff(Reader& a, Reader& b);

nlohmann::json to_json(const Difference& difference);

}  // namespace hardy::datasets
