// zlib streams and raw deflate, by libdeflate where the build has it (two to three times as fast) and by
// zlib elsewhere. Safe for any bytes.
#pragma once

#include <cstddef>
#include <span>

#include "datasets/array.h"

namespace hardy::datasets {

// A zlib stream (RFC 1950) that decodes to exactly `to`; false where it does not.
bool inflate_zlib(std::span<const std::byte> from, std::span<std::byte> to);

// `from` as a zlib stream, level 1 to 9; replaces `to`. The same bytes for the same input and build.
void deflate_zlib(std::span<const std::byte> from, int level, Bytes& to);

const char* deflate_library();  // "libdeflate 1.14", "zlib 1.2.13"

}  // namespace hardy::datasets
