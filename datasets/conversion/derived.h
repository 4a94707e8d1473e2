// A dataset shown in another way: a Reader over a Reader.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "datasets/attributes.h"
#include "datasets/store.h"
#include "engine/base/json.h"

namespace hardy::datasets {

class DerivedReader : public Reader {
 public:
  nlohmann::json attributes() const override { return inner_->attributes(); }
  std::vector<Attribute> all_attributes() const override { return inner_->all_attributes(); }

 protected:
  explicit DerivedReader(std::unique_ptr<Reader> inner)
      : Reader(inner->path(), inner->format()), inner_(std::move(inner)) {
    for (const std::string& n : inner_->notes()) note(n);
  }
  void read_rows(const Column& column, std::int64_t first, std::int64_t rows, std::byte* to) override {
    inner().read(inner().column(column.key), first, rows,
                 {to, static_cast<std::size_t>(rows) * column.row_bytes()});
  }
  std::vector<std::string> read_text(const Column& column) override {
    return inner().read(inner().column(column.key)).strings;
  }
  Reader& inner() { return *inner_; }
  const Reader& inner() const { return *inner_; }

 private:
  std::unique_ptr<Reader> inner_;
};

// Columns under other names: names[KEY] is the column of the reader that is shown as KEY. Errors: no such
// column, a KEY that another column has.
std::unique_ptr<Reader> renamed(std::unique_ptr<Reader> reader,
                                const std::map<std::string, std::string>& names);

// float64 columns of rows as float32, rounded to nearest; metadata and scalars stay. Its last note says
// which. Errors: values beyond float32, when they are read.
std::unique_ptr<Reader> as_float32(std::unique_ptr<Reader> reader);

}  // namespace hardy::datasets
