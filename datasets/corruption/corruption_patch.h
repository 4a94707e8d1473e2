// What the record says that attacked rows held, laid back over a column piece by piece.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "datasets/corruption/corrupt.h"

namespace hardy::datasets {

// One list of rows with their values; pieces come in row order. Errors: a list that does not fit its column.
class Patch {
 public:
  Patch(Reader& in, const std::string& rows_key, const std::string& before_key, const Column& column);
  void apply(std::int64_t first, std::int64_t n, std::byte* piece);
  void finish();                                               // errors where rows were left over
  StoredAsPtr stored_as() const { return before_.stored_as; }  // of the column before it was attacked

 private:
  bool done();
  [[noreturn]] void wrong(std::int64_t row) const;

  Reader& in_;
  const Column &rows_, &before_;
  std::size_t row_bytes_;
  std::int64_t begin_ = 0, next_ = 0;  // of the list: where what is read begins; the first not laid back
  std::vector<std::int64_t> list_;
  Bytes values_;
};

// All lists that concern a column; none where the manifest is null.
std::vector<Patch> patches_of(Reader& in, const nlohmann::json& manifest, const Column& column);

}  // namespace hardy::datasets
