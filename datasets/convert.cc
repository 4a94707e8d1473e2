#include "datasets/convert.h"

#include <algorithm>

#include "datasets/attributes.h"

namespace hardy::datasets {

void copy_dataset(Reader& reader, Writer& writer) {
  constexpr std::size_t kPieceBytes = 8 << 20;
  Bytes piece;
  for (const Column& c : reader.columns()) {
    if (c.type == ArrayType::kString || c.shape.empty()) {
      writer.put(c.key, reader.read(c));
      continue;
    }
    writer.declare(c);
    const std::size_t row = std::max<std::size_t>(c.row_bytes(), 1);
    const auto rows = static_cast<std::int64_t>(std::max<std::size_t>(kPieceBytes / row, 1));
    for (std::int64_t at = 0; at < c.rows(); at += rows) {
      const std::int64_t n = std::min(rows, c.rows() - at);
      piece.resize(static_cast<std::size_t>(n) * c.row_bytes());
      reader.read(c, at, n, piece);
      writer.append(c.key, piece);
    }
  }
  writer.set_attributes(reader.all_attributes());
  writer.commit();
}

}  // namespace hardy::datasets
