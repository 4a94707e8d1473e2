#include "datasets/conversion/derived.h"

#include <cmath>
#include <limits>

#include "datasets/pieces.h"
#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/base/text.h"

namespace hardy::datasets {
namespace {

class Renamed final : public DerivedReader {
 public:
  Renamed(std::unique_ptr<Reader> reader, const std::map<std::string, std::string>& names)
      : DerivedReader(std::move(reader)) {
    std::map<std::string, std::string> shown_as;
    std::vector<std::string> keys;
    for (const Column& c : inner().columns()) keys.push_back(c.key);
    for (const auto& [key, column] : names) {
      if (!inner().find(column))
        throw Error("has no column '" + column + "'", path() + ", --map " + key + "=" + column,
                    suggestion(column, keys));
      if (const auto [at, is_new] = shown_as.emplace(column, key); !is_new)
        throw Error("the column '" + column + "' gets two names, '" + at->second + "' and '" + key + "'",
                    "--map", "give it one");
    }
    std::vector<Column> columns;
    for (Column c : inner().columns()) {
      if (const auto at = shown_as.find(c.key); at != shown_as.end()) {
        sources_[at->second] = c.key;
        c.key = at->second;
      } else if (names.contains(c.key)) {
        throw Error("has a column '" + c.key + "' already",
                    path() + ", --map " + c.key + "=" + names.at(c.key),
                    "give that one another name too: --map other/" + c.key + "=" + c.key);
      }
      columns.push_back(c);
    }
    set_columns(std::move(columns));
  }

  std::vector<Attribute> all_attributes() const override {
    std::vector<Attribute> all = inner().all_attributes();
    for (Attribute& a : all)
      for (const auto& [key, column] : sources_)
        if (a.of_column && a.object == column) {
          a.object = key;
          break;
        }
    return all;
  }

 private:
  const Column& source(const Column& column) const {
    const auto at = sources_.find(column.key);
    return inner().column(at == sources_.end() ? column.key : at->second);
  }
  void read_rows(const Column& column, std::int64_t first, std::int64_t rows, std::byte* to) override {
    inner().read(source(column), first, rows, {to, static_cast<std::size_t>(rows) * column.row_bytes()});
  }
  std::vector<std::string> read_text(const Column& column) override {
    return inner().read(source(column)).strings;
  }

  std::map<std::string, std::string> sources_;  // shown name: the reader's own
};

class Float32 final : public DerivedReader {
 public:
  explicit Float32(std::unique_ptr<Reader> reader) : DerivedReader(std::move(reader)) {
    std::vector<Column> columns;
    std::string narrowed;
    for (Column c : inner().columns()) {
      if (c.type == ArrayType::kF64 && !c.shape.empty() && !c.key.starts_with("metadata/")) {
        c.type = ArrayType::kF32;
        c.stored_as = nullptr;
        narrowed += (narrowed.empty() ? "" : ", ") + c.key;
      }
      columns.push_back(c);
    }
    note(narrowed.empty() ? "--float32: no column is float64" : "float64 written as float32: " + narrowed);
    set_columns(std::move(columns));
  }

 private:
  void read_rows(const Column& column, std::int64_t first, std::int64_t rows, std::byte* to) override {
    const Column& source = inner().column(column.key);
    if (source.type == column.type) return DerivedReader::read_rows(column, first, rows, to);
    const std::vector<double> x = read_doubles(inner(), source, first, rows);
    constexpr double kMost = std::numeric_limits<float>::max();
    for (std::size_t i = 0; i < x.size(); ++i)
      if (std::isfinite(x[i]) && std::abs(x[i]) > kMost)
        throw Error("holds " + to_text(x[i]) + ", which float32 cannot hold, in row " +
                        std::to_string(first + static_cast<std::int64_t>(i) / column.row_elements()),
                    where(column), "leave such rows out with --drop-invalid, or keep float64");
    store_doubles(column.type, x.data(), x.size(), to);
  }
};

}  // namespace

std::unique_ptr<Reader> renamed(std::unique_ptr<Reader> reader,
                                const std::map<std::string, std::string>& names) {
  if (names.empty()) return reader;
  return std::make_unique<Renamed>(std::move(reader), names);
}

std::unique_ptr<Reader> as_float32(std::unique_ptr<Reader> reader) {
  return std::make_unique<Float32>(std::move(reader));
}

}  // namespace hardy::datasets
