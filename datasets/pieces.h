// Columns read piece by piece, as float64 whatever they are stored as (exact for float32 and integers up to
// 2^53): what statistics, checks and corruption work on.
#pragma once

#include <algorithm>
#include <vector>

#include "datasets/store.h"

namespace hardy::datasets {

inline constexpr std::int64_t kPieceRows = 16384;

// Elements of a numeric type as float64, and back into float32 or float64 (rounded).
void load_doubles(ArrayType type, const std::byte* from, std::size_t count, double* to);
void store_doubles(ArrayType type, const double* from, std::size_t count, std::byte* to);

std::vector<double> read_doubles(Reader& reader, const Column& column, std::int64_t first, std::int64_t rows);

// body(first row, number of rows), over all rows in order.
template <class Body>
void for_pieces(std::int64_t rows, Body&& body) {
  for (std::int64_t first = 0; first < rows; first += kPieceRows)
    body(first, std::min(kPieceRows, rows - first));
}

}  // namespace hardy::datasets
