#include "datasets/hdf5_filters.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "datasets/deflate.h"

namespace hardy::datasets {
namespace {

constexpr int kDeflate = 1, kShuffle = 2, kFletcher = 3;

// HDF5's shuffle keeps the first bytes of all elements together, then the second bytes, ...; a tail that
// is no whole element stays where it is.
void unshuffle(std::span<const std::byte> from, std::size_t size, std::byte* to) {
  const std::size_t n = from.size() / size;
  for (std::size_t b = 0; b < size; ++b)
    for (std::size_t i = 0; i < n; ++i) to[i * size + b] = from[b * n + i];
  std::copy(from.begin() + static_cast<std::ptrdiff_t>(n * size), from.end(), to + n * size);
}

// Fletcher's checksum over big-endian 16-bit words, an odd last byte being a word's upper half.
std::uint32_t fletcher32(std::span<const std::byte> data) {
  std::uint64_t a = 0, b = 0;
  for (std::size_t i = 0; i < data.size(); i += 2) {
    const auto high = std::to_integer<std::uint32_t>(data[i]);
    const auto low = i + 1 < data.size() ? std::to_integer<std::uint32_t>(data[i + 1]) : 0;
    a = (a + (high << 8 | low)) % 65535;
    b = (b + a) % 65535;
  }
  return static_cast<std::uint32_t>(b << 16 | a);
}

bool checksum_holds(std::span<const std::byte> data, std::span<const std::byte> sum) {
  std::uint32_t stored = 0;
  for (std::size_t i = 0; i < 4; ++i) stored |= std::to_integer<std::uint32_t>(sum[i]) << (8 * i);
  const std::uint32_t ours = fletcher32(data);
  // 0 and 65535 are the same residue: HDF5 folds its sums, and may keep either.
  const auto same = [](std::uint32_t x, std::uint32_t y) { return x % 65535 == y % 65535; };
  return same(stored & 0xffff, ours & 0xffff) && same(stored >> 16, ours >> 16);
}

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
      value = static_cast<To>(std::bit_cast<From>(raw));
    std::memcpy(to + i * sizeof(To), &value, sizeof(To));
  }
}

}  // namespace

std::span<std::byte> undo_filters(const Hdf5Dataset& d, const Hdf5Chunk& chunk, std::size_t bytes,
                                  Bytes& stored, Bytes& spare) {
  Bytes *now = &stored, *other = &spare;
  for (std::size_t i = d.filters.size(); i-- > 0;) {
    if (i < 64 && (chunk.skipped >> i & 1)) continue;
    switch (d.filters[i]) {
      case kDeflate: {
        // A checksum that was added before the compression is still there.
        const auto sums = static_cast<std::size_t>(
            std::count(d.filters.begin(), d.filters.begin() + static_cast<std::ptrdiff_t>(i), kFletcher));
        other->resize(bytes + 4 * sums);
        if (!inflate_zlib(*now, *other)) return {};
        std::swap(now, other);
        break;
      }
      case kShuffle:
        other->resize(now->size());
        unshuffle(*now, d.size, other->data());
        std::swap(now, other);
        break;
      case kFletcher: {
        if (now->size() < 4) return {};
        const std::span<const std::byte> all(*now);
        if (!checksum_holds(all.first(all.size() - 4), all.last(4))) return {};
        now->resize(now->size() - 4);
        break;
      }
      default:
        return {};
    }
  }
  return now->size() == bytes ? std::span<std::byte>(*now) : std::span<std::byte>();
}

bool needs_conversion(const Hdf5Dataset& d) {
  return d.big_endian || d.size != size_of(d.type) || d.kind == 'b' || (d.kind == 'u' && d.size > 1);
}

void convert_elements(const Hdf5Dataset& d, const std::byte* from, std::size_t n, std::byte* to) {
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
