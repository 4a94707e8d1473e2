#include "datasets/walk.h"

#include <algorithm>
#include <utility>

#include "datasets/pieces.h"

namespace hardy::datasets {
namespace {

constexpr std::int64_t kMostRows = 65536, kFewestRows = 1024, kMostBytes = std::int64_t{32} << 20;

}  // namespace

WalkedColumns columns_of(const Reader& reader) {
  return {reader.find("observations"),
          reader.find("next_observations"),
          reader.find("actions"),
          reader.find("rewards"),
          reader.find("terminals"),
          reader.find("timeouts"),
          reader.column("observations").rows()};
}

void walk(Reader& reader, const WalkedColumns& columns, const std::function<void(const RowPiece&)>& see) {
  RowPiece piece;
  const std::pair<const Column*, std::vector<double>*> all[] = {
      {columns.observations, &piece.observations}, {columns.next_observations, &piece.next_observations},
      {columns.actions, &piece.actions},           {columns.rewards, &piece.rewards},
      {columns.terminals, &piece.terminals},       {columns.timeouts, &piece.timeouts}};
  std::int64_t width = 1;
  for (const auto& [column, values] : all)
    if (column) width += column->row_elements();
  const std::int64_t most = std::clamp<std::int64_t>(kMostBytes / 8 / width, kFewestRows, kMostRows);
  Bytes raw;
  for (piece.first = 0; piece.first < columns.rows; piece.first += piece.rows) {
    piece.rows = std::min(most, columns.rows - piece.first);
    piece.last = piece.first + piece.rows == columns.rows;
    for (const auto& [column, values] : all) {
      if (!column) continue;
      raw.resize(static_cast<std::size_t>(piece.rows) * column->row_bytes());
      reader.read(*column, piece.first, piece.rows, raw);
      values->resize(static_cast<std::size_t>(piece.rows * column->row_elements()));
      load_doubles(column->type, raw.data(), values->size(), values->data());
    }
    see(piece);
  }
}

}  // namespace hardy::datasets
