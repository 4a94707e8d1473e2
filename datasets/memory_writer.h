// Arrays in memory as a Writer, beside datasets/memory.h.
#pragma once

#include <string>
#include <utility>

#include "datasets/store.h"

namespace hardy::datasets {

class MemoryWriter final : public Writer {
 public:
  void declare(const Column& column) override {
    Array& a = arrays_[column.key];
    a.type = column.type;
    a.shape = column.shape;
    a.stored_as = column.stored_as;
  }
  void append(const std::string& key, std::span<const std::byte> rows) override {
    Bytes& bytes = arrays_.at(key).bytes;
    bytes.insert(bytes.end(), rows.begin(), rows.end());
  }
  void put(const std::string& key, const Array& array) override { arrays_[key] = array; }
  void commit() override {}

  Arrays take() { return std::move(arrays_); }

 private:
  Arrays arrays_;
};

}  // namespace hardy::datasets
