// What a corrupted file says about its corruption, under hardy/corruption/:
//
//   manifest                JSON: settings, elements, version, SHA-256 of the input file, of its columns and
//   of
//                           its attributes, the columns' stored types and shapes
//   <element>/rows          int64 [n], ascending: the rows that were attacked
//   <element>/before        [n, ...]: what they held, in the column's own type
//   <element>/copy_rows     likewise the next_observations that follow attacked observations, where both
//   <element>/copy_before   copies of a state were changed
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "datasets/corruption/corrupt.h"
#include "datasets/corruption/corrupt_plan.h"
#include "engine/run/sha256.h"

namespace hardy::datasets {

inline constexpr const char* kCorruptionRecord = "hardy/corruption/";
inline constexpr const char* kCorruptionAttribute =
    "hardy_corruption";  // the manifest, for those who only look
bool is_record(const std::string& key);
std::string record_key(Element element, const char* part);  // "hardy/corruption/actions/rows"

// SHA-256 of a column: of its elements as they are in memory, of text with each one's length before it.
class ColumnHash {
 public:
  void add(std::span<const std::byte> elements) { hash_.add(elements.data(), elements.size()); }
  void add(const Array& whole);
  std::string hex() { return hash_.hex(); }

 private:
  run::Sha256 hash_;
};
std::string described_as_stored(const Column& column);  // "int16 [1000, 3]"

nlohmann::json corruption_manifest(Reader& reader);  // null where there is none; an Error where it is no JSON

// The rows that a list of the record names; empty where the record has no such list. Errors: not ascending,
// outside the file.
RowSet recorded_rows(Reader& reader, Element element, const char* part, std::int64_t rows);
// All rows of a column that the record says were changed.
RowSet changed_rows(Reader& reader, const std::string& column, std::int64_t rows);

}  // namespace hardy::datasets
