// Comma-separated text as lines, fields and numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hardy::datasets {

// Lines of a file from its beginning on, without their ends.
class CsvLines {
 public:
  CsvLines(int file, std::string path) : file_(file), path_(std::move(path)) {}
  // False at the end of the file. The view lasts until the next call. Errors: a line of more than 16 MiB.
  bool next(std::string_view& line);

 private:
  void more();

  int file_;
  std::string path_;
  std::uint64_t offset_ = 0;  // of what follows the buffer
  std::string buffer_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

// The fields of a line, one after the other. A field in quotes loses them; quotes that hold a separator are
// rare but right.
class CsvFields {
 public:
  CsvFields(std::string_view line, char separator) : left_(line), separator_(separator) {}
  bool next(std::string_view& field);

 private:
  std::string_view left_;
  char separator_;
  std::string held_;
  bool done_ = false;
};

struct CsvValue {
  enum class Kind { kTruth, kInteger, kNumber, kText };
  Kind kind;
  double number = 0;
  std::int64_t integer = 0;  // of kTruth and kInteger
};
// "" , "nan", "na" and "null" are NaN, "true" and "false" truth values, in any case.
CsvValue csv_value_of(std::string_view field);

// "observations_12": the array and which of its elements; no number: the array alone.
struct CsvName {
  std::string array;
  std::optional<std::int64_t> element;
};
CsvName split_csv_name(const std::string& name);

}  // namespace hardy::datasets
