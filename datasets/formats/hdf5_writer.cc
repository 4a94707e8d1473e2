#include "datasets/formats/hdf5_writer.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "datasets/formats/deflate.h"
#include "engine/base/error.h"
#include "engine/run/json_text.h"

namespace hardy::datasets {
namespace {

constexpr std::size_t kChunkBytes = 256 * 1024;
constexpr std::int64_t kChunksAtOnce = 16;  // compressed together; part of the file's order, so a constant

}  // namespace

Hdf5Writer::Hdf5Writer(const std::filesystem::path& path, const Settings& settings)
    : path_(path.string()),
      settings_(settings),
      out_(path),
      team_(settings.threads > 0 ? settings.threads
                                 : std::max(1, static_cast<int>(std::thread::hardware_concurrency()))),
      file_(-1, H5Fclose) {
  if (settings.gzip < 0 || settings.gzip > 9)
    throw Error("is no gzip level", std::to_string(settings.gzip), "0 to 9");
  if (std::filesystem::is_directory(path)) throw Error("is a folder", path_, "name a file");
  const auto held = hold_hdf5();
  const Hdf5Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose), creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST);
  if (settings.growable) {
    H5Pset_link_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    H5Pset_obj_track_times(creation, 0);
  }
  file_ = Hdf5Id(H5Fcreate(out_.temporary().c_str(), H5F_ACC_TRUNC, creation, access), H5Fclose);
  if (!file_.good()) throw Error("cannot be written", path_, "does its folder exist, and is there room?");
}

Hdf5Writer::~Hdf5Writer() {
  const auto held = hold_hdf5();
  pending_.clear();
  file_ = Hdf5Id(-1, H5Fclose);
}

std::string Hdf5Writer::where(const Column& column) const { return path_ + " /" + column.key; }

void Hdf5Writer::fail(const std::string& where) const {
  throw Error::failed_run("cannot be written (is the disk full?)", where,
                          "what was there before is as it was");
}

Hdf5Id Hdf5Writer::create(const Column& column, std::int64_t chunk_rows) {
  const Hdf5Id links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(links, 1);
  const std::vector<hsize_t> dims(column.shape.begin(), column.shape.end());
  std::vector<hsize_t> most = dims;
  const Hdf5Id creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation, 0);  // the same contents give the same file
  if (chunk_rows > 0) {
    if (settings_.growable) most[0] = H5S_UNLIMITED;
    std::vector<hsize_t> chunk = dims;
    chunk[0] = static_cast<hsize_t>(chunk_rows);
    H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
    if (settings_.gzip > 0) H5Pset_deflate(creation, static_cast<unsigned>(settings_.gzip));
  }
  const Hdf5Id space(dims.empty() ? H5Screate(H5S_SCALAR)
                                  : H5Screate_simple(static_cast<int>(dims.size()), dims.data(), most.data()),
                     H5Sclose);
  Hdf5Id dataset(H5Dcreate2(file_, column.key.c_str(), hdf5_memory_type(column.type), space, links, creation,
                            H5P_DEFAULT),
                 H5Dclose);
  if (!dataset.good())
    throw Error("cannot be created as " + column.describe(), where(column),
                "is the disk full, or the name used already?");
  return dataset;
}

void Hdf5Writer::declare(const Column& column) {
  if (column.type == ArrayType::kString || column.shape.empty())
    throw Error("is " + column.describe() + ": put it whole", where(column));
  if (column.rows() < 0 || column.row_elements() < 0)
    throw Error("has a negative size: " + column.describe(), where(column));
  const bool empty = column.rows() == 0 || column.row_bytes() == 0;
  const std::int64_t chunk_rows =
      empty ? 0
            : std::clamp<std::int64_t>(static_cast<std::int64_t>(kChunkBytes / column.row_bytes()), 1,
                                       column.rows());
  const auto held = hold_hdf5();
  // Rows without elements never come.
  const std::int64_t written = column.row_elements() == 0 ? column.rows() : 0;
  pending_.insert_or_assign(column.key, Pending{column, create(column, chunk_rows), chunk_rows, written, {}});
}

void Hdf5Writer::append(const std::string& key, std::span<const std::byte> rows) {
  const auto found = pending_.find(key);
  if (found == pending_.end()) throw Error("was not declared", path_ + " /" + key);
  Pending& p = found->second;
  const std::size_t row = p.column.row_bytes();
  if (rows.empty()) return;
  const std::size_t left = static_cast<std::size_t>(p.column.rows() - p.written) * row - p.rows.size();
  if (rows.size() % row != 0 || rows.size() > left)
    throw Error("gets " + std::to_string(rows.size()) + " bytes where " + std::to_string(left) +
                    " are left of " + p.column.describe(),
                where(p.column));
  const std::size_t batch = static_cast<std::size_t>(p.chunk_rows * kChunksAtOnce) * row;
  while (!rows.empty()) {
    const std::size_t n = std::min(rows.size(), batch - p.rows.size());
    p.rows.insert(p.rows.end(), rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(n));
    rows = rows.subspan(n);
    if (p.rows.size() == batch) flush(p, false);
  }
  if (p.written + static_cast<std::int64_t>(p.rows.size() / row) == p.column.rows()) flush(p, true);
}

