// Arrays in memory as a Reader, for what works on files and on arrays alike.
#pragma once

#include <cstring>
#include <string>
#include <utility>

#include "datasets/store.h"
#include "engine/base/json.h"

namespace hardy::datasets {

class MemoryReader : public Reader {
 public:
  // arrays outlive the reader; path is what errors name; attributes: of the file that they came from.
  MemoryReader(const Arrays& arrays, std::string path, nlohmann::json attributes = nlohmann::json::object())
      : Reader(std::move(path), "memory"), arrays_(arrays), attributes_(std::move(attributes)) {
    std::vector<Column> columns;
    for (const auto& [key, a] : arrays) columns.push_back({key, a.type, a.shape, a.stored_as});
    set_columns(std::move(columns));
  }

  nlohmann::json attributes() const override { return attributes_; }

 private:
  void read_rows(const Column& column, std::int64_t first, std::int64_t rows, std::byte* to) override {
    const std::size_t row = column.row_bytes();
    std::memcpy(to, arrays_.at(column.key).bytes.data() + static_cast<std::size_t>(first) * row,
                static_cast<std::size_t>(rows) * row);
  }
  std::vector<std::string> read_text(const Column& column) override { return arrays_.at(column.key).strings; }

  const Arrays& arrays_;
  nlohmann::json attributes_;
};

}  // namespace hardy::datasets
