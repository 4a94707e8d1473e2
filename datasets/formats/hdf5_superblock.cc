#include "datasets/formats/hdf5_superblock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

constexpr std::array<char, 8> kSignature{'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};

std::uint64_t little_endian(std::span<const unsigned char> bytes) {
  std::uint64_t x = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) x = x << 8 | bytes[i];
  return x;
}

struct Superblock {
  int version = 0;
  bool left_open = false;
  std::uint64_t base = 0, end = 0;  // addresses; end: behind the last byte
};

// False where the bytes are too few or make no sense.
bool parse(std::span<const unsigned char> b, Superblock& s) {
  if (b.size() < 96) return false;
  s.version = b[8];
  const bool old = s.version < 2;
  const std::size_t width = old ? b[13] : b[9];
  if (s.version > 3 || (width != 4 && width != 8)) return false;
  // Versions 0 and 1 have their addresses behind 24 and 28 bytes; 2 and 3 behind 12.
  std::size_t at = s.version == 0 ? 24 : s.version == 1 ? 28 : 12;
  s.base = little_endian(b.subspan(at, width));
  s.end = little_endian(b.subspan(at + 2 * width, width));
  s.left_open = s.version == 3 && (b[11] & 5) != 0;  // bit 0: open for writing, bit 2: for SWMR writing
  return true;
}

// Whether another process holds the file for itself alone.
bool is_locked(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool locked = ::flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(file);
  return locked;
}

}  // namespace

std::optional<std::uint64_t> find_hdf5_signature(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 8> found{};
  for (std::uint64_t at = 0; at < std::uint64_t{1} << 62; at = at ? 2 * at : 512) {
    file.seekg(static_cast<std::streamoff>(at));
    if (!file.read(found.data(), found.size())) return std::nullopt;
    if (found == kSignature) return at;
  }
  return std::nullopt;
}

void require_closed_and_whole(const std::filesystem::path& path, std::uint64_t at, std::uint64_t file_bytes) {
  const std::string name = path.string();
  if (is_locked(path))
    throw Error("is locked: another program has it open for writing", name,
                "read it when that program has closed it");
  std::vector<unsigned char> bytes(96);
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  Superblock s;
  if (!parse(bytes, s)) return;
  if (s.left_open)
    throw Error("is marked as open: a program is writing it, or ended without closing it", name,
                "close that program; if none is left, 'h5clear -s " + name + "' removes the mark");
  const std::uint64_t end = s.end - s.base + at;  // where the superblock moved, all moved
  if (s.end >= s.base && s.end - s.base < std::uint64_t{1} << 62 && end > file_bytes)
    throw Error("is cut off: it says that it has " + std::to_string(end) + " bytes and has " +
                    std::to_string(file_bytes),
                name, "download or copy it again");
}

}  // namespace hardy::datasets
