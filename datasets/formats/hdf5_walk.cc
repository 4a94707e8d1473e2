#include "datasets/formats/hdf5_walk.h"

#include <algorithm>
#include <cstring>

#include "datasets/formats/hdf5_handle.h"
#include "datasets/formats/hdf5_layout.h"
#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;

#if H5_VERSION_GE(1, 12, 0)
using ObjectInfo = H5O_info1_t;
#else
using ObjectInfo = H5O_info_t;
#endif

constexpr std::size_t kMostAttributeElements = 65536;

json binary(const void* data, std::size_t bytes) {
  const auto* p = static_cast<const std::uint8_t*>(data);
  return json::binary(std::vector<std::uint8_t>(p, p + bytes));
}

// Reads a whole attribute or dataset as text, through `read(memory type, buffer)`.
template <class Read>
std::vector<std::string> read_text(hid_t type, hid_t space, std::size_t n, const std::string& where,
                                   Read read) {
  std::vector<std::string> texts;
  if (n == 0) return texts;
  if (H5Tis_variable_str(type) > 0) {
    std::vector<char*> pointers(n, nullptr);
    const Hdf5Id memory(H5Tcopy(type), H5Tclose);
    if (read(memory, pointers.data()) < 0) throw Error("cannot be read", where);
    for (const char* t : pointers) texts.emplace_back(t ? t : "");
    H5Dvlen_reclaim(memory, space, H5P_DEFAULT, pointers.data());
    return texts;
  }
  const std::size_t width = H5Tget_size(type);
  std::vector<char> characters(n * width);
  if (read(type, characters.data()) < 0) throw Error("cannot be read", where);
  for (std::size_t i = 0; i < n; ++i)
    texts.emplace_back(characters.data() + i * width, strnlen(characters.data() + i * width, width));
  return texts;
}

class Walk {
 public:
  explicit Walk(std::string path)
      : path_(std::move(path)), file_(H5Fopen(path_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose) {}

  json run() {
    if (!file_.good())
      throw Error("is truncated or damaged: HDF5 cannot open it", path_, "download or copy it again");
    const Hdf5Id creation(H5Fget_create_plist(file_), H5Pclose);
    hsize_t user_block = 0;
    H5Pget_userblock(creation, &user_block);
    if (user_block != 0) throw Error("begins with a user block, which is not understood", path_);
    json attributes = json::object(), datasets = json::array();
    if (H5Ovisit2(file_, H5_INDEX_NAME, H5_ITER_NATIVE, collect, this, H5O_INFO_BASIC | H5O_INFO_NUM_ATTRS) <
        0)
      throw Error("is damaged: its groups cannot be walked", path_, "download or copy it again");
    for (const std::string& group : groups_)
      if (json a = attributes_of(group); !a.empty()) attributes[group == "." ? "" : group] = std::move(a);
    for (const std::string& key : keys_) datasets.push_back(dataset(key));
    return {{"datasets", std::move(datasets)}, {"attributes", std::move(attributes)}};
  }

 private:
  static herr_t collect(hid_t, const char* name, const ObjectInfo* info, void* self) {
    auto& walk = *static_cast<Walk*>(self);
    if (info->type == H5O_TYPE_DATASET) walk.keys_.emplace_back(name);
    if (info->type == H5O_TYPE_GROUP && info->num_attrs != 0) walk.groups_.emplace_back(name);
    return 0;
  }

  static herr_t collect_attribute(hid_t, const char* name, const H5A_info_t*, void* names) {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
    return 0;
  }

  json attributes_of(const std::string& group) const {
    const Hdf5Id object(H5Oopen(file_, group.c_str(), H5P_DEFAULT), H5Oclose);
    std::vector<std::string> names;
    if (object.good()) H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, collect_attribute, &names);
    json all = json::object();
    for (const std::string& name : names) all[name] = attribute(object, name);
    return all;
  }

  // Numbers and text; null for what JSON has no word for.
  json attribute(hid_t object, const std::string& name) const {
    const Hdf5Id a(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose);
    if (!a.good()) return nullptr;
    const Hdf5Id space(H5Aget_space(a), H5Sclose), type(H5Aget_type(a), H5Tclose);
    const hssize_t n = H5Sget_simple_extent_npoints(space);
    if (n < 1 || static_cast<std::size_t>(n) > kMostAttributeElements) return nullptr;
    const auto count = static_cast<std::size_t>(n);
    json values = json::array();
    const auto numbers = [&]<class T>(hid_t memory, T) {
      std::vector<T> x(count);
      if (H5Aread(a, memory, x.data()) < 0) return;
      for (const T v : x) values.push_back(v);
    };
    switch (H5Tget_class(type)) {
      case H5T_STRING:
        values = read_text(type, space, count, path_ + " @" + name,
                           [&](hid_t memory, void* to) { return H5Aread(a, memory, to); });
        break;
      case H5T_FLOAT:
        numbers(H5T_NATIVE_DOUBLE, double{});
        break;
      case H5T_INTEGER:
        numbers(H5T_NATIVE_INT64, std::int64_t{});
        break;
      case H5T_ENUM: {
        std::vector<std::uint8_t> x(count);
        if (H5Tget_size(type) == 1 && H5Aread(a, type, x.data()) >= 0)
          for (const std::uint8_t v : x) values.push_back(v != 0);
        break;
      }
      default:
        break;
    }
    if (values.empty()) return nullptr;
    return H5Sget_simple_extent_ndims(space) == 0 ? values[0] : values;
  }

