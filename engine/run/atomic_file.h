// Files that appear whole or not at all: written under a temporary name beside their place, synced,
// renamed. A failed write leaves what was there before and no partial file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace hardy::run {

class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();  // without commit(): the temporary file is removed
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  const std::filesystem::path& temporary() const {
    return temporary_;
  }  // for libraries that open files themselves
  void write(const void* data, std::size_t bytes);
  void commit();  // syncs and renames

 private:
  void open();
  [[noreturn]] void fail(const std::string& what);

  std::filesystem::path target_, temporary_;
  int fd_ = -1;
  bool committed_ = false;
};

void write_atomically(const std::filesystem::path& path, std::string_view text);

// Removes what writers that were killed have left in a folder that nobody else writes to.
void remove_temporaries(const std::filesystem::path& folder);

// Lowercase hexadecimal SHA-256.
std::string sha256(std::span<const std::byte> bytes);
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace hardy::run
