#include "datasets/watched_file.h"

#include <utility>

namespace hardy::datasets {
namespace {

struct stat look_at(const std::filesystem::path& path) {
  struct stat s {};
  if (::stat(path.c_str(), &s) != 0) s = {};  // no file has the inode 0
  return s;
}

bool same(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

}  // namespace

WatchedFile::WatchedFile(std::filesystem::path path) : path_(std::move(path)), then_(look_at(path_)) {}

void WatchedFile::require_unchanged() const {
  const struct stat now = look_at(path_);
  if (now.st_dev != then_.st_dev || now.st_ino != then_.st_ino || now.st_size != then_.st_size ||
      !same(now.st_mtim, then_.st_mtim) || !same(now.st_ctim, then_.st_ctim))
    throw FileChanged(path_);
}

}  // namespace hardy::datasets
