#include "tools/pictures/png.h"

#include <zlib.h>

#include <cstdlib>
#include <new>
#include <span>

namespace hardy::pictures {
namespace {

constexpr std::size_t kChannels = 3;

void put_u32(std::string& out, std::size_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

// Length, type, content, and the CRC of type and content.
void put_chunk(std::string& out, const std::string& type, const std::string& content) {
  put_u32(out, content.size());
  const std::string checked = type + content;
  out += checked;
  put_u32(out, ::crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size())));
}

// A row less what stands left of it (filter 1) or above it (filter 2), whichever leaves less.
void put_row(std::string& out, std::span<const std::uint8_t> row, std::span<const std::uint8_t> above) {
  const auto left = [&](std::size_t i) { return i < kChannels ? 0 : row[i - kChannels]; };
  const auto up = [&](std::size_t i) { return above.empty() ? 0 : above[i]; };
  long by_left = 0, by_up = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    by_left += std::abs(static_cast<std::int8_t>(row[i] - left(i)));
    by_up += std::abs(static_cast<std::int8_t>(row[i] - up(i)));
  }
  const bool upwards = by_up < by_left;
  out += static_cast<char>(upwards ? 2 : 1);
  for (std::size_t i = 0; i < row.size(); ++i) out += static_cast<char>(row[i] - (upwards ? up(i) : left(i)));
}

}  // namespace

std::string png(const envs::Picture& picture) {
  const std::size_t width = kChannels * static_cast<std::size_t>(picture.width);
  std::string rows;
  rows.reserve(static_cast<std::size_t>(picture.height) * (width + 1));
  std::span<const std::uint8_t> above;
  for (std::size_t y = 0; y < static_cast<std::size_t>(picture.height); ++y) {
    const auto row = std::span(picture.rgb).subspan(y * width, width);
    put_row(rows, row, above);
    above = row;
  }
  uLongf size = ::compressBound(static_cast<uLong>(rows.size()));
  std::string packed(size, '\0');
  if (::compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()),
                  static_cast<uLong>(rows.size()), Z_DEFAULT_COMPRESSION) != Z_OK)
    throw std::bad_alloc();  // all that can go wrong in a buffer that is large enough
  packed.resize(size);
  std::string header;
  put_u32(header, static_cast<std::size_t>(picture.width));
  put_u32(header, static_cast<std::size_t>(picture.height));
  header +=
      std::string{8, 2, 0, 0, 0};  // bits a colour; red, green and blue; the only methods; not interlaced
  std::string file = "\x89PNG\r\n\x1a\n";
  put_chunk(file, "IHDR", header);
  put_chunk(file, "IDAT", packed);
  put_chunk(file, "IEND", "");
  return file;
}

}  // namespace hardy::pictures
