// What a corrupted file says about its corruption, under hardy/corruption/:
//
//   manifest                JSON: settings, elements, version, SHA-256 of the input file and of its columns
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

namespace hardy::datasets {

inline constexpr const char* kCorruptionRecord = "hardy/corruption/";
bool is_record(const std::string& key);
std::string record_key(Element element, const char* part);  // "hardy/corruption/actions/rows"

nlohmann::json corruption_manifest(Reader& reader);  // null where there is none; an Error where it is no JSON

// The rows that a list of the record names; empty where the record has no such list. Errors: not ascending,
// outside the file.
RowSet recorded_rows(Reader& reader, Element element, const char* part, std::int64_t rows);
// All rows of a column that the record says were changed.
RowSet changed_rows(Reader& reader, const std::string& column, std::int64_t rows);

}  // namespace hardy::datasets
