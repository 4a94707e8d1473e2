#include "datasets/formats/deflate.h"

#include <zlib.h>

#include <memory>

#include "engine/base/error.h"

#ifdef HARDY_HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif

namespace hardy::datasets {

#ifdef HARDY_HAVE_LIBDEFLATE

namespace {

// Its working memory is kept from call to call, one for each thread.
libdeflate_decompressor* decompressor() {
  thread_local const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> own(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  if (!own) throw std::bad_alloc();
  return own.get();
}

libdeflate_compressor* compressor(int level) {
  thread_local std::unique_ptr<libdeflate_compressor, decltype(&libdeflate_free_compressor)> own(
      nullptr, libdeflate_free_compressor);
  thread_local int own_level = 0;
  if (own_level != level) {
    own.reset(libdeflate_alloc_compressor(level));
    own_level = level;
  }
  if (!own) throw std::bad_alloc();
  return own.get();
}

}  // namespace

bool inflate_zlib(std::span<const std::byte> from, std::span<std::byte> to) {
  return libdeflate_zlib_decompress(decompressor(), from.data(), from.size(), to.data(), to.size(),
                                    nullptr) == LIBDEFLATE_SUCCESS;
}

void deflate_zlib(std::span<const std::byte> from, int level, Bytes& to) {
  libdeflate_compressor* c = compressor(level);
  to.resize(libdeflate_zlib_compress_bound(c, from.size()));
  to.resize(libdeflate_zlib_compress(c, from.data(), from.size(), to.data(), to.size()));
}

const char* deflate_library() { return "libdeflate " LIBDEFLATE_VERSION_STRING; }

#else

bool inflate_zlib(std::span<const std::byte> from, std::span<std::byte> to) {
  uLongf size = to.size();
  return ::uncompress(reinterpret_cast<Bytef*>(to.data()), &size, reinterpret_cast<const Bytef*>(from.data()),
                      from.size()) == Z_OK &&
         size == to.size();
}

void deflate_zlib(std::span<const std::byte> from, int level, Bytes& to) {
  uLongf size = ::compressBound(from.size());
  to.resize(size);
  if (::compress2(reinterpret_cast<Bytef*>(to.data()), &size, reinterpret_cast<const Bytef*>(from.data()),
                  from.size(), level) != Z_OK)
    throw std::bad_alloc();
  to.resize(size);
}

const char* deflate_library() { return "zlib " ZLIB_VERSION; }

#endif

}  // namespace hardy::datasets
