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

std::uint64_t ones(int bits) { return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1; }

// IEEE's layouts, as HDF5 describes them.
NumberBits standard_float(std::size_t size) {
  const int bits = static_cast<int>(size) * 8, exponent_bits = size == 2 ? 5 : size == 4 ? 8 : 11;
  return {0,
          bits,
          bits - 1,
          bits - 1 - exponent_bits,
          exponent_bits,
          0,
          bits - 1 - exponent_bits,
          (1 << (exponent_bits - 1)) - 1};
}

// Whether a float's fields lie inside its element without overlapping.
bool fields_fit(const NumberBits& b, std::size_t size) {
  const int bits = static_cast<int>(size) * 8;
  const auto inside = [&](int at, int n) { return at >= 0 && n >= 0 && at <= bits && n <= bits - at; };
  if (!inside(b.sign, 1) || !inside(b.exponent, b.exponent_bits) || !inside(b.mantissa, b.mantissa_bits) ||
      b.exponent_bits < 2 || b.exponent_bits > 11 || b.mantissa_bits > 52 || std::abs(b.bias) > 1 << 20)
    return false;
  const std::uint64_t sign = std::uint64_t{1} << b.sign, exponent = ones(b.exponent_bits) << b.exponent,
                      mantissa = b.mantissa_bits ? ones(b.mantissa_bits) << b.mantissa : 0;
  return !(sign & exponent) && !(sign & mantissa) && !(exponent & mantissa);
}

// The element as an unsigned number.
std::uint64_t raw_bits(const StoredType& d, const std::byte* from) {
  std::uint64_t raw = 0;
  for (std::size_t k = 0; k < d.size; ++k)
    raw |= std::to_integer<std::uint64_t>(from[d.big_endian ? d.size - 1 - k : k]) << (8 * k);
  return raw;
}

double float_of(const NumberBits& b, std::uint64_t raw) {
  const std::uint64_t exponent = raw >> b.exponent & ones(b.exponent_bits),
                      mantissa = b.mantissa_bits ? raw >> b.mantissa & ones(b.mantissa_bits) : 0;
  const double sign = raw >> b.sign & 1 ? -1 : 1;
  if (exponent == ones(b.exponent_bits)) return mantissa ? NAN : sign * INFINITY;
  const double leading = exponent ? std::ldexp(1.0, b.mantissa_bits) : 0;  // exact: 53 bits at most
  const std::int64_t power = static_cast<std::int64_t>(exponent ? exponent : 1) - b.bias - b.mantissa_bits;
  return sign * std::ldexp(static_cast<double>(mantissa) + leading, static_cast<int>(power));
}

template <class T>
void store(T value, std::byte* to) {
  std::memcpy(to, &value, sizeof value);
}

void convert_own_bits(const StoredType& d, const std::byte* from, std::size_t count, std::byte* to) {
  const std::size_t size = size_of(d.type);
  for (std::size_t i = 0; i < count; ++i, from += d.size, to += size) {
    const std::uint64_t raw = raw_bits(d, from);
    if (d.kind == 'f') {
      const double x = float_of(d.bits, raw);
      d.type == ArrayType::kF32 ? store(static_cast<float>(x), to) : store(x, to);
      continue;
    }
    std::uint64_t x = raw >> d.bits.offset & ones(d.bits.precision);
    if (d.kind == 'i' && x >> (d.bits.precision - 1) & 1) x |= ~ones(d.bits.precision);
    switch (d.type) {
      case ArrayType::kU8:
        store(static_cast<std::uint8_t>(x), to);
        break;
      case ArrayType::kI32:
        store(static_cast<std::int32_t>(x), to);
        break;
      default:
        store(x, to);
    }
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
  if (kind == 'u' && size == 8) memory = ArrayType::kU64;
  if (kind == 'u' && size <= 2) memory = size == 1 ? ArrayType::kU8 : ArrayType::kI32;
  type = {memory, kind, size, big_endian && size > 1};
  return true;
}

bool stored_number(char kind, std::size_t size, bool big_endian, const NumberBits& bits, StoredType& type) {
  if (size < 1 || size > 8) return false;
  const int all = static_cast<int>(size) * 8;
  const bool machine_size = size == 1 || size == 2 || size == 4 || size == 8;
  ArrayType memory = ArrayType::kF32;
  if (kind == 'f') {
    if (machine_size && size > 1 && bits == standard_float(size))
      return stored_number(kind, size, big_endian, type);
    if (bits.offset != 0 || !fields_fit(bits, size)) return false;
    // 2^highest is the largest power, 2^lowest the smallest step.
    const std::int64_t highest = static_cast<std::int64_t>(ones(bits.exponent_bits)) - 1 - bits.bias,
                       lowest = 1 - bits.bias - bits.mantissa_bits;
    if (bits.mantissa_bits > 23 || highest > 127 || lowest < -149) memory = ArrayType::kF64;
    if (highest > 1023 || lowest < -1074) return false;
  } else if (kind == 'i' || kind == 'u') {
    if (bits.offset < 0 || bits.precision < 1 || bits.precision > all || bits.offset > all - bits.precision)
      return false;
    if (machine_size && bits.precision == all) return stored_number(kind, size, big_endian, type);
    const int n = bits.precision - (kind == 'i');
    memory = kind == 'u' && n <= 8 ? ArrayType::kU8 : n <= 31 ? ArrayType::kI32 : ArrayType::kI64;
    if (n == 64) memory = ArrayType::kU64;
  } else {
    return false;
  }
  type = {memory, kind, size, big_endian && size > 1, true, bits};
  return true;
}

StoredAsPtr stored_as(const StoredType& t) {
  const bool number = t.kind == 'f' || t.kind == 'i' || t.kind == 'u';
  if (!number || t.own_bits || !t.needs_conversion()) return nullptr;
  const char* kind = t.kind == 'f' ? "float" : t.kind == 'i' ? "int" : "uint";
  return std::make_shared<const StoredAs>(
      StoredAs{(t.big_endian ? "big-endian " : "") + (kind + std::to_string(8 * t.size)), t.type});
}

void convert_elements(const StoredType& d, const std::byte* from, std::size_t n, std::byte* to) {
  const bool swap = d.big_endian;
  if (d.own_bits) return convert_own_bits(d, from, n, to);
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
      if (d.size == 8) return convert<std::uint64_t, std::uint64_t>(from, n, swap, to);
      if (d.size == 4) return convert<std::uint32_t, std::int64_t>(from, n, swap, to);
      if (d.size == 2) return convert<std::uint16_t, std::int32_t>(from, n, swap, to);
      return convert<std::uint8_t, std::uint8_t>(from, n, swap, to);
  }
}

}  // namespace hardy::datasets
