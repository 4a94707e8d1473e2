// Comma-separated text, written: as datasets/formats/csv.cc reads it. Numbers are the shortest text that
// reads back the same, truth values True and False. Columns wait in unnamed files beside OUT, for a line
// needs them all.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>

#include "datasets/attributes.h"
#include "datasets/formats/csv.h"
#include "datasets/formats/spool.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/run/atomic_file.h"

namespace hardy::datasets {
namespace {

constexpr std::int64_t kMostFields = 100000;
constexpr std::int64_t kBlock = 4096;  // rows that are written at a time, fewer where they are long

template <class T>
void put_number(std::string& line, const std::byte* at) {
  T x;
  std::memcpy(&x, at, sizeof x);
  char text[64];
  line.append(text, std::to_chars(text, text + sizeof text, x).ptr);  // nan and inf too
}

void put_value(std::string& line, ArrayType type, const std::byte* at) {
  switch (type) {
    case ArrayType::kF32:
      return put_number<float>(line, at);
    case ArrayType::kF64:
      return put_number<double>(line, at);
    case ArrayType::kI32:
      return put_number<std::int32_t>(line, at);
    case ArrayType::kI64:
      return put_number<std::int64_t>(line, at);
    case ArrayType::kU64:
      return put_number<std::uint64_t>(line, at);
    case ArrayType::kU8:
      return put_number<std::uint8_t>(line, at);
    case ArrayType::kBool:
      line += *at == std::byte{0} ? "False" : "True";
      return;
    case ArrayType::kString:
      break;
  }
}

// In quotes where the name would not read back without.
std::string quoted(const std::string& name) {
  if (name.find_first_of(",;\t\"\n\r ") == std::string::npos) return name;
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? "\"\"" : c == '\n' || c == '\r' ? " " : std::string(1, c);
  return text + "\"";
}

class CsvWriter final : public Writer {
 public:
  explicit CsvWriter(const std::filesystem::path& path) : path_(path), out_(path) {
    if (std::filesystem::is_directory(path)) throw Error("is a folder", path.string(), "name a file");
  }

  void declare(const Column& column) override {
    if (column.shape.empty() || column.type == ArrayType::kString) return;
    spools_.erase(column.key);
    spools_.emplace(column.key, Spool(column, path_.has_parent_path() ? path_.parent_path() : "."));
  }
  void append(const std::string& key, std::span<const std::byte> rows) override {
    const auto found = spools_.find(key);
    if (found == spools_.end()) throw Error("was not declared", path_.string() + " /" + key);
    found->second.append(rows, path_.string() + " /" + key);
  }
  void put(const std::string& key, const Array& array) override {
    if (array.shape.empty() || array.type == ArrayType::kString) {
      note("/" + key + " has no value for each row and is left out");
      return;
    }
    declare({key, array.type, array.shape});
    append(key, array.bytes);
  }
  using Writer::set_attributes;
  void set_attributes(const std::vector<Attribute>& attributes) override {
    for (const Attribute& a : attributes)
      attributes_ += (attributes_.empty() ? "" : ", ") + (a.object.empty() ? "" : a.object + " @") + a.name;
  }

  void commit() override {
    const std::vector<const Spool*> columns = in_order();
    write_names(columns);
    const std::int64_t rows = columns[0]->column().rows();
    std::size_t row_bytes = 1;
    for (const Spool* s : columns) row_bytes += s->column().row_bytes();
    const std::int64_t block =
        std::clamp<std::int64_t>(static_cast<std::int64_t>((8u << 20) / row_bytes), 1, kBlock);
    std::vector<Array> pieces(columns.size());
    std::string text;
    for (std::int64_t at = 0; at < rows; at += block) {
      const std::int64_t n = std::min(block, rows - at);
      for (std::size_t k = 0; k < columns.size(); ++k) pieces[k] = columns[k]->read(at, n);
      text.clear();
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::size_t k = 0; k < columns.size(); ++k)
          put_row(text, columns[k]->column(), pieces[k], i, k == 0);
        text += '\n';
      }
      out_.write(text.data(), text.size());
    }
    out_.commit();
    if (!attributes_.empty()) note("CSV has no place for attributes, which are left out: " + attributes_);
  }

 private:
  // observations, actions, rewards, next_observations, terminals, timeouts, and the others by name.
  std::vector<const Spool*> in_order() {
    const auto first = spools_.find("observations");
    if (first == spools_.end())
      throw Error("has no 'observations'", path_.string(), "CSV is written of their rows");
    const std::int64_t rows = first->second.column().rows();
    std::vector<const Spool*> all;
    std::int64_t fields = 0;
    const auto take = [&](const std::string& key, const Spool& s) {
      const Column& c = s.column();
      if (s.rows() != c.rows())
        throw Error("lacks rows: " + std::to_string(s.rows()) + " of " + c.describe() + " came",
                    path_.string() + " /" + key);
      if (c.rows() != rows) return note("/" + key + " has no value for each row and is left out");
      if (c.row_elements() == 0) return note("/" + key + " is " + c.describe() + ": nothing to write");
      if (c.shape.size() > 2)
        note("/" + key + " is " + c.describe() + ": its rows are written flat, and read back as [" +
             std::to_string(rows) + ", " + std::to_string(c.row_elements()) + "]");
      fields += c.row_elements();
      if (fields > kMostFields)
        throw Error("would be " + std::to_string(fields) + " fields a row", path_.string() + " /" + key,
                    "such arrays are not for CSV: write .hdf5");
      all.push_back(&s);
    };
    const std::vector<std::string> main{"observations",      "actions",   "rewards",
                                        "next_observations", "terminals", "timeouts"};
    for (const std::string& key : main)
      if (const auto at = spools_.find(key); at != spools_.end()) take(key, at->second);
    for (const auto& [key, s] : spools_)
      if (std::find(main.begin(), main.end(), key) == main.end()) take(key, s);
    if (all.empty()) throw Error("has no columns to write", path_.string());
    return all;
  }

  void write_names(const std::vector<const Spool*>& columns) {
    std::string line;
    for (const Spool* s : columns) {
      const Column& c = s->column();
      for (std::int64_t k = 0; k < c.row_elements(); ++k)
        line +=
            (line.empty() ? "" : ",") + quoted(c.shape.size() == 1 ? c.key : c.key + "_" + std::to_string(k));
    }
    line += '\n';
    out_.write(line.data(), line.size());
  }

  static void put_row(std::string& text, const Column& c, const Array& piece, std::int64_t i, bool first) {
    const std::size_t size = size_of(c.type);
    const std::byte* at = piece.bytes.data() + static_cast<std::size_t>(i) * c.row_bytes();
    for (std::int64_t k = 0; k < c.row_elements(); ++k, at += size) {
      if (!first || k > 0) text += ',';
      put_value(text, c.type, at);
    }
  }

  std::filesystem::path path_;
  run::AtomicFile out_;
  std::map<std::string, Spool> spools_;
  std::string attributes_;
};

}  // namespace

std::unique_ptr<Writer> create_csv(const std::filesystem::path& path, const WriteSettings&) {
  return std::make_unique<CsvWriter>(path);
}

}  // namespace hardy::datasets
