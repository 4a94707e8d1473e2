// Files and folders that appear whole or not at all: written under a temporary name beside their place
// (NAME.tmp-PID), synced, renamed. A failed write leaves what was there before and no partial file; it is a
// failed run (exit code 1), for whether a place can be written is looked at before work begins
// (engine/run/output.h).
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "engine/run/temporary.h"

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
  Temporary half_written_;
  int fd_ = -1;
  bool committed_ = false;
};

void write_atomically(const std::filesystem::path& path, std::string_view text);

// A folder that appears whole or not at all, in place of one that may be there: the two change places in one
// step, or, on file systems that cannot do that, the old one is brought back where the new one cannot take
// its place. A kill between those two steps leaves the old one as NAME.tmp-PID.old.
class AtomicFolder {
 public:
  explicit AtomicFolder(std::filesystem::path target);  // makes the temporary folder
  ~AtomicFolder();                                      // without commit(): removes it
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  const std::filesystem::path& temporary() const { return temporary_; }
  void commit();  // its files are synced by those who write them

 private:
  std::filesystem::path target_, temporary_;
  Temporary half_written_;
};

// Puts the name of a file or folder on the disk, after a rename say.
void sync_folder_of(const std::filesystem::path& target);

// Removes what writers that were killed have left in a folder that nobody else writes to.
void remove_temporaries(const std::filesystem::path& folder);
// Removes NAME.tmp-PID beside a file or folder NAME for every PID of which no process lives here.
void remove_dead_temporaries(const std::filesystem::path& target);

// Lowercase hexadecimal SHA-256.
std::string sha256(std::span<const std::byte> bytes);
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace hardy::run
