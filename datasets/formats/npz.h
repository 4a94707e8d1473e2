// NumPy's .npz files: a ZIP archive of .npy arrays, stored or deflated (np.savez, np.savez_compressed).
#pragma once

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "datasets/formats/stored_type.h"

namespace hardy::datasets {

struct NpzArray {
  std::string key;  // without ".npy"
  StoredType element;
  std::vector<std::int64_t> shape;
  bool deflated = false, fortran = false;  // column by column, as pandas' to_numpy gives
  std::uint64_t offset = 0, stored = 0;    // the entry's bytes in the file
  std::uint64_t bytes = 0, header = 0;     // of the entry, inflated; of them the .npy header
  std::uint32_t checksum = 0;              // CRC-32 of the inflated entry
};

class NpzFile {
 public:
  // Errors: not a ZIP archive, truncated, damaged, encrypted, more data than the file can
  // hold. Arrays of types that are no numbers are left out and named in `skipped`.
  explicit NpzFile(const std::filesystem::path& path);
  ~NpzFile();
  NpzFile(const NpzFile&) = delete;
  NpzFile& operator=(const NpzFile&) = delete;

  const std::string& path() const { return path_; }
  const std::vector<NpzArray>& arrays() const { return arrays_; }
  const NpzArray* find(const std::string& key) const;
  const std::vector<std::string>& skipped() const { return skipped_; }

 private:
  friend class NpzCursor;
  void read_entry(const std::string& name, NpzArray array);
  void fetch(std::uint64_t offset, void* to, std::size_t bytes, const std::string& what) const;

  std::string path_;
  int file_ = -1;
  std::uint64_t size_ = 0;
  std::vector<NpzArray> arrays_;
  std::unordered_map<std::string, std::size_t> places_;  // in arrays_, by key
  std::vector<std::string> skipped_;
};

// Reads an array by rows. A deflated one is inflated forwards, from the start again where a row before the
// present one is asked for; its checksum is compared when the last row has been read in order. One in
// Fortran order is read whole and kept.
class NpzCursor {
 public:
  NpzCursor(const NpzFile& file, const NpzArray& array);
  ~NpzCursor();
  NpzCursor(const NpzCursor&) = delete;
  NpzCursor& operator=(const NpzCursor&) = delete;

  void read(std::int64_t first, std::int64_t rows, std::byte* to);

 private:
  void read_plain(std::uint64_t begin, std::size_t bytes, std::byte* to);  // stored bytes behind the header
  void turn();
  void rewind();
  void next(std::byte* to, std::size_t bytes);  // of the inflated entry; to: null to skip
  [[noreturn]] void damaged() const;

  const NpzFile& file_;
  const NpzArray& array_;
  z_stream stream_{};
  std::uint64_t at_ = 0, taken_ = 0;  // inflated bytes that are past, stored bytes that zlib has
  std::uint32_t checksum_ = 0;
  Bytes input_, raw_, turned_;
};

}  // namespace hardy::datasets
