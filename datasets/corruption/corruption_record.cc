#include "datasets/corruption/corruption_record.h"

#include "datasets/pieces.h"
#include "engine/base/error.h"
#include "engine/base/json.h"

namespace hardy::datasets {

bool is_record(const std::string& key) { return key.starts_with(kCorruptionRecord); }

void ColumnHash::add(const Array& whole) {
  add(std::span<const std::byte>(whole.bytes));
  for (const std::string& s : whole.strings) {
    const std::string length = std::to_string(s.size()) + ":";
    hash_.add(length.data(), length.size());
    hash_.add(s.data(), s.size());
  }
}

std::string described_as_stored(const Column& column) {
  std::string text = stored_name(column.type, column.stored_as) + " [";
  for (std::size_t i = 0; i < column.shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(column.shape[i]);
  return text + "]";
}

std::string record_key(Element element, const char* part) {
  return kCorruptionRecord + name_of(element) + "/" + part;
}

nlohmann::json corruption_manifest(Reader& reader) {
  const Column* column = reader.find(std::string(kCorruptionRecord) + "manifest");
  if (!column) return nullptr;
  const Array text = reader.read(*column);
  nlohmann::json manifest =
      text.strings.empty() ? nlohmann::json() : nlohmann::json::parse(text.strings[0], nullptr, false);
  if (!manifest.is_object() || !manifest.contains("elements") || !manifest.at("elements").is_array())
    throw Error("is no corruption manifest", reader.where(*column));
  for (const auto& e : manifest.at("elements"))
    if (!e.is_object() || !e.contains("element") || !e.at("element").is_string())
      throw Error("names an element that is none", reader.where(*column));
  return manifest;
}

RowSet recorded_rows(Reader& reader, Element element, const char* part, std::int64_t rows) {
  RowSet set(rows);
  const Column* column = reader.find(record_key(element, part));
  if (!column) return set;
  if (column->type != ArrayType::kI64 || column->shape.size() != 1)
    throw Error("is " + column->describe() + ", not a list of int64 rows", reader.where(*column));
  std::int64_t last = -1;
  for_pieces(column->rows(), [&](std::int64_t first, std::int64_t n) {
    std::vector<std::int64_t> piece(static_cast<std::size_t>(n));
    reader.read(*column, first, n, std::as_writable_bytes(std::span(piece)));
    for (const std::int64_t row : piece) {
      if (row <= last || row >= rows)
        throw Error("names row " + std::to_string(row) + " after row " + std::to_string(last) + " of " +
                        std::to_string(rows),
                    reader.where(*column));
      set.add(last = row);
    }
  });
  return set;
}

RowSet changed_rows(Reader& reader, const std::string& column, std::int64_t rows) {
  RowSet all(rows);
  const auto take = [&](const RowSet& set) {
    for (std::int64_t row = 0; row < rows; ++row)
      if (set.has(row)) all.add(row);
  };
  for (const Element e : all_elements()) {
    if (column_of(e) == column) take(recorded_rows(reader, e, "rows", rows));
    if (column == "next_observations") take(recorded_rows(reader, e, "copy_rows", rows));
  }
  return all;
}

}  // namespace hardy::datasets
