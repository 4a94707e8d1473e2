#include "datasets/corruption/corruption_patch.h"

#include <algorithm>

#include "datasets/corruption/corruption_record.h"
#include "datasets/pieces.h"
#include "engine/base/error.h"
#include "engine/base/json.h"

namespace hardy::datasets {
namespace {

const Column& lookup(Reader& in, const std::string& key) {
  const Column* found = in.find(key);
  if (!found) throw Error("is missing from the record", in.path() + " /" + key);
  return *found;
}

}  // namespace

Patch::Patch(Reader& in, const std::string& rows_key, const std::string& before_key, const Column& column)
    : in_(in), rows_(lookup(in, rows_key)), before_(lookup(in, before_key)), row_bytes_(column.row_bytes()) {
  if (rows_.type != ArrayType::kI64 || rows_.shape.size() != 1 || before_.type != column.type ||
      before_.rows() != rows_.rows() || before_.row_bytes() != row_bytes_)
    throw Error(
        "does not fit: " + rows_.describe() + " with " + before_.describe() + " for " + column.describe(),
        in.where(before_));
}

void Patch::apply(std::int64_t first, std::int64_t n, std::byte* piece) {
  for (; !done(); ++next_) {
    const std::int64_t row = list_[static_cast<std::size_t>(next_ - begin_)];
    if (row >= first + n) return;
    if (row < first) wrong(row);
    std::copy_n(values_.data() + static_cast<std::size_t>(next_ - begin_) * row_bytes_, row_bytes_,
                piece + static_cast<std::size_t>(row - first) * row_bytes_);
  }
}

void Patch::finish() {
  if (!done()) wrong(list_[static_cast<std::size_t>(next_ - begin_)]);
}

bool Patch::done() {  // reads on where a stretch of the list is used up
  if (next_ == rows_.rows()) return true;
  if (next_ < begin_ + static_cast<std::int64_t>(list_.size())) return false;
  begin_ = next_;
  const std::int64_t n = std::min(kPieceRows, rows_.rows() - next_);
  list_.resize(static_cast<std::size_t>(n));
  values_.resize(static_cast<std::size_t>(n) * row_bytes_);
  in_.read(rows_, begin_, n, std::as_writable_bytes(std::span(list_)));
  in_.read(before_, begin_, n, values_);
  return false;
}

void Patch::wrong(std::int64_t row) const {
  throw Error("names row " + std::to_string(row) + ", which is not in order or not in the file",
              in_.where(rows_));
}

std::vector<Patch> patches_of(Reader& in, const nlohmann::json& manifest, const Column& column) {
  std::vector<Patch> patches;
  if (manifest.is_null()) return patches;
  for (const auto& e : manifest.at("elements")) {
    const Element element = element_named(e.at("element").get<std::string>());
    if (column_of(element) == column.key)
      patches.emplace_back(in, record_key(element, "rows"), record_key(element, "before"), column);
    if (column.key == "next_observations" && in.find(record_key(element, "copy_rows")))
      patches.emplace_back(in, record_key(element, "copy_rows"), record_key(element, "copy_before"), column);
  }
  return patches;
}

}  // namespace hardy::datasets
