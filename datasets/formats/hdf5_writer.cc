#include "datasets/formats/hdf5_writer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>

#include "datasets/formats/deflate.h"
#include "datasets/formats/hdf5_attributes.h"
#include "datasets/formats/hdf5_chunks.h"
#include "datasets/formats/hdf5_filters.h"
#include "datasets/formats/hdf5_types.h"
#include "datasets/pieces.h"
#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

constexpr std::size_t kChunkBytes = 256 * 1024;
constexpr std::int64_t kChunksAtOnce = 16;  // compressed together; part of the file's order, so a constant

// A truth value is its byte.
Hdf5Id number_in_memory(ArrayType type) {
  return type == ArrayType::kBool ? Hdf5Id(H5Tcopy(H5T_NATIVE_UINT8), H5Tclose) : hdf5_memory_type(type);
}

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
  require_hdf5_memory(path_);
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
  throw Error::failed_run(std::string("cannot be written (") + why_hdf5_did_not_write() + ")", where,
                          "what was there before is as it was");
}

// What the library still holds back of a dataset is written when it is closed.
void Hdf5Writer::close(Hdf5Id& dataset, const Column& column) const {
  if (dataset.good() && dataset.close_now() < 0) fail(where(column) + " " + column.describe());
}

// The type that the column says it is stored as; -1 where that is the one in memory, or cannot be had.
Hdf5Id Hdf5Writer::usable_type(const Column& column) {
  const StoredAsPtr& as = column.stored_as;
  if (!as || as->type != column.type) return {-1, H5Tclose};
  Hdf5Id type = as->code.empty() ? hdf5_type_named(as->name) : decode_hdf5_type(as->code);
  bool usable = type.good();
  if (usable && column.type == ArrayType::kString) {
    usable = H5Tget_class(type) == H5T_STRING;
  } else if (usable) {
    const Hdf5Id memory = number_in_memory(column.type), number = number_of_hdf5_type(type);
    H5T_cdata_t* path = nullptr;
    usable = H5Tfind(memory, number, &path) && H5Tfind(number, memory, &path);
  }
  return usable ? std::move(type) : Hdf5Id(-1, H5Tclose);
}

Hdf5Id Hdf5Writer::stored_type(const Column& column) {
  const StoredAsPtr& as = column.stored_as;
  Hdf5Id type = usable_type(column);
  if (type.good() || !as || as->type != column.type) return type;
  note("/" + column.key + " was stored as " + as->name + " and is now " +
       stored_name(column.type, StoredAsPtr()));
  return type;
}

// How a dataset is stored: chunks of so many rows; 0: whole.
Hdf5Id Hdf5Writer::creation_of(const Column& column, std::int64_t chunk_rows) const {
  Hdf5Id creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation, 0);  // the same contents give the same file
  if (chunk_rows > 0) {
    std::vector<hsize_t> chunk(column.shape.begin(), column.shape.end());
    chunk[0] = static_cast<hsize_t>(chunk_rows);
    H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
    if (settings_.gzip > 0) H5Pset_deflate(creation, static_cast<unsigned>(settings_.gzip));
  }
  return creation;
}

