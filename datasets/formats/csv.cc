// Comma-separated text, read: a line of names, then a line for each row. observations_0, observations_1, ...
// are the elements of the array observations [N, n]; a name without a number is an array [N]. Types:
// observations, next_observations, actions_i and rewards are float64; flags and what is true or false are
// truth values; whole numbers alone int64; all else float64, where an empty field is NaN. Lines may end in LF
// or CRLF, fields be in double quotes, the separator be a semicolon or a tab where the first line has no
// comma.
//
// The file is walked once when it is opened: for its types, and to note where every 4096th row begins. Rows
// are then parsed as they are asked for, so that memory does not grow with the file.
#include "datasets/formats/csv.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <optional>

#include "datasets/pieces.h"
#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

constexpr std::size_t kLongestLine = 16 << 20;
constexpr std::int64_t kStride = 4096;  // rows between those whose places are kept

bool is_flag(const std::string& key) { return key == "terminals" || key == "timeouts"; }

// Lines of a file from an offset on, without their ends.
class Lines {
 public:
  Lines(int file, std::uint64_t offset, const std::string& path)
      : file_(file), path_(path), offset_(offset) {}

  // False at the end of the file. The view lasts until the next call.
  bool next(std::string_view& line) {
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
  std::uint64_t offset() const { return offset_ - (buffer_.size() - at_); }  // of the next line

 private:
  void more() {
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

  int file_;
  const std::string& path_;
  std::uint64_t offset_;  // of what follows the buffer
  std::string buffer_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

// The fields of a line, one after the other. A field in quotes loses them; quotes that hold a separator are
// rare but right.
class Fields {
 public:
  Fields(std::string_view line, char separator) : left_(line), separator_(separator) {}
  bool next(std::string_view& field) {
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

 private:
  std::string_view left_;
  char separator_;
  std::string held_;
  bool done_ = false;
};

bool same_word(std::string_view text, std::string_view word) {
  return std::equal(text.begin(), text.end(), word.begin(), word.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

enum class Kind { kTruth, kInteger, kNumber, kText };
struct Value {
  Kind kind;
  double number = 0;
  std::int64_t integer = 0;
};
Value value_of(std::string_view field) {
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

// "observations_12": the array and which of its elements; no number: the array alone.
struct Name {
  std::string array;
  std::optional<std::int64_t> element;
};
Name split_name(const std::string& name) {
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

class CsvReader final : public Reader {
 public:
  explicit CsvReader(const Probe& probe)
      : Reader(probe.path().string(), "csv"), file_(::open(probe.path().c_str(), O_RDONLY | O_CLOEXEC)) {
    if (file_ < 0) throw Error(std::string("cannot be read (") + std::strerror(errno) + ")", path());
    try {
      read_header();
      walk();
      choose_columns();
    } catch (...) {
      ::close(file_);
      throw;
    }
  }
  ~CsvReader() override { ::close(file_); }

 private:
  struct Field {
    std::string name;
    bool truths = true, integers = true, text = false;  // what all its values are, the empty ones apart
    bool zero_or_one = true, whole = true;  // numbers that are 0 or 1; that int64 holds, none empty
    std::int64_t text_row = -1;
    std::string example;
  };
  struct Source {
    std::vector<std::size_t> fields;
  };

  void read_header() {
    Lines lines(file_, 0, path());
    std::string_view line;
    if (!lines.next(line)) throw Error("is empty", path(), "a CSV file begins with a line of names");
    if (line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
    separator_ = line.find(',') != std::string_view::npos    ? ','
                 : line.find(';') != std::string_view::npos  ? ';'
                 : line.find('\t') != std::string_view::npos ? '\t'
                                                             : ',';
    Fields fields(line, separator_);
    std::string_view name;
    std::map<std::string, int> seen;
    while (fields.next(name)) {
      Field f;
      f.name = std::string(name);
      if (++seen[f.name] > 1 && !f.name.empty())
        throw Error("has two columns '" + f.name + "'", path() + ", line 1", "give each a name of its own");
      fields_.push_back(f);
    }
    begin_ = lines.offset();
  }

  void walk() {
    Lines lines(file_, begin_, path());
    std::string_view line, field;
    for (;;) {
      const std::uint64_t at = lines.offset();
      if (!lines.next(line)) break;
      if (line.empty() && fields_.size() > 1) {  // nothing may follow but more of the same
        if (blank_after(lines)) break;
        throw Error("is empty", where_row(rows_), "give every row its fields");
      }
      if (rows_ % kStride == 0) places_.push_back(at);
      Fields fields(line, separator_);
      std::size_t k = 0;
      for (; k < fields_.size() && fields.next(field); ++k) see(fields_[k], value_of(field), field);
      if (k != fields_.size() || fields.next(field))
        throw Error(
            "has " + std::string(k < fields_.size() ? std::to_string(k) : "more than " + std::to_string(k)) +
                " fields, the line of names has " + std::to_string(fields_.size()),
            where_row(rows_), "give every row one field for each name");
      ++rows_;
    }
    if (rows_ == 0) throw Error("has names and no rows", path());
  }

  static bool blank_after(Lines& lines) {
    std::string_view line;
    while (lines.next(line))
      if (!line.empty()) return false;
    return true;
  }

  std::string where_row(std::int64_t row) const {
    return path() + ", row " + std::to_string(row) + " (line " + std::to_string(row + 2) + ")";
  }

  void see(Field& f, const Value& v, std::string_view text) const {
    if (v.kind == Kind::kText && !f.text) {
      f.text = true;
      f.text_row = rows_;
      f.example = std::string(text.substr(0, 40));
    }
    f.truths = f.truths && v.kind == Kind::kTruth;
    f.integers = f.integers && v.kind == Kind::kInteger;
    f.zero_or_one = f.zero_or_one && (v.number == 0 || v.number == 1);
  }

  void choose_columns() {
    std::map<std::string, std::map<std::int64_t, std::size_t>> arrays;
    for (std::size_t i = 0; i < fields_.size(); ++i)
      if (const Name n = split_name(fields_[i].name); n.element) arrays[n.array][*n.element] = i;
    std::vector<Column> columns;
    std::vector<bool> used(fields_.size());
    for (const auto& [key, elements] : arrays) {
      const std::int64_t last = elements.rbegin()->first;
      const auto there = static_cast<std::int64_t>(elements.size());
      std::int64_t missing = 0;
      while (missing <= last && elements.contains(missing)) ++missing;
      if (missing <= last) {
        if (is_main_column(key))
          throw Error("has " + std::to_string(there) + " columns of " + key + " up to " + key + "_" +
                          std::to_string(last) + ", and no " + key + "_" + std::to_string(missing),
                      path() + ", line 1", "number them 0, 1, 2, ...");
        continue;  // names that only look like elements
      }
      Source s;
      for (const auto& [k, i] : elements) s.fields.push_back(i);
      for (const std::size_t i : s.fields) used[i] = true;
      add(columns, key, {rows_, last + 1}, std::move(s));
    }
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (used[i]) continue;
      if (fields_[i].name.empty() || fields_[i].name == "Unnamed: 0") {
        note("the column without a name is left out (an index?)");
        continue;
      }
      if (sources_.contains(fields_[i].name))
        throw Error("has '" + fields_[i].name + "' and '" + fields_[i].name + "_0'", path() + ", line 1",
                    "one array is either");
      add(columns, fields_[i].name, {rows_}, {{i}});
    }
    set_columns(std::move(columns));
  }

  void add(std::vector<Column>& columns, const std::string& key, std::vector<std::int64_t> shape,
           Source source) {
    const auto all = [&](auto&& is) {
      return std::all_of(source.fields.begin(), source.fields.end(),
                         [&](std::size_t i) { return is(fields_[i]); });
    };
    for (const std::size_t i : source.fields) {
      const Field& f = fields_[i];
      if (!f.text) continue;
      const std::string what = "holds '" + f.example + "', which is no number";
      if (is_main_column(key))
        throw Error(what, where_row(f.text_row) + ", column " + f.name,
                    "numbers such as 0.5, true or false, nan");
      note(key + " is left out: it " + what + " (row " + std::to_string(f.text_row) + ")");
      return;
    }
    ArrayType type = ArrayType::kF64;
    const bool floats = (is_main_column(key) && !is_flag(key)) && !(key == "actions" && shape.size() == 1);
    if (is_flag(key) ? all([](const Field& f) { return f.zero_or_one; })
                     : !floats && all([](const Field& f) { return f.truths; }))
      type = ArrayType::kBool;
    else if (!floats && !is_flag(key) && all([](const Field& f) { return f.integers; }))
      type = ArrayType::kI64;
    columns.push_back({key, type, std::move(shape)});
    sources_[key] = std::move(source);
  }

  void read_rows(const Column& column, std::int64_t first, std::int64_t rows, std::byte* to) override {
    const std::vector<std::size_t>& wanted = sources_.at(column.key).fields;
    // Where the fields of a line go; -1: nowhere.
    std::vector<std::int64_t> place(fields_.size(), -1);
    for (std::size_t i = 0; i < wanted.size(); ++i) place[wanted[i]] = static_cast<std::int64_t>(i);
    const std::size_t last = *std::max_element(wanted.begin(), wanted.end()), size = size_of(column.type);
    Lines lines(file_, places_[static_cast<std::size_t>(first / kStride)], path());
    std::string_view line, field;
    for (std::int64_t row = first / kStride * kStride; row < first + rows; ++row) {
      const auto changed = [&] {
        return Error("was changed while it was read", where_row(row), "read it when nobody writes it");
      };
      if (!lines.next(line)) throw changed();
      if (row < first) continue;
      Fields fields(line, separator_);
      for (std::size_t k = 0; k <= last; ++k) {
        if (!fields.next(field)) throw changed();
        if (place[k] < 0) continue;
        const Value v = value_of(field);
        if (v.kind == Kind::kText) throw changed();
        std::byte* at = to + static_cast<std::size_t>(place[k]) * size;
        if (column.type == ArrayType::kF64)
          std::memcpy(at, &v.number, size);
        else if (column.type == ArrayType::kI64)
          std::memcpy(at, &v.integer, size);
        else
          *at = std::byte{v.number != 0};
      }
      to += column.row_bytes();
    }
  }

  int file_;
  char separator_ = ',';
  std::vector<Field> fields_;
  std::uint64_t begin_ = 0;            // of the first row
  std::vector<std::uint64_t> places_;  // of rows 0, kStride, 2 kStride, ...
  std::int64_t rows_ = 0;
  std::map<std::string, Source> sources_;
};

// By its name, or, where that says nothing, by a first line that has one of the names that every dataset has.
int recognise(Probe& probe) {
  if (probe.is_folder() || probe.head().empty()) return 0;
  std::string ending = probe.path().extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::string_view head(reinterpret_cast<const char*>(probe.head().data()), probe.head().size());
  if (head.find('\0') != std::string_view::npos) return 0;
  if (ending == ".csv" || ending == ".tsv") return 2;
  if (!ending.empty() && ending != ".txt") return 0;  // named as something else, and damaged or mistaken
  if (head.starts_with("\xef\xbb\xbf")) head.remove_prefix(3);
  const std::string_view line = head.substr(0, head.find('\n'));
  for (const char separator : {',', ';', '\t'}) {
    Fields fields(line, separator);
    std::string_view name;
    while (fields.next(name))
      if (is_main_column(split_name(std::string(name)).array)) return 1;
  }
  return 0;
}

const RegisterFormat kRegister({
    "csv",
    "comma-separated text: a line of names (observations_0, observations_1, ..., rewards), a line for each "
    "row",
    ".csv",
    recognise,
    [](Probe& probe, const OpenSettings&) -> std::unique_ptr<Reader> {
      return std::make_unique<CsvReader>(probe);
    },
    create_csv,
});

}  // namespace
}  // namespace hardy::datasets
