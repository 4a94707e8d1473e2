#include "datasets/pieces.h"

#include <cstring>

#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

template <class T>
void load(const std::byte* from, std::size_t count, double* to) {
  for (std::size_t i = 0; i < count; ++i) {
    T x;
    std::memcpy(&x, from + i * sizeof(T), sizeof(T));
    to[i] = static_cast<double>(x);
  }
}

}  // namespace

void load_doubles(ArrayType type, const std::byte* from, std::size_t count, double* to) {
  switch (type) {
    case ArrayType::kF32:
      return load<float>(from, count, to);
    case ArrayType::kF64:
      return load<double>(from, count, to);
    case ArrayType::kI32:
      return load<std::int32_t>(from, count, to);
    case ArrayType::kI64:
      return load<std::int64_t>(from, count, to);
    case ArrayType::kU64:
      return load<std::uint64_t>(from, count, to);
    case ArrayType::kU8:
    case ArrayType::kBool:
      return load<std::uint8_t>(from, count, to);
    case ArrayType::kString:
      break;
  }
  throw Error("text cannot be read as numbers");
}

void store_doubles(ArrayType type, const double* from, std::size_t count, std::byte* to) {
  if (type == ArrayType::kF64) {
    std::memcpy(to, from, count * sizeof(double));
  } else if (type == ArrayType::kF32) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto x = static_cast<float>(from[i]);
      std::memcpy(to + i * sizeof(float), &x, sizeof(float));
    }
  } else {
    throw Error(std::string(name_of(type)) + " cannot be written from float64");
  }
}

std::vector<double> read_doubles(Reader& reader, const Column& column, std::int64_t first,
                                 std::int64_t rows) {
  Bytes raw(static_cast<std::size_t>(rows) * column.row_bytes());
  reader.read(column, first, rows, raw);
  std::vector<double> x(static_cast<std::size_t>(rows * column.row_elements()));
  load_doubles(column.type, raw.data(), x.size(), x.data());
  return x;
}

}  // namespace hardy::datasets