Hdf5Id Hdf5Writer::create(const Column& column, hid_t type, hid_t creation) {
  const Hdf5Id links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(links, 1);
  const std::vector<hsize_t> dims(column.shape.begin(), column.shape.end());
  std::vector<hsize_t> most = dims;
  if (settings_.growable && H5Pget_layout(creation) == H5D_CHUNKED) most[0] = H5S_UNLIMITED;
  const Hdf5Id space(dims.empty() ? H5Screate(H5S_SCALAR)
                                  : H5Screate_simple(static_cast<int>(dims.size()), dims.data(), most.data()),
                     H5Sclose);
  const Hdf5Id memory = hdf5_memory_type(column.type);
  Hdf5Id dataset(H5Dcreate2(file_, column.key.c_str(), type < 0 ? static_cast<hid_t>(memory) : type, space,
                            links, creation, H5P_DEFAULT),
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
  Hdf5Id type = stored_type(column);
  const std::size_t bytes = type.good() ? H5Tget_size(type) : size_of(column.type);
  Hdf5Id dataset = create(column, type, creation_of(column, chunk_rows));
  // Rows without elements never come.
  pending_.insert_or_assign(column.key, Pending{column,
                                                std::move(dataset),
                                                std::move(type),
                                                static_cast<std::size_t>(column.row_elements()) * bytes,
                                                chunk_rows,
                                                column.row_elements() == 0 ? column.rows() : 0,
                                                {}});
}

// Elements as the file has them. Errors: values that its type cannot hold.
Bytes Hdf5Writer::as_stored(const Column& column, hid_t type, std::span<const std::byte> rows) const {
  const std::size_t n = rows.size() / size_of(column.type), size = H5Tget_size(type);
  const Hdf5Id memory = number_in_memory(column.type), number = number_of_hdf5_type(type);
  Bytes stored(n * std::max(size, size_of(column.type)));
  std::copy(rows.begin(), rows.end(), stored.begin());
  bool exact = H5Tconvert(memory, number, n, stored.data(), nullptr, H5P_DEFAULT) >= 0;
  Bytes back = stored;
  exact = exact && H5Tconvert(number, memory, n, back.data(), nullptr, H5P_DEFAULT) >= 0;
  if (exact && !std::equal(rows.begin(), rows.end(), back.begin())) {  // a NaN may have other bits
    std::vector<double> x(n), y(n);
    load_doubles(column.type, rows.data(), n, x.data());
    load_doubles(column.type, back.data(), n, y.data());
    exact = std::equal(x.begin(), x.end(), y.begin(), [&](double a, double b) {
      return column.type == ArrayType::kF32 || column.type == ArrayType::kF64
                 ? std::isnan(a) ? std::isnan(b) : a == b
                 : false;
    });
  }
  if (!exact)
    throw Error("holds values that " + column.stored_as->name + " cannot hold", where(column),
                "write it without its stored type");
  stored.resize(n * size);
  return stored;
}

void Hdf5Writer::append(const std::string& key, std::span<const std::byte> rows) {
  const auto found = pending_.find(key);
  if (found == pending_.end()) throw Error("was not declared", path_ + " /" + key);
  Pending& p = found->second;
  const std::size_t row = p.column.row_bytes();
  if (rows.empty()) return;
  const std::size_t left = static_cast<std::size_t>(p.column.rows() - p.came()) * row;
  if (row == 0 || rows.size() % row != 0 || rows.size() > left)
    throw Error("gets " + std::to_string(rows.size()) + " bytes where " + std::to_string(left) +
                    " are left of " + p.column.describe(),
                where(p.column));
  Bytes converted;
  if (p.type.good()) {
    const auto held = hold_hdf5();
    converted = as_stored(p.column, p.type, rows);
    rows = converted;
  }
  const std::size_t batch = static_cast<std::size_t>(p.chunk_rows * kChunksAtOnce) * p.row_bytes;
  while (!rows.empty()) {
    const std::size_t n = std::min(rows.size(), batch - p.rows.size());
    p.rows.insert(p.rows.end(), rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(n));
    rows = rows.subspan(n);
    if (p.rows.size() == batch) flush(p, false);
  }
  if (p.came() == p.column.rows()) flush(p, true);
}

// Writes the chunks that are full, and with `all` also the last one.
void Hdf5Writer::flush(Pending& p, bool all) {
  const std::size_t chunk = static_cast<std::size_t>(p.chunk_rows) * p.row_bytes;
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
    close(p.dataset, p.column);
  }
}

void Hdf5Writer::put(const std::string& key, const Array& array) {
  if (array.type == ArrayType::kString) return put_text(key, array);
  const Column column{key, array.type, array.shape, array.stored_as};
  if (!array.shape.empty()) {
    declare(column);
    return append(key, array.bytes);
  }
  const auto held = hold_hdf5();
  const Hdf5Id type = stored_type(column), memory = hdf5_memory_type(array.type);
  Hdf5Id dataset = create(column, type, creation_of(column, 0));
  const Bytes elements = type.good() ? as_stored(column, type, array.bytes) : array.bytes;
  if (H5Dwrite(dataset, type.good() ? type : memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements.data()) < 0)
    fail(where(column));
  close(dataset, column);
}

