#include "datasets/store.h"

#include <algorithm>
#include <cstring>
#include <fstream>

#include "datasets/attributes.h"
#include "datasets/formats/hdf5_layout.h"
#include "datasets/formats/hdf5_superblock.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/nearest.h"

namespace hardy::datasets {
namespace {

Registry<Format>& registry() {
  static Registry<Format> all("format", "");  // made on first use: static objects of other files fill it
  return all;
}

void require_unchanged(const std::vector<WatchedFile>& files) {
  for (const WatchedFile& file : files) file.require_unchanged();
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
  if (const auto why = left_out_.find(key); why != left_out_.end()) throw Error(why->second);
  std::string keys;
  for (const Column& c : columns_) keys += (keys.empty() ? "" : ", ") + c.key;
  throw Error("has no '" + key + "'", path_, keys.empty() ? "the file is empty" : "it has: " + keys);
}

void Reader::leave_out(const std::string& key, const std::string& problem, const std::string& fix) {
  const Error why(problem, path_ + " /" + key, fix);
  if (is_main_column(key)) throw Error(why);
  note("/" + key + " is left out: it " + problem);
  left_out_.emplace(key, why);
}

const std::vector<std::string>& main_columns() {
  static const std::vector<std::string> all{"observations", "actions",  "rewards",
                                            "terminals",    "timeouts", "next_observations"};
  return all;
}

bool is_main_column(const std::string& key) {
  return std::find(main_columns().begin(), main_columns().end(), key) != main_columns().end();
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
  if (to.empty()) return;
  try {
    read_rows(column, first, rows, to.data());
  } catch (const Error&) {
    require_unchanged();
    throw;
  }
  require_unchanged();
}

void Reader::require_unchanged() const { datasets::require_unchanged(watched_); }

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
  array.stored_as = column.stored_as;
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

std::vector<Attribute> Reader::all_attributes() const {
  std::vector<Attribute> all;
  const nlohmann::json own = attributes();
  for (const auto& [name, value] : own.items()) all.push_back({"", name, false, value});
  return all;
}

bool Writer::copy_stored(Reader&, const Column&) { return false; }

void Writer::set_attributes(const std::vector<Attribute>&) {}

void Writer::set_attributes(const nlohmann::json& attributes) {
  std::vector<Attribute> all;
  for (const auto& [name, value] : attributes.items()) all.push_back({"", name, false, value});
  set_attributes(all);
}

Probe::Probe(std::filesystem::path path)
    : path_(std::move(path)), is_folder_(std::filesystem::is_directory(path_)) {
  if (is_folder_) return;
  watch(path_);
  if (!std::filesystem::exists(path_)) throw Error("does not exist", path_.string());
  if (!std::filesystem::is_regular_file(path_)) throw Error("is not a regular file", path_.string());
  head_.resize(4096);
  std::ifstream file(path_, std::ios::binary);
  if (!file) throw Error("cannot be read", path_.string(), "may you read it?");
  file.read(reinterpret_cast<char*>(head_.data()), static_cast<std::streamsize>(head_.size()));
  head_.resize(static_cast<std::size_t>(file.gcount()));
}

bool Probe::starts_with(std::string_view mark) const {
  return head_.size() >= mark.size() && std::memcmp(head_.data(), mark.data(), mark.size()) == 0;
}

bool Probe::is_hdf5() const { return !is_folder_ && find_hdf5_signature(path_).has_value(); }

std::shared_ptr<const Hdf5Layout> Probe::hdf5(const std::filesystem::path& path) {
  if (!layout_ || layout_path_ != path) {
    watch(path);
    layout_ = std::make_shared<const Hdf5Layout>(read_hdf5_layout(path));
    layout_path_ = path;
    for (const std::string& other : layout_->other_files) watch(other);
  }
  return layout_;
}

void Probe::watch(const std::filesystem::path& path) {
  if (std::ranges::find(watched_, path, &WatchedFile::path) == watched_.end()) watched_.emplace_back(path);
}

void require_known_columns(const Reader& reader) {
  const auto& columns = reader.columns();
  if (reader.find("observations")) return;
  constexpr std::size_t kNamed = 8;
  std::string holds, expected;
  for (std::size_t i = 0; i < std::min(kNamed, columns.size()); ++i)
    holds += (i ? ", " : "") + columns[i].key + " (" + columns[i].describe() + ")";
  if (columns.size() > kNamed) holds += " and " + std::to_string(columns.size() - kNamed) + " more";
  for (const std::string& key : main_columns()) expected += (expected.empty() ? "" : ", ") + key;
  const bool some =
      std::any_of(columns.begin(), columns.end(), [](const Column& c) { return is_main_column(c.key); });
  throw Error(std::string(some ? "has no observations" : "is of no known layout") + ": it holds " +
                  (holds.empty() ? "no columns" : holds),
              reader.path(),
              "expected columns named " + expected +
                  "; 'hardy data convert --map KEY=column' gives others these names");
}

namespace {

std::unique_ptr<Reader> opened(const Format& format, Probe& probe, const OpenSettings& settings) {
  std::unique_ptr<Reader> reader = format.open(probe, settings);
  reader->watch(probe.watched());
  if (!settings.any_columns) require_known_columns(*reader);
  return reader;
}

const Format& format_of(Probe& probe) {
  const Format* best = nullptr;
  int most = 0;
  std::string names;
  for (const auto& [name, f] : formats()) {
    names += (names.empty() ? "" : ", ") + name;
    if (const int answer = f.recognise(probe); answer > most) {
      best = &f;
      most = answer;
    }
  }
  if (best) return *best;
  throw Error(probe.is_folder()      ? "is a folder that holds no dataset"
              : probe.head().empty() ? "is empty"
                                     : "is not an HDF5 file, nor of another known format",
              probe.path().string(), "known formats: " + names);
}

}  // namespace

bool holds_dataset(const std::filesystem::path& path) {
  Probe probe(path);
  return std::ranges::any_of(formats(), [&](const auto& f) { return f.second.recognise(probe) > 0; });
}

std::unique_ptr<Reader> open_dataset(const std::filesystem::path& path, const OpenSettings& settings) {
  Probe probe(path);
  try {
    const Format& format = settings.format.empty() ? format_of(probe) : format_named(settings.format);
    std::unique_ptr<Reader> reader = opened(format, probe, settings);
    reader->require_unchanged();
    return reader;
  } catch (const Error&) {
    require_unchanged(probe.watched());  // what was found wrong may be of two files
    throw;
  }
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

std::vector<std::filesystem::path> places_of(const std::filesystem::path& in) {
  std::vector<std::filesystem::path> places{in};
  std::error_code code;
  const std::filesystem::path folder = std::filesystem::absolute(in, code).parent_path();
  if (in.filename() == "main_data.hdf5" && std::filesystem::exists(folder / "metadata.json", code)) {
    places.push_back(folder);
    if (folder.filename() == "data") places.push_back(folder.parent_path());
  }
  return places;
}

RegisterFormat::RegisterFormat(const Format& format) { registry().add(format.name, format); }

const Registry<Format>& formats() { return registry(); }

const Format& format_named(const std::string& name) { return registry().get(name); }

}  // namespace hardy::datasets
