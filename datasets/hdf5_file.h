// HDF5 files as named arrays, over libhdf5's C API. Groups are flattened with "/", scalars have rank 0,
// booleans are the 8-bit FALSE/TRUE enumeration that NumPy's bool becomes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace hardy::datasets {

enum class ArrayType { kF32, kF64, kI32, kI64, kU8, kBool, kString };
const char* name_of(ArrayType type);
std::size_t size_of(ArrayType type);  // bytes an element; kString: 0

struct Array {
  ArrayType type = ArrayType::kF32;
  std::vector<std::int64_t> shape;   // empty: a scalar
  std::vector<std::byte> bytes;      // row-major
  std::vector<std::string> strings;  // of kString

  std::int64_t elements() const;
  std::int64_t rows() const { return shape.empty() ? 1 : shape[0]; }
  std::string describe() const;  // "float32 [1000, 11]"
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(bytes.data());
  }
  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(bytes.data());
  }
  // Elements as float, whatever the numeric type.
  std::vector<float> floats() const;

  static Array of(ArrayType type, std::vector<std::int64_t> shape);  // zeroed
};

using Arrays = std::map<std::string, Array>;

// Every dataset of the file. Errors name the file and the key: not HDF5, truncated, a type or rank that
// is not understood, more data than the file can hold.
Arrays read_hdf5(const std::filesystem::path& path);

// Writes all arrays, chunked and gzip-compressed where they have rows; atomic (temporary name, synced,
// renamed). gzip level 0 to 9.
void write_hdf5(const std::filesystem::path& path, const Arrays& arrays, int gzip = 4);

}  // namespace hardy::datasets
