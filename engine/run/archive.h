// One container for checkpoints, policies and snapshots: named tensors, a JSON header, a SHA-256 over
// all of it, written atomically. Equal contents give equal bytes: there is no time in it.
//
// Layout, little-endian: "HARDYARC", u32 container version, u32 0, u64 bytes of JSON, u64 bytes of the
// file; the JSON; then each tensor at the next multiple of 64; at the end the 32 bytes of SHA-256.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "engine/base/shape.h"

namespace hardy {

class ArchiveWriter {
 public:
  // kind: "checkpoint", "policy", ...: a reader that expects another one refuses the file.
  ArchiveWriter(std::string kind, int format_version);
  ~ArchiveWriter();
  ArchiveWriter(ArchiveWriter&&) noexcept;
  ArchiveWriter& operator=(ArchiveWriter&&) noexcept;

  nlohmann::json& header();  // what the writer wants to keep beside the tensors; finite numbers only
  void add(const std::string& name, DType type, const Shape& shape, const void* data);  // copied
  void add_view(const std::string& name, DType type, const Shape& shape,
                const void* data);  // must live until write()
  void write(const std::filesystem::path& path) const;

 private:
  struct Entry {
    std::string name;
    DType type;
    Shape shape;
    std::vector<std::byte> copy;
    const void* view;
  };
  std::string kind_;
  int format_version_;
  std::unique_ptr<nlohmann::json> header_;
  std::vector<Entry> entries_;
};

class Archive {
 public:
  // Error for a file that is missing, foreign, cut short, altered, of another kind, or of a format
  // newer than newest_format.
  static Archive read(const std::filesystem::path& path, const std::string& expected_kind,
                      int newest_format = 1);
  ~Archive();
  Archive(Archive&&) noexcept;
  Archive& operator=(Archive&&) noexcept;

  const std::filesystem::path& path() const { return path_; }
  int format_version() const { return format_version_; }
  const nlohmann::json& header() const { return *header_; }
  bool has(const std::string& name) const { return entries_.contains(name); }
  std::vector<std::string> names() const;  // in alphabetical order
  const Shape& shape(const std::string& name) const { return entry(name).shape; }
  DType type(const std::string& name) const { return entry(name).type; }

  // T: float, double, std::int32_t or std::uint8_t (bool). Error if the tensor is of another type or missing.
  template <class T>
  std::span<const T> get(const std::string& name) const {
    const Entry& e = typed(name, dtype_of<T>());
    return {reinterpret_cast<const T*>(bytes_.get() + e.offset),
            static_cast<std::size_t>(e.shape.elements())};
  }
  // The same, copied to where it belongs; Error if that place has another size.
  template <class T>
  void copy(const std::string& name, std::span<T> to) const {
    const std::span<const T> from = get<T>(name);
    check_size(name, to.size());
    std::copy(from.begin(), from.end(), to.begin());
  }

 private:
  struct Entry {
    DType type;
    Shape shape;
    std::size_t offset;
  };
  template <class T>
  static constexpr DType dtype_of();

  Archive();
  const Entry& entry(const std::string& name) const;
  const Entry& typed(const std::string& name, DType type) const;
  void check_size(const std::string& name, std::size_t elements) const;

  struct FreeAligned {
    void operator()(std::byte* p) const;
  };
  std::filesystem::path path_;
  int format_version_ = 0;
  std::unique_ptr<nlohmann::json> header_;
  std::map<std::string, Entry> entries_;
  std::unique_ptr<std::byte[], FreeAligned> bytes_;
};

template <>
constexpr DType Archive::dtype_of<float>() {
  return DType::kF32;
}
template <>
constexpr DType Archive::dtype_of<double>() {
  return DType::kF64;
}
template <>
constexpr DType Archive::dtype_of<std::int32_t>() {
  return DType::kI32;
}
template <>
constexpr DType Archive::dtype_of<std::uint8_t>() {
  return DType::kBool;
}

}  // namespace hardy
