#include "engine/run/atomic_file.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <vector>

#include "engine/base/error.h"
#include "engine/run/sha256.h"

namespace hardy::run {
namespace {

constexpr const char* kMark = ".tmp-";  // NAME.tmp-PID

std::string temporary_of(const std::filesystem::path& target) {
  return target.string() + kMark + std::to_string(::getpid());
}

// The process number of a name NAME.tmp-PID; nothing for other names.
std::optional<pid_t> writer_of(const std::string& name) {
  const std::size_t mark = name.rfind(kMark);
  if (mark == std::string::npos) return std::nullopt;
  pid_t pid = 0;
  const char *begin = name.data() + mark + std::strlen(kMark), *end = name.data() + name.size();
  const auto [stop, wrong] = std::from_chars(begin, end, pid);
  if (begin == end || *begin == '-' || stop != end || wrong != std::errc()) return std::nullopt;
  return pid;
}

}  // namespace

void sync_folder_of(const std::filesystem::path& target) {
  const std::filesystem::path folder = target.has_parent_path() ? target.parent_path() : ".";
  if (const int d = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); d >= 0) {
    ::fsync(d);  // the name itself; a file system that cannot is no reason to fail
    ::close(d);
  }
}

AtomicFile::AtomicFile(std::filesystem::path target)
    : target_(std::move(target)), temporary_(temporary_of(target_)), half_written_(temporary_.string()) {}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!committed_) ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const std::string& what) {
  const std::string reason = std::strerror(errno);
  throw Error::failed_run(what + " (" + reason + ")", target_.string(), "what was there before is as it was");
}

void AtomicFile::open() {
  fd_ = ::open(temporary_.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
  if (fd_ < 0) fail("cannot be written");
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  if (fd_ < 0) open();
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t n = ::write(fd_, at, std::min<std::size_t>(bytes, 1u << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail("the write failed");
    at += n;
    bytes -= static_cast<std::size_t>(n);
  }
}

void AtomicFile::commit() {
  if (fd_ < 0) fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) fail("cannot be written");
  if (::fsync(fd_) != 0) fail("cannot be synced");
  ::close(fd_);
  fd_ = -1;
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("cannot be renamed into place");
  committed_ = true;
  sync_folder_of(target_);
}

void write_atomically(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text.data(), text.size());
  file.commit();
}

AtomicFolder::AtomicFolder(std::filesystem::path target)
    : target_(std::move(target)), temporary_(temporary_of(target_)), half_written_(temporary_.string()) {
  std::error_code code;
  std::filesystem::remove_all(temporary_, code);
  std::filesystem::create_directory(temporary_, code);
  if (code) throw Error("cannot be written (" + code.message() + ")", target_.string());
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(temporary_, ignored);  // after commit(): the one that was replaced, if any
}

void AtomicFolder::commit() {
  std::error_code code;
  if (!std::filesystem::exists(target_)) {
    std::filesystem::rename(temporary_, target_, code);
  } else if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) != 0) {
    const std::filesystem::path old = temporary_.string() + ".old";
    std::filesystem::rename(target_, old, code);
    if (!code) {
      std::filesystem::rename(temporary_, target_, code);
      std::error_code ignored;
      if (code)
        std::filesystem::rename(old, target_, ignored);
      else
        std::filesystem::remove_all(old, ignored);
    }
  }
  if (code)
    throw Error::failed_run("cannot be renamed into place (" + code.message() + ")", target_.string(),
                            "what was there before is as it was");
  sync_folder_of(target_);
}

void remove_temporaries(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
    if (writer_of(entry.path().filename().string())) std::filesystem::remove(entry.path(), ignored);
}

void remove_dead_temporaries(const std::filesystem::path& target) {
  std::error_code ignored;
  const std::string mine = target.filename().string() + kMark;
  const std::filesystem::path folder = target.has_parent_path() ? target.parent_path() : ".";
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    const auto pid = name.starts_with(mine) ? writer_of(name) : std::nullopt;
    if (pid && name.size() == mine.size() + std::to_string(*pid).size() && ::kill(*pid, 0) != 0 &&
        errno == ESRCH)
      std::filesystem::remove_all(entry.path(), ignored);
  }
}

std::string sha256(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.add(bytes.data(), bytes.size());
  return hash.hex();
}

std::string sha256_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error("cannot be read", path.string());
  Sha256 hash;
  std::vector<char> block(1 << 20);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0)
    hash.add(block.data(), static_cast<std::size_t>(file.gcount()));
  return hash.hex();
}

}  // namespace hardy::run
