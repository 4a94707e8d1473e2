#include "datasets/formats/hdf5_filters.h"

#include <algorithm>

#include "datasets/formats/deflate.h"

namespace hardy::datasets {
namespace {

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

}  // namespace

std::span<std::byte> undo_filters(const Hdf5Dataset& d, const Hdf5Chunk& chunk, std::size_t bytes,
                                  Bytes& stored, Bytes& spare) {
  Bytes *now = &stored, *other = &spare;
  for (std::size_t i = d.filters.size(); i-- > 0;) {
    if (i < 64 && (chunk.skipped >> i & 1)) continue;
    switch (d.filters[i]) {
      case kHdf5Deflate: {
        // A checksum that was added before the compression is still there.
        const auto sums = static_cast<std::size_t>(
            std::count(d.filters.begin(), d.filters.begin() + static_cast<std::ptrdiff_t>(i), kHdf5Fletcher));
        other->resize(bytes + 4 * sums);
        if (!inflate_zlib(*now, *other)) return {};
        std::swap(now, other);
        break;
      }
      case kHdf5Shuffle:
        other->resize(now->size());
        unshuffle(*now, d.element.size, other->data());
        std::swap(now, other);
        break;
      case kHdf5Fletcher: {
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

}  // namespace hardy::datasets
