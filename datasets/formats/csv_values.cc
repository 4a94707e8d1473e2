#include "datasets/formats/csv_values.h"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

constexpr std::size_t kBlockBytes = 4 << 20;
constexpr std::int64_t kBlockRows = 4096;

std::int64_t block_of(std::size_t fields) {
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(kBlockBytes / 8 / fields), 1, kBlockRows);
}

}  // namespace

CsvValues::CsvValues(std::size_t fields, std::string path)
    : fields_(fields),
      path_(std::move(path)),
      block_(block_of(fields)),
      values_(fields * static_cast<std::size_t>(block_) * 8),
      integral_(fields, 1) {}

void CsvValues::put(std::size_t field, const CsvValue& v) {
  const std::int64_t row = rows_ % block_;
  if (row == 0 && field == 0 && rows_ > 0) flush();
  std::byte* first = values_.data() + field * static_cast<std::size_t>(block_) * 8;
  if (v.kind != CsvValue::Kind::kInteger && v.kind != CsvValue::Kind::kTruth && integral_[field]) {
    integral_[field] = 0;
    for (std::byte* at = first; at != first + 8 * row; at += 8) {
      std::int64_t n = 0;
      std::memcpy(&n, at, 8);
      const auto x = static_cast<double>(n);
      std::memcpy(at, &x, 8);
    }
  }
  std::memcpy(first + 8 * row, integral_[field] ? static_cast<const void*>(&v.integer) : &v.number, 8);
}

void CsvValues::end_row() { ++rows_; }

void CsvValues::finish() {
  if (spool_) flush();
  if (spool_)
    values_ = Bytes();
  else
    integral_blocks_.assign(integral_.begin(), integral_.end());
}

void CsvValues::flush() {
  if (!spool_) {
    std::error_code code;
    const std::filesystem::path folder = std::filesystem::temp_directory_path(code);
    if (code)
      throw Error("needs a folder for temporary files (" + code.message() + ")", path_, "set TMPDIR to one");
    spool_.emplace(Column{"values", ArrayType::kF64, {0, block_}}, folder);
  }
  spool_->append(values_, path_);
  integral_blocks_.insert(integral_blocks_.end(), integral_.begin(), integral_.end());
  std::fill(integral_.begin(), integral_.end(), std::uint8_t{1});
}

void CsvValues::read(std::size_t field, ArrayType type, std::int64_t first, std::int64_t rows, std::byte* to,
                     std::size_t stride) const {
  const std::int64_t end = first + rows;
  for (std::int64_t block = first / block_; block * block_ < end; ++block) {
    const std::size_t place = static_cast<std::size_t>(block) * fields_ + field;
    const Array held = spool_ ? spool_->read(static_cast<std::int64_t>(place), 1) : Array();
    const bool integral = integral_blocks_[place];
    const std::int64_t begin = std::max(first, block * block_);
    const std::byte* at =
        (spool_ ? held.bytes.data() : values_.data() + place * static_cast<std::size_t>(block_) * 8) +
        8 * (begin - block * block_);
    for (std::int64_t row = begin; row < std::min(end, (block + 1) * block_); ++row, at += 8, to += stride) {
      double number = 0;
      std::int64_t integer = 0;
      std::memcpy(integral ? static_cast<void*>(&integer) : &number, at, 8);
      if (integral) number = static_cast<double>(integer);
      if (type == ArrayType::kF64)
        std::memcpy(to, &number, 8);
      else if (type == ArrayType::kI64)
        std::memcpy(to, &integer, 8);
      else
        *to = std::byte{number != 0};
    }
  }
}

}  // namespace hardy::datasets
