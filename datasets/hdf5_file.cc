#include "datasets/hdf5_file.h"

#include <hdf5.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "engine/base/error.h"
#include "engine/run/atomic_file.h"

namespace hardy::datasets {
namespace {

#if H5_VERSION_GE(1, 12, 0)
using ObjectInfo = H5O_info1_t;
#else
using ObjectInfo = H5O_info_t;
#endif

// An HDF5 identifier that closes itself.
class Id {
 public:
  Id(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Id(Id&& o) noexcept : id_(std::exchange(o.id_, -1)), close_(o.close_) {}
  Id& operator=(Id&&) = delete;
  ~Id() {
    if (id_ >= 0) close_(id_);
  }
  operator hid_t() const { return id_; }  // NOLINT(google-explicit-constructor)
  bool good() const { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

void silence() {  // errors are this file's to tell
  static std::once_flag once;
  std::call_once(once, [] { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); });
}

Id bool_type() {
  Id type(H5Tenum_create(H5T_NATIVE_INT8), H5Tclose);
  std::int8_t value = 0;
  H5Tenum_insert(type, "FALSE", &value);
  value = 1;
  H5Tenum_insert(type, "TRUE", &value);
  return type;
}

Id memory_type(ArrayType type) {
  switch (type) {
    case ArrayType::kF32:
      return {H5Tcopy(H5T_NATIVE_FLOAT), H5Tclose};
    case ArrayType::kF64:
      return {H5Tcopy(H5T_NATIVE_DOUBLE), H5Tclose};
    case ArrayType::kI32:
      return {H5Tcopy(H5T_NATIVE_INT32), H5Tclose};
    case ArrayType::kI64:
      return {H5Tcopy(H5T_NATIVE_INT64), H5Tclose};
    case ArrayType::kU8:
      return {H5Tcopy(H5T_NATIVE_UINT8), H5Tclose};
    case ArrayType::kBool:
      return bool_type();
    case ArrayType::kString:
      break;
  }
  Id text(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(text, H5T_VARIABLE);
  H5Tset_cset(text, H5T_CSET_UTF8);
  return text;
}

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : path_(path.string()) {
    std::error_code code;
    const auto size = std::filesystem::file_size(path, code);
    if (code) throw Error("cannot be read (" + code.message() + ")", path_);
    file_bytes_ = size;
  }

  Arrays read() {
    const htri_t is = H5Fis_hdf5(path_.c_str());
    if (is == 0) throw Error("is not an HDF5 file", path_);
    if (is < 0) throw Error("cannot be read", path_);
    const Id file(H5Fopen(path_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    if (!file.good())
      throw Error("is truncated or damaged: HDF5 cannot open it", path_, "download or copy it again");
    H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_NATIVE, collect, &keys_, H5O_INFO_BASIC);
    Arrays arrays;
    for (const std::string& key : keys_) arrays[key] = read_dataset(file, key);
    return arrays;
  }

 private:
  static herr_t collect(hid_t, const char* name, const ObjectInfo* info, void* keys) {
    if (info->type == H5O_TYPE_DATASET) static_cast<std::vector<std::string>*>(keys)->emplace_back(name);
    return 0;
  }

  ArrayType type_of(hid_t type, const std::string& key) const {
    const std::size_t size = H5Tget_size(type);
    switch (H5Tget_class(type)) {
      case H5T_FLOAT:
        if (size == 2 || size == 4) return ArrayType::kF32;
        if (size == 8) return ArrayType::kF64;
        break;
      case H5T_INTEGER:
        if (size == 1) return ArrayType::kU8;
        return size <= 4 ? ArrayType::kI32 : ArrayType::kI64;
      case H5T_ENUM:
        if (size == 1) return ArrayType::kBool;
        break;
      case H5T_STRING:
        return ArrayType::kString;
      default:
        break;
    }
    throw Error("has a type that is not understood", path_ + " /" + key,
                "expected floats, integers, booleans or text");
  }

  Array read_dataset(hid_t file, const std::string& key) const {
    const std::string where = path_ + " /" + key;
    const Id dataset(H5Dopen2(file, key.c_str(), H5P_DEFAULT), H5Dclose);
    if (!dataset.good()) throw Error("cannot be opened", where);
    const Id space(H5Dget_space(dataset), H5Sclose), type(H5Dget_type(dataset), H5Tclose);
    Array array;
    array.type = type_of(type, key);
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 0 || rank > 8) throw Error("has a rank that is not understood", where);
    std::vector<hsize_t> dims(static_cast<std::size_t>(rank));
    H5Sget_simple_extent_dims(space, dims.data(), nullptr);
    double claimed = static_cast<double>(std::max<std::size_t>(size_of(array.type), 1));
    for (const hsize_t d : dims) {
      array.shape.push_back(static_cast<std::int64_t>(d));
      claimed *= static_cast<double>(d);
    }
    // gzip reaches about 1000 to 1; a file that claims more than that is lying.
    if (claimed > 1100.0 * static_cast<double>(file_bytes_) + 65536)
      throw Error("claims more data (" + array.describe() + ") than the file can hold", where);
    if (array.type == ArrayType::kString) {
      read_strings(dataset, type, space, where, array);
      return array;
    }
    array.bytes.resize(static_cast<std::size_t>(array.elements()) * size_of(array.type));
    const Id memory = memory_type(array.type);
    if (array.elements() > 0 && H5Dread(dataset, array.type == ArrayType::kBool ? hid_t(type) : hid_t(memory),
                                        H5S_ALL, H5S_ALL, H5P_DEFAULT, array.bytes.data()) < 0)
      throw Error(
          "cannot be read (damaged, truncated, or an unsupported filter); it says it is " + array.describe(),
          where);
    return array;
  }

  void read_strings(hid_t dataset, hid_t type, hid_t space, const std::string& where, Array& array) const {
    const auto n = static_cast<std::size_t>(array.elements());
    if (H5Tis_variable_str(type) > 0) {
      std::vector<char*> texts(n, nullptr);
      const Id memory(H5Tcopy(type), H5Tclose);
      if (n && H5Dread(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts.data()) < 0)
        throw Error("cannot be read", where);
      for (const char* t : texts) array.strings.emplace_back(t ? t : "");
      if (n) H5Dvlen_reclaim(memory, space, H5P_DEFAULT, texts.data());
      return;
    }
    const std::size_t width = H5Tget_size(type);
    std::vector<char> texts(n * width);
    if (n && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts.data()) < 0)
      throw Error("cannot be read", where);
    for (std::size_t i = 0; i < n; ++i) {
      const char* t = texts.data() + i * width;
      array.strings.emplace_back(t, strnlen(t, width));
    }
  }

  std::string path_;
  std::uintmax_t file_bytes_ = 0;
  std::vector<std::string> keys_;
};

void write_dataset(hid_t file, const std::string& key, const Array& array, int gzip,
                   const std::string& path) {
  const std::string where = path + " /" + key;
  const Id links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(links, 1);
  std::vector<hsize_t> dims(array.shape.begin(), array.shape.end());
  const Id space(dims.empty() ? H5Screate(H5S_SCALAR)
                              : H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
                 H5Sclose);
  const Id creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation, 0);  // the same contents give the same file
  if (!dims.empty() && array.elements() > 0 && array.type != ArrayType::kString && gzip > 0) {
    std::vector<hsize_t> chunk = dims;
    const std::size_t row = array.bytes.size() / static_cast<std::size_t>(dims[0]);
    chunk[0] = std::clamp<hsize_t>((256 * 1024) / std::max<std::size_t>(row, 1), 1, dims[0]);
    H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
    H5Pset_deflate(creation, static_cast<unsigned>(gzip));
  }
  const Id type = memory_type(array.type);
  const Id dataset(H5Dcreate2(file, key.c_str(), type, space, links, creation, H5P_DEFAULT), H5Dclose);
  if (!dataset.good()) throw Error::failed_run("cannot be created", where);
  herr_t result = 0;
  if (array.type == ArrayType::kString) {
    std::vector<const char*> texts;
    for (const std::string& s : array.strings) texts.push_back(s.c_str());
    if (!texts.empty()) result = H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts.data());
  } else if (array.elements() > 0) {
    result = H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.bytes.data());
  }
  if (result < 0) throw Error::failed_run("cannot be written (is the disk full?)", where);
}