bool Hdf5Writer::copy_stored(Reader& from, const Column& column) {
  constexpr std::uint64_t kBytesAtOnce = 16 << 20;
  auto* source = settings_.keep ? dynamic_cast<Hdf5ChunkSource*>(&from) : nullptr;
  const Hdf5Dataset* d = source ? source->chunked(column) : nullptr;
  if (!d) return false;
  Hdf5Id dataset(-1, H5Dclose);
  {
    const auto held = hold_hdf5();
    const Hdf5Id type = usable_type(column), memory = hdf5_memory_type(column.type);
    if (H5Tget_size(type.good() ? type : memory) != d->element.size) return false;
    const Hdf5Id creation = creation_of(column, 0);
    const std::vector<hsize_t> chunk(d->chunk.begin(), d->chunk.end());
    H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
    for (const int filter : d->filters) {
      if (filter == kHdf5Deflate) H5Pset_deflate(creation, static_cast<unsigned>(d->gzip));
      if (filter == kHdf5Shuffle) H5Pset_shuffle(creation);
      if (filter == kHdf5Fletcher) H5Pset_fletcher32(creation);
    }
    dataset = create(column, type, creation);
  }
  std::vector<Bytes> stored;
  for (std::size_t first = 0; first < d->chunks.size(); first += stored.size()) {
    std::size_t n = 0;
    for (std::uint64_t bytes = 0; first + n < d->chunks.size() && (n == 0 || bytes < kBytesAtOnce); ++n)
      bytes += d->chunks[first + n].bytes;
    stored.resize(n);
    source->read_chunks(*d, first, stored);
    const auto held = hold_hdf5();
    for (std::size_t i = 0; i < n; ++i) {
      const Hdf5Chunk& c = d->chunks[first + i];
      const std::vector<std::int64_t> at = d->corner_of(c);
      const std::vector<hsize_t> corner(at.begin(), at.end());
      if (H5Dwrite_chunk(dataset, H5P_DEFAULT, static_cast<std::uint32_t>(c.skipped), corner.data(),
                         stored[i].size(), stored[i].data()) < 0)
        fail(where(column) + " " + column.describe());
    }
  }
  const auto held = hold_hdf5();
  close(dataset, column);
  return true;
}

void Hdf5Writer::put_text(const std::string& key, const Array& array) {
  const Column column{key, array.type, array.shape, array.stored_as};
  const auto held = hold_hdf5();
  Hdf5Id type = stored_type(column);
  std::size_t width = type.good() && H5Tis_variable_str(type) <= 0 ? H5Tget_size(type) : 0;
  for (const std::string& s : array.strings)
    if (width > 0 && s.size() > width) width = 0;  // text of variable length after all
  if (width == 0 && (!type.good() || H5Tis_variable_str(type) <= 0)) type = hdf5_memory_type(array.type);
  Hdf5Id dataset = create(column, type, creation_of(column, 0));
  std::vector<const char*> texts;
  std::vector<char> fixed(width * array.strings.size(),
                          width > 0 && H5Tget_strpad(type) == H5T_STR_SPACEPAD ? ' ' : '\0');
  for (std::size_t i = 0; i < array.strings.size(); ++i) {
    texts.push_back(array.strings[i].c_str());
    if (width > 0) std::copy(array.strings[i].begin(), array.strings[i].end(), &fixed[i * width]);
  }
  const void* data = width > 0 ? static_cast<const void*>(fixed.data()) : texts.data();
  if (!texts.empty() && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) fail(where(column));
  close(dataset, column);
}

void Hdf5Writer::set_attributes(const std::vector<Attribute>& attributes) { attributes_ = attributes; }

void Hdf5Writer::attribute(const std::string& group, const std::string& name, const nlohmann::json& value) {
  const auto held = hold_hdf5();
  if (!write_attribute({group, name, false, value})) fail(path_ + " /" + group + " @" + name);
}

// False where HDF5 refuses. A column that is not in this file has no attributes; a group is made.
bool Hdf5Writer::write_attribute(const Attribute& attribute) {
  const std::string& key = attribute.object;
  Hdf5Id object(H5Oopen(file_, key.empty() ? "/" : key.c_str(), H5P_DEFAULT), H5Oclose);
  if (!object.good() && attribute.of_column) return true;
  if (!object.good()) {
    const Hdf5Id creation(H5Pcreate(H5P_GROUP_CREATE), H5Pclose), links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_obj_track_times(creation, 0);
    H5Pset_create_intermediate_group(links, 1);
    object = Hdf5Id(H5Gcreate2(file_, key.c_str(), links, creation, H5P_DEFAULT), H5Oclose);
  }
  return object.good() && write_hdf5_attribute(object, attribute);
}

void Hdf5Writer::commit() {
  for (const auto& [key, p] : pending_)
    if (p.written != p.column.rows())
      throw Error("lacks rows: " + std::to_string(p.came()) + " of " + p.column.describe() + " came",
                  where(p.column));
  {
    const auto held = hold_hdf5();
    pending_.clear();
    for (const Attribute& a : attributes_)
      if (!write_attribute(a))
        note("the attribute " + a.name + " of /" + a.object +
             " is left out: HDF5 keeps none above 64 KiB here");
    if (H5Fflush(file_, H5F_SCOPE_GLOBAL) < 0 || file_.close_now() < 0) fail(path_);
  }
  out_.commit();
}

}  // namespace hardy::datasets
