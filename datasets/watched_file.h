// Whether a file is still the one that it was: structure and data are read one after the other, and a file
// that somebody replaces or writes in between gives numbers that no file ever held.
#pragma once

#include <sys/stat.h>

#include <filesystem>

#include "engine/base/error.h"

namespace hardy::datasets {

class FileChanged : public Error {
 public:
  explicit FileChanged(const std::filesystem::path& path)
      : Error("was changed or replaced while it was read", path.string(), "read it when nobody writes it") {}
};

class WatchedFile {
 public:
  explicit WatchedFile(std::filesystem::path path);  // as it is now; one that is not there may not appear
  const std::filesystem::path& path() const { return path_; }
  // FileChanged where the name means another file, or its size or times are others.
  void require_unchanged() const;

 private:
  std::filesystem::path path_;
  struct stat then_;
};

}  // namespace hardy::datasets