// Writes the chunks that are full, and with `all` also the last one.
void Hdf5Writer::flush(Pending& p, bool all) {
  const std::size_t chunk = static_cast<std::size_t>(p.chunk_rows) * p.column.row_bytes();
  if (all) p.rows.resize((p.rows.size() + chunk - 1) / chunk * chunk, std::byte{0});
  const std::size_t chunks = p.rows.size() / chunk;
  compressed_.resize(std::max(compressed_.size(), chunks));
  if (settings_.gzip > 0)
    team_.run(static_cast<std::int64_t>(chunks), [&](std::int64_t i) {
      const auto at = static_cast<std::size_t>(i);
      deflate_zlib(std::span(p.rows).subspan(at * chunk, chunk), settings_.gzip, compressed_[at]);
    });
  const auto held = hold_hdf5();
  std::vector<hsize_t> corner(p.column.shape.size(), 0);
  for (std::size_t i = 0; i < chunks; ++i) {
    const std::span<const std::byte> data = settings_.gzip > 0 ? std::span<const std::byte>(compressed_[i])
                                                               : std::span(p.rows).subspan(i * chunk, chunk);
    corner[0] = static_cast<hsize_t>(p.written);
    if (H5Dwrite_chunk(p.dataset, H5P_DEFAULT, 0, corner.data(), data.size(), data.data()) < 0)
      fail(where(p.column) + " " + p.column.describe());
    p.written = std::min(p.written + p.chunk_rows, p.column.rows());
  }
  p.rows.clear();
  if (p.written == p.column.rows()) {
    p.rows.shrink_to_fit();
    p.dataset.close_now();
  }
}

void Hdf5Writer::put(const std::string& key, const Array& array) {
  if (array.type == ArrayType::kString) return put_text(key, array);
  const Column column{key, array.type, array.shape};
  if (!array.shape.empty()) {
    declare(column);
    return append(key, array.bytes);
  }
  const auto held = hold_hdf5();
  const Hdf5Id dataset = create(column, 0);
  if (H5Dwrite(dataset, hdf5_memory_type(array.type), H5S_ALL, H5S_ALL, H5P_DEFAULT, array.bytes.data()) < 0)
    fail(where(column));
}

void Hdf5Writer::put_text(const std::string& key, const Array& array) {
  const Column column{key, array.type, array.shape};
  const auto held = hold_hdf5();
  const Hdf5Id dataset = create(column, 0);
  std::vector<const char*> texts;
  for (const std::string& s : array.strings) texts.push_back(s.c_str());
  if (!texts.empty() &&
      H5Dwrite(dataset, hdf5_memory_type(array.type), H5S_ALL, H5S_ALL, H5P_DEFAULT, texts.data()) < 0)
    fail(where(column));
}

void Hdf5Writer::set_attributes(const nlohmann::json& attributes) {
  for (const auto& [name, value] : attributes.items()) {
    if (value.is_object() || (value.is_array() && !value.empty() && !value[0].is_number()))
      attribute("", name, run::json_text(value, -1));  // what HDF5 has no word for: JSON text
    else if (!value.is_null())
      attribute("", name, value);
  }
}

void Hdf5Writer::attribute(const std::string& group, const std::string& name, const nlohmann::json& value) {
  const auto held = hold_hdf5();
  const std::string at = path_ + " /" + group + " @" + name;
  Hdf5Id object(H5Oopen(file_, group.empty() ? "/" : group.c_str(), H5P_DEFAULT), H5Oclose);
  if (!object.good()) {
    const Hdf5Id creation(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
    H5Pset_obj_track_times(creation, 0);
    object = Hdf5Id(H5Gcreate2(file_, group.c_str(), H5P_DEFAULT, creation, H5P_DEFAULT), H5Oclose);
    if (!object.good()) fail(at);
  }
  const auto write = [&](hid_t type, const void* data, std::size_t n) {
    const hsize_t dims = n;
    const Hdf5Id space(value.is_array() ? H5Screate_simple(1, &dims, nullptr) : H5Screate(H5S_SCALAR),
                       H5Sclose);
    const Hdf5Id a(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    if (!a.good() || H5Awrite(a, type, data) < 0) fail(at);
  };
  if (value.is_string()) {
    const std::string text = value.get<std::string>();
    const char* pointer = text.c_str();
    return write(hdf5_memory_type(ArrayType::kString), &pointer, 1);
  }
  if (value.is_boolean()) {
    const std::uint8_t x = value.get<bool>();
    return write(hdf5_memory_type(ArrayType::kBool), &x, 1);
  }
  const nlohmann::json list = value.is_array() ? value : nlohmann::json::array({value});
  if (std::all_of(list.begin(), list.end(), [](const auto& v) { return v.is_number_integer(); })) {
    const auto x = list.get<std::vector<std::int64_t>>();
    return write(H5T_NATIVE_INT64, x.data(), x.size());
  }
  const auto x = list.get<std::vector<double>>();
  write(H5T_NATIVE_DOUBLE, x.data(), x.size());
}

void Hdf5Writer::commit() {
  for (const auto& [key, p] : pending_)
    if (p.written != p.column.rows())
      throw Error(
          "lacks rows: " +
              std::to_string(p.written + static_cast<std::int64_t>(p.rows.size() / p.column.row_bytes())) +
              " of " + p.column.describe() + " came",
          where(p.column));
  {
    const auto held = hold_hdf5();
    pending_.clear();
    if (H5Fflush(file_, H5F_SCOPE_GLOBAL) < 0 || file_.close_now() < 0) fail(path_);
  }
  out_.commit();
}

}  // namespace hardy::datasets
