#include "engine/run/append.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/error.h"

namespace hardy::run {

int open_for_append(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0)
    throw Error::failed_run(std::string("cannot be written (") + std::strerror(errno) + ")", path.string());
  return fd;
}

void append(int fd, std::string_view record, const std::filesystem::path& path) {
  const off_t before = ::lseek(fd, 0, SEEK_END);
  std::size_t done = 0;
  while (done < record.size()) {
    const ssize_t n = ::write(fd, record.data() + done, record.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const std::string reason = std::strerror(errno);
      if (before >= 0 && ::ftruncate(fd, before) != 0) {
        // Readers pass over a last record that is not whole.
      }
      throw Error::failed_run("the write failed (" + reason + ")", path.string(),
                              "what was written before is kept");
    }
    done += static_cast<std::size_t>(n);
  }
}

}  // namespace hardy::run
