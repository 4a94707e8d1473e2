// One container for checkpoints, policies and snapshots: a JSON header and named tensors, checksummed,
// written atomically, byte for byte the same for the same contents.
//
//   "HARDYARC" | u64 length of the header | header (JSON, padded to 64) | tensors, each padded to 64 |
//   SHA-256 of all before, 64 hexadecimal characters
#pragma once

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/json.h"
#include "engine/base/shape.h"

namespace hardy::run {

// How a C++ type is called in a file.
template <class T>
constexpr const char* type_name();
template <>
constexpr const char* type_name<float>() {
  return "f32";
}
template <>
constexpr const char* type_name<double>() {
  return "f64";
}
template <>
constexpr const char* type_name<std::int32_t>() {
  return "i32";
}
template <>
constexpr const char* type_name<std::uint64_t>() {
  return "u64";
}
template <>
constexpr const char* type_name<std::uint8_t>() {
  return "u8";
}

class ArchiveWriter {
 public:
  // kind: what the file is ("checkpoint", "policy"); a reader of another kind refuses it.
  ArchiveWriter(std::string kind, int format_version);
  nlohmann::json& header() { return header_; }
  template <class T>
  void add(const std::string& name, const Shape& shape, std::span<const T> data) {  // data is copied
    add_bytes(name, type_name<T>(), shape, std::as_bytes(data));
  }
  void write(const std::filesystem::path& path) const;

 private:
  void add_bytes(const std::string& name, const char* type, const Shape& shape,
                 std::span<const std::byte> data);

  nlohmann::json header_;
  std::string kind_;
  int format_version_;
  nlohmann::json tensors_ = nlohmann::json::array();
  std::vector<std::byte> data_;
};

class Archive {
 public:
  // What the file says that it is, before anything else of it is looked at; "" where it is none of Hardy's.
  static std::string kind_of(const std::filesystem::path& path);
  // Errors: truncated, damaged, foreign, of another kind, or of a newer format.
  static Archive read(const std::filesystem::path& path, const std::string& kind, int newest_format);
  // The bytes of such a file, which are copied; name: what messages call it.
  static Archive read(std::span<const std::byte> bytes, const std::string& name, const std::string& kind,
                      int newest_format);

  const nlohmann::json& header() const { return header_; }
  int format() const { return format_; }
  bool has(const std::string& name) const { return entries_.count(name) > 0; }
  const Shape& shape(const std::string& name) const { return entry(name).shape; }
  std::vector<std::string> names() const;
  template <class T>
  std::span<const T> get(const std::string& name) const {
    const std::span<const std::byte> bytes = bytes_of(name, type_name<T>());
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

 private:
  struct Entry {
    std::string type;
    Shape shape;
    std::size_t offset, bytes;
  };
  struct Free {
    void operator()(std::byte* p) const { ::operator delete (p, std::align_val_t{64}); }
  };
  Archive(std::string name, std::size_t size);  // with memory for so many bytes
  void parse(std::size_t size, const std::string& kind, int newest_format);
  const Entry& entry(const std::string& name) const;
  std::span<const std::byte> bytes_of(const std::string& name, const char* type) const;

  std::string path_;
  nlohmann::json header_;
  int format_ = 0;
  std::map<std::string, Entry> entries_;
  std::unique_ptr<std::byte, Free> data_;
};

}  // namespace hardy::run
