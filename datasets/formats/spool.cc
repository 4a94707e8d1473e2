#include "datasets/formats/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "engine/base/error.h"

namespace hardy::datasets {

Spool::Spool(Column column, const std::filesystem::path& folder) : column_(std::move(column)) {
  std::string name = folder.empty() ? "." : folder.string();
  file_ = ::open(name.c_str(), O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (file_ >= 0) return;
  name = (folder / "spool-XXXXXX").string();  // not every file system knows files without a name
  file_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (file_ < 0) throw Error(std::string("cannot be written (") + std::strerror(errno) + ")", name);
  ::unlink(name.c_str());
}

Spool::Spool(Spool&& o) noexcept
    : column_(std::move(o.column_)), file_(std::exchange(o.file_, -1)), bytes_(o.bytes_) {}

Spool::~Spool() {
  if (file_ >= 0) ::close(file_);
}

std::int64_t Spool::rows() const {
  return column_.row_bytes() == 0 ? column_.rows() : static_cast<std::int64_t>(bytes_ / column_.row_bytes());
}

void Spool::append(std::span<const std::byte> rows, const std::string& where) {
  while (!rows.empty()) {
    const ssize_t n = ::pwrite(file_, rows.data(), rows.size(), static_cast<off_t>(bytes_));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      throw Error::failed_run(std::string("cannot be written (") + std::strerror(errno) + ")", where,
                              "is the disk full?");
    bytes_ += static_cast<std::uint64_t>(n);
    rows = rows.subspan(static_cast<std::size_t>(n));
  }
}

Array Spool::read(std::int64_t first, std::int64_t count) const {
  Array a;
  a.type = column_.type;
  a.shape = column_.shape;
  a.stored_as = column_.stored_as;
  a.shape[0] = count;
  a.bytes.resize(static_cast<std::size_t>(count) * column_.row_bytes());
  for (std::size_t done = 0; done < a.bytes.size();) {
    const ssize_t n =
        ::pread(file_, a.bytes.data() + done, a.bytes.size() - done,
                static_cast<off_t>(static_cast<std::size_t>(first) * column_.row_bytes() + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw Error::failed_run("cannot be read back", column_.key);
    done += static_cast<std::size_t>(n);
  }
  return a;
}

}  // namespace hardy::datasets
