#include "engine/run/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/error.h"

namespace hardy::run {
namespace {

constexpr const char* kMark = ".partial-";  // .NAME.partial-PID

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  temporary_ = path_.parent_path() / ("." + path_.filename().string() + kMark + std::to_string(::getpid()));
  fd_ = ::open(temporary_.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0666);
  if (fd_ < 0)
    throw Error(std::string("the file cannot be written (") + std::strerror(errno) + ")", path_.string());
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const std::string& what, int error) {
  ::close(fd_);
  fd_ = -1;
  ::unlink(temporary_.c_str());
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  throw Error(what + " (" + std::strerror(error) + ")", path_.string(),
              full ? "free some space; what stood there before is untouched" : "");
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  const char* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t done = ::write(fd_, next, bytes);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail("the file cannot be written", errno);
    next += done;
    bytes -= static_cast<std::size_t>(done);
  }
}

void AtomicFile::commit() {
  if (::fsync(fd_) != 0) fail("the file cannot be synced", errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("the file cannot be put in its place", errno);
  ::close(fd_);
  fd_ = -1;
  sync_folder(path_.parent_path());
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

void sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);  // some file systems cannot; the rename itself has happened
  ::close(fd);
}

void remove_temporaries(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(".") && name.find(kMark) != std::string::npos)
      std::filesystem::remove(entry.path(), ignored);
  }
}

}  // namespace hardy::run
