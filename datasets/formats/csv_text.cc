#include "datasets/formats/csv_text.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>

#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

constexpr std::size_t kLongestLine = 16 << 20;

bool same_word(std::string_view text, std::string_view word) {
  return std::equal(text.begin(), text.end(), word.begin(), word.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

}  // namespace

bool CsvLines::next(std::string_view& line) {
  for (;;) {
    const std::string_view rest = std::string_view(buffer_).substr(at_);
    if (const std::size_t end = rest.find('\n'); end != std::string_view::npos) {
      line = rest.substr(0, end);
      at_ += end + 1;
      break;
    }
    if (ended_) {
      line = rest;
      at_ = buffer_.size();
      if (line.empty()) return false;
      break;
    }
    more();
  }
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return true;
}

void CsvLines::more() {
  buffer_.erase(0, at_);
  at_ = 0;
  if (buffer_.size() > kLongestLine) throw Error("has a line of more than 16 MiB", path_, "is it CSV?");
  const std::size_t had = buffer_.size();
  buffer_.resize(had + (1 << 18));
  const ssize_t n = ::pread(file_, buffer_.data() + had, buffer_.size() - had, static_cast<off_t>(offset_));
  if (n < 0) throw Error(std::string("cannot be read (") + std::strerror(errno) + ")", path_);
  buffer_.resize(had + static_cast<std::size_t>(n));
  offset_ += static_cast<std::uint64_t>(n);
  ended_ = n == 0;
}

bool CsvFields::next(std::string_view& field) {
  if (done_) return false;
  if (!left_.empty() && left_[0] == '"') {
    held_.clear();
    std::size_t i = 1;
    for (; i < left_.size(); ++i) {
      if (left_[i] != '"')
        held_ += left_[i];
      else if (i + 1 < left_.size() && left_[i + 1] == '"')
        held_ += left_[i++];
      else
        break;
    }
    const std::size_t end = std::min(left_.find(separator_, i), left_.size());
    done_ = end == left_.size();
    left_.remove_prefix(std::min(end + 1, left_.size()));
    field = held_;
    return true;
  }
  const std::size_t end = std::min(left_.find(separator_), left_.size());
  field = left_.substr(0, end);
  while (!field.empty() && field.front() == ' ') field.remove_prefix(1);
  while (!field.empty() && field.back() == ' ') field.remove_suffix(1);
  done_ = end == left_.size();
  left_.remove_prefix(std::min(end + 1, left_.size()));
  return true;
}

CsvValue csv_value_of(std::string_view field) {
  using Kind = CsvValue::Kind;
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  if (field.empty() || same_word(field, "nan") || same_word(field, "na") || same_word(field, "null"))
    return {Kind::kNumber, kNan, 0};
  if (same_word(field, "true")) return {Kind::kTruth, 1, 1};
  if (same_word(field, "false")) return {Kind::kTruth, 0, 0};
  if (field[0] == '+') field.remove_prefix(1);
  const char *begin = field.data(), *end = begin + field.size();
  std::int64_t integer = 0;
  if (const auto [stop, wrong] = std::from_chars(begin, end, integer); wrong == std::errc() && stop == end)
    return {Kind::kInteger, static_cast<double>(integer), integer};
  double number = 0;
  const auto [stop, wrong] = std::from_chars(begin, end, number);
  if (stop != end || begin == end) return {Kind::kText, kNan, 0};
  // Beyond float64's range in either direction: what NumPy reads there.
  if (wrong == std::errc::result_out_of_range) number = std::strtod(std::string(field).c_str(), nullptr);
  return {Kind::kNumber, number, 0};
}

CsvName split_csv_name(const std::string& name) {
  const std::size_t mark = name.rfind('_');
  if (mark == std::string::npos || mark == 0 || mark + 1 == name.size() || name.size() - mark > 8)
    return {name, {}};
  std::int64_t k = 0;
  const char *begin = name.data() + mark + 1, *end = name.data() + name.size();
  if (*begin < '0' || *begin > '9' || (*begin == '0' && end - begin > 1)) return {name, {}};
  if (const auto [stop, wrong] = std::from_chars(begin, end, k); wrong != std::errc() || stop != end)
    return {name, {}};
  return {name.substr(0, mark), k};
}

}  // namespace hardy::datasets