  // 'f', 'i', 'u', 'b' or 's', as StoredType has them.
  static char kind_of(hid_t type, const std::string& where) {
    StoredType known;
    const std::size_t size = H5Tget_size(type);
    char kind = ' ';
    switch (H5Tget_class(type)) {
      case H5T_FLOAT:
        kind = 'f';
        break;
      case H5T_INTEGER:
        kind = H5Tget_sign(type) == H5T_SGN_NONE ? 'u' : 'i';
        break;
      case H5T_ENUM:
        kind = 'b';
        break;
      case H5T_STRING:
        return 's';
      default:
        break;
    }
    if (!stored_number(kind, size, false, known))
      throw Error("has a type that is not understood", where, "expected floats, integers, booleans or text");
    return kind;
  }

  json dataset(const std::string& key) const {
    const std::string where = path_ + " /" + key;
    const Hdf5Id dataset(H5Dopen2(file_, key.c_str(), H5P_DEFAULT), H5Dclose);
    if (!dataset.good())
      throw Error("cannot be opened: it is damaged, or written by a newer HDF5 than this one", where);
    const Hdf5Id space(H5Dget_space(dataset), H5Sclose), type(H5Dget_type(dataset), H5Tclose);
    const Hdf5Id creation(H5Dget_create_plist(dataset), H5Pclose);
    const char kind = kind_of(type, where);
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 0 || rank > 8 || H5Sget_simple_extent_type(space) == H5S_NULL)
      throw Error("has a rank that is not understood", where);
    std::vector<hsize_t> dims(static_cast<std::size_t>(rank)), chunk;
    H5Sget_simple_extent_dims(space, dims.data(), nullptr);
    const std::size_t size = H5Tget_size(type);
    json d{{"key", key},
           {"kind", static_cast<int>(kind)},
           {"size", size},
           {"big_endian", H5Tget_order(type) == H5T_ORDER_BE},
           {"shape", dims}};
    if (kind == 's') {
      const auto n = static_cast<std::size_t>(std::max<hssize_t>(H5Sget_simple_extent_npoints(space), 0));
      d["text"] = read_text(type, space, n, where, [&](hid_t memory, void* to) {
        return H5Dread(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, to);
      });
      return d;
    }
    std::vector<std::uint8_t> fill(size, 0);
    if (H5Pget_fill_value(creation, type, fill.data()) < 0) std::fill(fill.begin(), fill.end(), 0);
    d["fill"] = json::binary(fill);
    std::vector<Hdf5Chunk> places;
    switch (H5Pget_layout(creation)) {
      case H5D_COMPACT: {
        const auto n = static_cast<std::size_t>(std::max<hssize_t>(H5Sget_simple_extent_npoints(space), 0));
        std::vector<std::uint8_t> bytes(n * size);
        if (n && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0)
          throw Error("cannot be read", where, "the file is damaged");
        d["stored"] = json::binary(bytes);
        break;
      }
      case H5D_CONTIGUOUS:
        if (H5Pget_external_count(creation) > 0)
          throw Error("keeps its data in another file, which is not followed", where);
        if (const haddr_t at = H5Dget_offset(dataset); at != HADDR_UNDEF)
          places.push_back({0, at, H5Dget_storage_size(dataset), 0});
        break;
      case H5D_CHUNKED:
        chunk.resize(dims.size());
        H5Pget_chunk(creation, rank, chunk.data());
        d["filters"] = filters(creation);
        places = chunks(dataset, space, dims, chunk, where);
        break;
      default:
        throw Error("is a virtual dataset, which is not followed", where);
    }
    d["chunk"] = chunk;
    d["chunks"] = binary(places.data(), places.size() * sizeof(Hdf5Chunk));
    return d;
  }

  static std::vector<int> filters(hid_t creation) {
    std::vector<int> all;
    const int n = H5Pget_nfilters(creation);
    for (int i = 0; i < n; ++i) {
      unsigned flags = 0, config = 0;
      std::size_t values = 0;
      all.push_back(
          H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, &config));
    }
    return all;
  }

  static std::vector<Hdf5Chunk> chunks(hid_t dataset, hid_t space, const std::vector<hsize_t>& dims,
                                       const std::vector<hsize_t>& chunk, const std::string& where) {
    hsize_t n = 0;
    if (H5Dget_num_chunks(dataset, space, &n) < 0) throw Error("has a damaged index", where);
    std::vector<Hdf5Chunk> all;
    std::vector<hsize_t> at(dims.size());
    for (hsize_t i = 0; i < n; ++i) {
      unsigned skipped = 0;
      haddr_t offset = HADDR_UNDEF;
      hsize_t bytes = 0;
      if (H5Dget_chunk_info(dataset, space, i, at.data(), &skipped, &offset, &bytes) < 0)
        throw Error("has a damaged index", where);
      std::uint64_t cell = 0;
      bool inside = true;
      for (std::size_t k = 0; k < dims.size(); ++k) {
        const hsize_t cells = chunk[k] ? (dims[k] + chunk[k] - 1) / chunk[k] : 0;
        inside = inside && at[k] < dims[k];
        if (inside) cell = cell * cells + at[k] / chunk[k];
      }
      if (inside) all.push_back({cell, offset, bytes, skipped});
    }
    return all;
  }

  std::string path_;
  Hdf5Id file_;
  std::vector<std::string> keys_, groups_;
};

}  // namespace

json walk_hdf5(const std::string& path) {
  try {
    return Walk(path).run();
  } catch (const Error& e) {
    return {{"error", e.problem()}, {"where", e.where()}, {"fix", e.fix()}};
  }
}

}  // namespace hardy::datasets
