#include "datasets/formats/npz_writer.h"

#include <zlib.h>

#include <limits>
#include <string>

#include "engine/base/error.h"
#include "engine/run/atomic_file.h"

namespace hardy::datasets {
namespace {

// Little-endian, as everything in a ZIP archive is.
void put(std::string& to, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to += static_cast<char>(value >> (8 * i) & 0xFF);
}

const char* descriptor_of(ArrayType type) {
  switch (type) {
    case ArrayType::kF32:
      return "<f4";
    case ArrayType::kF64:
      return "<f8";
    case ArrayType::kI32:
      return "<i4";
    case ArrayType::kI64:
      return "<i8";
    case ArrayType::kU64:
      return "<u8";
    case ArrayType::kU8:
      return "|u1";
    case ArrayType::kBool:
      return "|b1";
    default:
      return nullptr;
  }
}

// Version 1.0 of the .npy header, padded so that the numbers begin at a multiple of 64 bytes.
std::string npy_header(const Array& array, const char* descriptor) {
  std::string shape;
  for (const std::int64_t n : array.shape) shape += std::to_string(n) + ",";
  std::string text =
      std::string("{'descr': '") + descriptor + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  constexpr std::size_t fixed = 10;
  text += std::string(63 - (fixed + text.size()) % 64, ' ') + "\n";
  std::string header = "\x93NUMPY\x01";
  put(header, 0, 1);
  put(header, text.size(), 2);
  return header + text;
}

constexpr int kVersion = 20,
              kDate = 0x21;  // of the format; 1 January 1980, so that equal arrays make equal files

}  // namespace

void write_npz(const std::filesystem::path& path, const Arrays& arrays) {
  run::AtomicFile file(path);
  std::string directory;
  std::uint64_t at = 0;
  const auto write = [&](const void* data, std::size_t bytes) {
    file.write(data, bytes);
    at += bytes;
    if (at > std::numeric_limits<std::uint32_t>::max() - (std::uint64_t{1} << 20))
      throw Error::failed_run("is longer than a .npz file may be", path.string(), "write fewer numbers");
  };
  for (const auto& [key, array] : arrays) {
    const char* descriptor = descriptor_of(array.type);
    if (descriptor == nullptr)
      throw Error("is " + array.describe(), path.string() + " /" + key, "numbers are written");
    const std::string header = npy_header(array, descriptor), name = key + ".npy";
    const std::size_t bytes = array.bytes.size();
    uLong sum = ::crc32(0, reinterpret_cast<const Bytef*>(header.data()), static_cast<uInt>(header.size()));
    sum = ::crc32_z(sum, reinterpret_cast<const Bytef*>(array.bytes.data()), bytes);
    const std::uint64_t offset = at;
    std::string common;  // what both of an entry's headers say
    put(common, kVersion, 2), put(common, 0, 2), put(common, 0, 2), put(common, 0, 2), put(common, kDate, 2);
    put(common, sum, 4);
    for (int i = 0; i < 2; ++i) put(common, header.size() + bytes, 4);
    put(common, name.size(), 2), put(common, 0, 2);
    const std::string local = "PK\x03\x04" + common + name + header;
    write(local.data(), local.size());
    write(array.bytes.data(), bytes);
    directory += "PK\x01\x02";
    put(directory, kVersion, 2);
    directory += common;
    put(directory, 0, 2), put(directory, 0, 2), put(directory, 0, 2), put(directory, 0, 4);
    put(directory, offset, 4);
    directory += name;
  }
  std::string end = "PK\x05\x06";
  put(end, 0, 4);
  for (int i = 0; i < 2; ++i) put(end, arrays.size(), 2);
  put(end, directory.size(), 4), put(end, at, 4), put(end, 0, 2);
  const std::string all = directory + end;
  write(all.data(), all.size());
  file.commit();
}

}  // namespace hardy::datasets
