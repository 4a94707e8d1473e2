#include "datasets/formats/stored_type.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace hardy::datasets {
namespace {

float half_to_float(std::uint16_t h) {
  const int exponent = h >> 10 & 31;
  const float mantissa = static_cast<float>(h & 1023), sign = h >> 15 ? -1.0f : 1.0f;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  if (exponent == 31) return mantissa != 0 ? NAN : sign * INFINITY;
  return sign * std::ldexp(mantissa + 1024, exponent - 25);
}

template <class From, class To>
void convert(const std::byte* from, std::size_t count, bool swap, std::byte* to) {
  for (std::size_t i = 0; i < count; ++i) {
    std::array<std::byte, sizeof(From)> raw;
    std::memcpy(raw.data(), from + i * sizeof(From), sizeof(From));
    if (swap) std::reverse(raw.begin(), raw.end());
    To value;
    if constexpr (std::is_same_v<From, To>)
      std::memcpy(&value, raw.data(), sizeof value);  // bits of a NaN included
    else
      value =
          static_cast<To>(std::bit_cast<From>(raw));  // NOLINT(bugprone-signed-char-misuse): int8 is a number
    std::memcpy(to + i * sizeof(To), &value, sizeof(To));
  }
}

}  // namespace

bool stored_number(char kind, std::size_t size, bool big_endian, StoredType& type) {
  const bool float_size = size == 2 || size == 4 || size == 8, integer_size = size == 1 || float_size;
  if (kind == 'f' ? !float_size : kind == 'b' ? size != 1 : !integer_size || (kind != 'i' && kind != 'u'))
    return false;
  ArrayType memory = ArrayType::kI64;
  if (kind == 'f') memory = size == 8 ? ArrayType::kF64 : ArrayType::kF32;
  if (kind == 'b') memory = ArrayType::kBool;
  if (kind == 'i' && size <= 4) memory = ArrayType::kI32;
  if (kind == 'u' && size <= 2) memory = size == 1 ? ArrayType::kU8 : ArrayType::kI32;
  type = {memory, kind, size, big_endian && size > 1};
  return true;
}

void convert_elements(const StoredType& d, const std::byte* from, std::size_t n, std::byte* to) {
  const bool swap = d.big_endian;
  switch (d.kind) {
    case 'b':
      std::transform(from, from + n, to, [](std::byte b) { return std::byte{b != std::byte{0}}; });
      return;
    case 'f':
      if (d.size == 8) return convert<double, double>(from, n, swap, to);
      if (d.size == 4) return convert<float, float>(from, n, swap, to);
      for (std::size_t i = 0; i < n; ++i) {
        std::uint16_t h = 0;
        std::memcpy(&h, from + 2 * i, 2);
        if (swap) h = static_cast<std::uint16_t>(h << 8 | h >> 8);
        const float value = half_to_float(h);
        std::memcpy(to + 4 * i, &value, 4);
      }
      return;
    case 'i':
      if (d.size == 8) return convert<std::int64_t, std::int64_t>(from, n, swap, to);
      if (d.size == 4) return convert<std::int32_t, std::int32_t>(from, n, swap, to);
      if (d.size == 2) return convert<std::int16_t, std::int32_t>(from, n, swap, to);
      return convert<std::int8_t, std::int32_t>(from, n, swap, to);
    default:
      if (d.size == 8) return convert<std::uint64_t, std::int64_t>(from, n, swap, to);
      if (d.size == 4) return convert<std::uint32_t, std::int64_t>(from, n, swap, to);
      if (d.size == 2) return convert<std::uint16_t, std::int32_t>(from, n, swap, to);
      return convert<std::uint8_t, std::uint8_t>(from, n, swap, to);
  }
}

}  // namespace hardy::datasets
