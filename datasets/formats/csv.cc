// Comma-separated text, read: a line of names, then a line for each row. observations_0, observations_1, ...
// are the elements of the array observations [N, n]; a name without a number is an array [N]. Types:
// observations, next_observations, actions_i and rewards are float64; flags and what is true or false are
// truth values; whole numbers alone int64; all else float64, where an empty field is NaN. Lines may end in LF
// or CRLF, fields be in double quotes, the separator be a semicolon or a tab where the first line has no
// comma. The file is parsed once, when it is opened (datasets/formats/csv_values.h).
#include "datasets/formats/csv.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>

#include "datasets/formats/csv_text.h"
#include "datasets/formats/csv_values.h"
#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

bool is_flag(const std::string& key) { return key == "terminals" || key == "timeouts"; }

class CsvReader final : public Reader {
 public:
  explicit CsvReader(const Probe& probe)
      : Reader(probe.path().string(), "csv"), file_(::open(probe.path().c_str(), O_RDONLY | O_CLOEXEC)) {
    if (file_ < 0) throw Error(std::string("cannot be read (") + std::strerror(errno) + ")", path());
    try {
      CsvLines lines(file_, path());
      read_header(lines);
      walk(lines);
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
    bool zero_or_one = true;                            // so are all its numbers
    std::int64_t text_row = -1;
    std::string example;
  };
  struct Source {
    std::vector<std::size_t> fields;
  };

  void read_header(CsvLines& lines) {
    std::string_view line;
    if (!lines.next(line)) throw Error("is empty", path(), "a CSV file begins with a line of names");
    if (line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
    separator_ = line.find(',') != std::string_view::npos    ? ','
                 : line.find(';') != std::string_view::npos  ? ';'
                 : line.find('\t') != std::string_view::npos ? '\t'
                                                             : ',';
    CsvFields fields(line, separator_);
    std::string_view name;
    std::map<std::string, int> seen;
    while (fields.next(name)) {
      Field f;
      f.name = std::string(name);
      if (++seen[f.name] > 1 && !f.name.empty())
        throw Error("has two columns '" + f.name + "'", path() + ", line 1", "give each a name of its own");
      fields_.push_back(f);
    }
  }

  void walk(CsvLines& lines) {
    values_.emplace(fields_.size(), path());
    std::string_view line, field;
    while (lines.next(line)) {
      if (line.empty() && fields_.size() > 1) {  // nothing may follow but more of the same
        if (blank_after(lines)) break;
        throw Error("is empty", where_row(values_->rows()), "give every row its fields");
      }
      CsvFields fields(line, separator_);
      std::size_t k = 0;
      for (; k < fields_.size() && fields.next(field); ++k) {
        const CsvValue value = csv_value_of(field);
        see(fields_[k], value, field);
        values_->put(k, value);
      }
      if (k != fields_.size() || fields.next(field))
        throw Error(
            "has " + std::string(k < fields_.size() ? std::to_string(k) : "more than " + std::to_string(k)) +
                " fields, the line of names has " + std::to_string(fields_.size()),
            where_row(values_->rows()), "give every row one field for each name");
      values_->end_row();
    }
    values_->finish();
    if (values_->rows() == 0) throw Error("has names and no rows", path());
  }

  static bool blank_after(CsvLines& lines) {
    std::string_view line;
    while (lines.next(line))
      if (!line.empty()) return false;
    return true;
  }

  std::string where_row(std::int64_t row) const {
    return path() + ", row " + std::to_string(row) + " (line " + std::to_string(row + 2) + ")";
  }

  void see(Field& f, const CsvValue& v, std::string_view text) const {
    if (v.kind == CsvValue::Kind::kText && !f.text) {
      f.text = true;
      f.text_row = values_->rows();
      f.example = std::string(text.substr(0, 40));
    }
    f.truths = f.truths && v.kind == CsvValue::Kind::kTruth;
    f.integers = f.integers && v.kind == CsvValue::Kind::kInteger;
    f.zero_or_one = f.zero_or_one && (v.number == 0 || v.number == 1);
  }

  void choose_columns() {
    std::map<std::string, std::map<std::int64_t, std::size_t>> arrays;
    for (std::size_t i = 0; i < fields_.size(); ++i)
      if (const CsvName n = split_csv_name(fields_[i].name); n.element) arrays[n.array][*n.element] = i;
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
      add(columns, key, {values_->rows(), last + 1}, std::move(s));
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
      add(columns, fields_[i].name, {values_->rows()}, {{i}});
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
    const std::size_t size = size_of(column.type);
    for (const std::size_t field : sources_.at(column.key).fields) {
      values_->read(field, column.type, first, rows, to, column.row_bytes());
      to += size;
    }
  }

  int file_;
  char separator_ = ',';
  std::vector<Field> fields_;
  std::optional<CsvValues> values_;
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
    CsvFields fields(line, separator);
    std::string_view name;
    while (fields.next(name))
      if (is_main_column(split_csv_name(std::string(name)).array)) return 1;
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
