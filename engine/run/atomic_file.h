// A file that appears whole or not at all: written under a temporary name beside its place, synced,
// renamed, and the folder synced. Whatever fails, what stood there before stays.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace hardy::run {

class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);  // Error if the folder cannot be written
  ~AtomicFile();                                    // without commit() the temporary file is removed
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Where another library should write (HDF5, say); commit() then syncs and renames it.
  const std::filesystem::path& temporary() const { return temporary_; }
  void write(const void* data, std::size_t bytes);  // Error on a full disk
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  [[noreturn]] void fail(const std::string& what, int error);

  std::filesystem::path path_, temporary_;
  int fd_ = -1;
};

void write_file(const std::filesystem::path& path, std::string_view text);
void sync_folder(const std::filesystem::path& folder);
// Removes what writers that were killed have left in a folder. Only for a folder nobody else writes to.
void remove_temporaries(const std::filesystem::path& folder);

}  // namespace hardy::run
