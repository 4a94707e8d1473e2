// Named arrays as dataset files hold them: a type, a shape, and row-major elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hardy::datasets {

enum class ArrayType { kF32, kF64, kI32, kI64, kU64, kU8, kBool, kString };
const char* name_of(ArrayType type);
std::size_t size_of(ArrayType type);  // bytes an element; kString: 0

// Memory that resize() leaves as it is: a reader fills it, and its pages are first touched by the
// threads that do.
template <class T>
struct UninitialisedAllocator : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = UninitialisedAllocator<U>;
  };
  template <class U>
  void construct(U* p) noexcept {
    ::new (static_cast<void*>(p)) U;
  }
  template <class U, class... Args>
  void construct(U* p, Args&&... args) {
    ::new (static_cast<void*>(p)) U(std::forward<Args>(args)...);
  }
};
using Bytes = std::vector<std::byte, UninitialisedAllocator<std::byte>>;

// How a file stores elements that are of another type in memory, or of the same but in another way.
struct StoredAs {
  std::string name;  // "int16", "big-endian float32", "text[8]": datasets/formats/hdf5_types.h
  ArrayType type = ArrayType::kF32;     // in memory
  std::vector<std::uint8_t> code = {};  // HDF5's own encoding; empty: the name says all
};
using StoredAsPtr = std::shared_ptr<const StoredAs>;  // null: as in memory
std::string stored_name(ArrayType type, const StoredAsPtr& stored_as);

struct Array {
  ArrayType type = ArrayType::kF32;
  std::vector<std::int64_t> shape;   // empty: a scalar
  Bytes bytes;                       // row-major
  std::vector<std::string> strings;  // of kString
  StoredAsPtr stored_as;

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
  static Array text(std::string value);                              // a scalar
};

using Arrays = std::map<std::string, Array>;

std::string describe(ArrayType type, const std::vector<std::int64_t>& shape);

// Converts `count` elements of a numeric type to float.
void to_floats(ArrayType type, const std::byte* from, std::size_t count, float* to);

}  // namespace hardy::datasets
