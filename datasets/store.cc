#include "datasets/store.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/base/nearest.h"

namespace hardy::datasets {
namespace {

std::vector<Format>& registry() {
  static std::vector<Format> all;
  return all;
}

const Format& format_named(const std::string& name) {
  std::vector<std::string> names;
  for (const Format& f : formats()) {
    if (f.name == name) return f;
    names.push_back(f.name);
  }
  throw Error("there is no format '" + name + "'", "", suggestion(name, names));
}

// The first bytes of a file; none of a folder (Minari's datasets are folders).
std::vector<std::byte> head_of(const std::filesystem::path& path) {
  std::vector<std::byte> head;
  if (std::filesystem::is_directory(path)) return head;
  head.resize(4096);
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error("cannot be read", path.string(), "does it exist, and may you read it?");
  file.read(reinterpret_cast<char*>(head.data()), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  return head;
}

}  // namespace

std::int64_t Column::row_elements() const {
  std::int64_t n = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) n *= shape[i];
  return n;
}

Reader::Reader(std::string path, std::string format) : path_(std::move(path)), format_(std::move(format)) {}
Reader::~Reader() = default;
Writer::~Writer() = default;

void Reader::set_columns(std::vector<Column> columns) {
  std::sort(columns.begin(), columns.end(), [](const Column& a, const Column& b) { return a.key < b.key; });
  columns_ = std::move(columns);
}

const Column* Reader::find(const std::string& key) const {
  const auto at = std::lower_bound(columns_.begin(), columns_.end(), key,
                                   [](const Column& c, const std::string& k) { return c.key < k; });
  return at != columns_.end() && at->key == key ? &*at : nullptr;
}

const Column& Reader::column(const std::string& key) const {
  if (const Column* found = find(key)) return *found;
  std::string keys;
  for (const Column& c : columns_) keys += (keys.empty() ? "" : ", ") + c.key;
  throw Error("has no '" + key + "'", path_, keys.empty() ? "the file is empty" : "it has: " + keys);
}

void Reader::read(const Column& column, std::int64_t first, std::int64_t rows, std::span<std::byte> to) {
  if (column.type == ArrayType::kString) throw Error("is text, not rows of numbers", where(column));
  if (first < 0 || rows < 0 || first > column.rows() - rows)
    throw Error("has " + std::to_string(column.rows()) + " rows; rows " + std::to_string(first) + " to " +
                    std::to_string(first + rows) + " were asked for",
                where(column));
  if (to.size() != static_cast<std::size_t>(rows) * column.row_bytes())
    throw Error("needs " + std::to_string(static_cast<std::size_t>(rows) * column.row_bytes()) +
                    " bytes for those rows, not " + std::to_string(to.size()),
                where(column));
  if (!to.empty()) read_rows(column, first, rows, to.data());
}

std::vector<float> Reader::read_floats(const Column& column, std::int64_t first, std::int64_t rows) {
  std::vector<float> x(static_cast<std::size_t>(rows * column.row_elements()));
  if (column.type == ArrayType::kF32) {
    read(column, first, rows, std::as_writable_bytes(std::span(x)));
    return x;
  }
  Bytes raw(static_cast<std::size_t>(rows) * column.row_bytes());
  read(column, first, rows, raw);
  to_floats(column.type, raw.data(), x.size(), x.data());
  return x;
}

Array Reader::read(const Column& column) {
  Array array;
  array.type = column.type;
  array.shape = column.shape;
  if (column.type == ArrayType::kString) {
    array.strings = read_text(column);
    return array;
  }
  array.bytes.resize(static_cast<std::size_t>(column.rows()) * column.row_bytes());
  read(column, 0, column.rows(), array.bytes);
  return array;
}

std::vector<std::string> Reader::read_text(const Column& column) {
  throw Error("is text, which this format does not hold", where(column));
}

nlohmann::json Reader::attributes() const { return nlohmann::json::object(); }

std::unique_ptr<Reader> open_dataset(const std::filesystem::path& path, const OpenSettings& settings) {
  if (!std::filesystem::exists(path)) throw Error("does not exist", path.string());
  if (!settings.format.empty()) return format_named(settings.format).open(path, settings);
  const std::vector<std::byte> head = head_of(path);
  const Format* best = nullptr;
  int most = 0;
  for (const Format& f : formats())
    if (const int answer = f.recognise(path, head); answer > most) {
      best = &f;
      most = answer;
    }
  if (best) return best->open(path, settings);
  std::string names;
  for (const Format& f : formats()) names += (names.empty() ? "" : ", ") + f.name;
  throw Error(head.empty() ? "is empty, or a folder without a dataset" : "is not an HDF5 file, nor of another known format",
              path.string(), "known formats: " + names);
}

std::unique_ptr<Writer> create_dataset(const std::filesystem::path& path, const WriteSettings& settings) {
  const Format& format = format_named(settings.format);
  if (!format.create) throw Error("files are read, not written", format.name);
  return format.create(path, settings);
}

Arrays read_arrays(Reader& reader) {
  Arrays arrays;
  for (const Column& column : reader.columns()) arrays[column.key] = reader.read(column);
  return arrays;
}

void write_arrays(Writer& writer, const Arrays& arrays) {
  for (const auto& [key, array] : arrays) writer.put(key, array);
  writer.commit();
}

void require_other_file(const std::filesystem::path& in, const std::filesystem::path& out) {
  std::error_code code;
  if (std::filesystem::equivalent(in, out, code) ||
      std::filesystem::weakly_canonical(in, code) == std::filesystem::weakly_canonical(out, code))
    throw Error("is the file that is read (" + in.string() + ")", out.string(), "choose another name");
}

RegisterFormat::RegisterFormat(Format format) {
  auto& all = registry();
  all.insert(std::lower_bound(all.begin(), all.end(), format,
                              [](const Format& a, const Format& b) { return a.name < b.name; }),
             std::move(format));
}

const std::vector<Format>& formats() { return registry(); }

}  // namespace hardy::datasets
