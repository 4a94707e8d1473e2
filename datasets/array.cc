#include "datasets/array.h"

#include <cstring>

#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

template <class T>
void convert(const std::byte* from, std::size_t count, float* to) {
  for (std::size_t i = 0; i < count; ++i) {
    T x;
    std::memcpy(&x, from + i * sizeof(T), sizeof(T));
    to[i] = static_cast<float>(x);
  }
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
    case ArrayType::kU64:
      return "uint64";
    case ArrayType::kU8:
      return "uint8";
    case ArrayType::kBool:
      return "bool";
    case ArrayType::kString:
      return "string";
  }
  return "?";
}

std::string stored_name(ArrayType type, const StoredAsPtr& stored_as) {
  if (stored_as && stored_as->type == type) return stored_as->name;
  return type == ArrayType::kString ? "text" : name_of(type);
}

std::size_t size_of(ArrayType type) {
  switch (type) {
    case ArrayType::kF64:
    case ArrayType::kI64:
    case ArrayType::kU64:
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

std::string describe(ArrayType type, const std::vector<std::int64_t>& shape) {
  std::string text = std::string(name_of(type)) + " [";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::string Array::describe() const { return datasets::describe(type, shape); }

void to_floats(ArrayType type, const std::byte* from, std::size_t count, float* to) {
  switch (type) {
    case ArrayType::kF32:
      if (count) std::memcpy(to, from, count * sizeof(float));
      return;
    case ArrayType::kF64:
      return convert<double>(from, count, to);
    case ArrayType::kI32:
      return convert<std::int32_t>(from, count, to);
    case ArrayType::kI64:
      return convert<std::int64_t>(from, count, to);
    case ArrayType::kU64:
      return convert<std::uint64_t>(from, count, to);
    case ArrayType::kU8:
    case ArrayType::kBool:
      return convert<std::uint8_t>(from, count, to);
    case ArrayType::kString:
      break;
  }
  throw Error("text cannot be read as numbers");
}

std::vector<float> Array::floats() const {
  if (type == ArrayType::kString) throw Error("text cannot be read as numbers");
  std::vector<float> x(static_cast<std::size_t>(elements()));
  to_floats(type, bytes.data(), x.size(), x.data());
  return x;
}

Array Array::of(ArrayType type, std::vector<std::int64_t> shape) {
  Array a;
  a.type = type;
  a.shape = std::move(shape);
  a.bytes.assign(static_cast<std::size_t>(a.elements()) * size_of(type), std::byte{0});
  return a;
}

Array Array::text(std::string value) {
  Array a;
  a.type = ArrayType::kString;
  a.strings.push_back(std::move(value));
  return a;
}

}  // namespace hardy::datasets