template <class T>
std::vector<float> converted(const Array& a) {
  const T* x = a.as<T>();
  return {x, x + a.elements()};
}

}  // namespace

const char* name_of(ArrayType type) {
  switch (type) {
    case ArrayType::kF32:
      return "float32";
    case ArrayType::kF64:
      return "float64";
    case ArrayType::kI32:
      return "int32";
    case ArrayType::kI64:
      return "int64";
    case ArrayType::kU8:
      return "uint8";
    case ArrayType::kBool:
      return "bool";
    case ArrayType::kString:
      return "string";
  }
  return "?";
}

std::size_t size_of(ArrayType type) {
  switch (type) {
    case ArrayType::kF64:
    case ArrayType::kI64:
      return 8;
    case ArrayType::kF32:
    case ArrayType::kI32:
      return 4;
    case ArrayType::kU8:
    case ArrayType::kBool:
      return 1;
    case ArrayType::kString:
      return 0;
  }
  return 0;
}

std::int64_t Array::elements() const {
  std::int64_t n = 1;
  for (const std::int64_t d : shape) n *= d;
  return n;
}

std::string Array::describe() const {
  std::string text = std::string(name_of(type)) + " [";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::vector<float> Array::floats() const {
  switch (type) {
    case ArrayType::kF32:
      return {as<float>(), as<float>() + elements()};
    case ArrayType::kF64:
      return converted<double>(*this);
    case ArrayType::kI32:
      return converted<std::int32_t>(*this);
    case ArrayType::kI64:
      return converted<std::int64_t>(*this);
    case ArrayType::kU8:
    case ArrayType::kBool:
      return converted<std::uint8_t>(*this);
    case ArrayType::kString:
      break;
  }
  throw Error("text cannot be read as numbers");
}

Array Array::of(ArrayType type, std::vector<std::int64_t> shape) {
  Array a;
  a.type = type;
  a.shape = std::move(shape);
  a.bytes.resize(static_cast<std::size_t>(a.elements()) * size_of(type));
  return a;
}

Arrays read_hdf5(const std::filesystem::path& path) {
  silence();
  return Reader(path).read();
}

void write_hdf5(const std::filesystem::path& path, const Arrays& arrays, int gzip) {
  silence();
  run::AtomicFile out(path);
  {
    const Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST);
    Id file(H5Fcreate(out.temporary().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), H5Fclose);
    if (!file.good())
      throw Error::failed_run("cannot be written", path.string(),
                              "does its folder exist, and is there room?");
    for (const auto& [key, array] : arrays) write_dataset(file, key, array, gzip, path.string());
    if (H5Fflush(file, H5F_SCOPE_GLOBAL) < 0)
      throw Error::failed_run("cannot be written (is the disk full?)", path.string());
  }
  out.commit();
}

}  // namespace hardy::datasets
