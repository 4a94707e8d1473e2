#include "datasets/formats/npz.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

constexpr std::uint64_t kMostInflation = 1032;
constexpr std::size_t kInput = 256 * 1024;
constexpr std::uint32_t kCentral = 0x02014b50, kLocal = 0x04034b50, kEnd64 = 0x06064b50;

// A little-endian number in ZIP's structures; 0 behind their end.
std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t size) {
  if (at > bytes.size() || size > bytes.size() - at) return 0;
  std::uint64_t x = 0;
  for (std::size_t i = 0; i < size; ++i)
    x |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return x;
}

// What stands behind `'name':` in a .npy header's dictionary.
std::string_view value_of(std::string_view header, std::string_view name) {
  const std::size_t at = header.find("'" + std::string(name) + "'");
  if (at == std::string_view::npos) return {};
  const std::size_t colon = header.find(':', at);
  if (colon == std::string_view::npos) return {};
  const std::size_t begin = header.find_first_not_of(' ', colon + 1);
  return begin == std::string_view::npos ? std::string_view() : header.substr(begin);
}

std::optional<std::vector<std::int64_t>> shape_of(std::string_view text) {
  if (text.empty() || text[0] != '(') return std::nullopt;
  std::vector<std::int64_t> shape;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == ')') return shape;
    if (text[i] == ' ' || text[i] == ',' || text[i] == 'L') continue;
    std::int64_t n = 0;
    std::size_t digits = 0;
    for (; digits < 15 && i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i, ++digits)
      n = n * 10 + (text[i] - '0');
    if (digits == 0 || digits == 15 || shape.size() == 8) return std::nullopt;
    shape.push_back(n);
    --i;
  }
  return std::nullopt;
}

// '<f4', '|b1', '>i8', ...; false for text, objects, records and dates.
bool type_of(std::string_view text, StoredType& type) {
  if (text.size() < 5 || (text[0] != '\'' && text[0] != '"') || text.find(text[0], 1) != 4) return false;
  return stored_number(text[2], static_cast<std::size_t>(text[3] - '0'), text[1] == '>', type);
}

}  // namespace

NpzFile::NpzFile(const std::filesystem::path& path)
    : path_(path.string()), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  struct stat about {};
  if (file_ < 0 || ::fstat(file_, &about) != 0)
    throw Error(std::string("cannot be read (") + std::strerror(errno) + ")", path_);
  size_ = static_cast<std::uint64_t>(about.st_size);
  try {
    // The end record: 22 bytes, and a comment of up to 65535.
    std::string tail(std::min<std::uint64_t>(size_, 22 + 65535 + 20), 0);
    fetch(size_ - tail.size(), tail.data(), tail.size(), "the end");
    const std::size_t end = tail.rfind(std::string_view("PK\5\6", 4));
    if (end == std::string::npos || tail.size() - end < 22)
      throw Error("is no ZIP archive, or is truncated", path_, "download or copy it again");
    std::uint64_t entries = number(tail, end + 10, 2), bytes = number(tail, end + 12, 4),
                  at = number(tail, end + 16, 4);
    if ((entries == 0xffff || bytes == 0xffffffff || at == 0xffffffff) && end >= 20 &&
        std::string_view(tail).substr(end - 20, 4) == std::string_view("PK\6\7", 4)) {
      std::string end64(56, 0);
      fetch(number(tail, end - 12, 8), end64.data(), end64.size(), "the ZIP64 end");
      if (number(end64, 0, 4) != kEnd64) throw Error("has a damaged ZIP64 end", path_);
      entries = number(end64, 32, 8);
      bytes = number(end64, 40, 8);
      at = number(end64, 48, 8);
    }
    if (bytes > size_) throw Error("has a damaged directory", path_, "download or copy it again");
    std::string directory(bytes, 0);
    fetch(at, directory.data(), directory.size(), "the directory");
    std::uint64_t stored = 0;
    std::size_t p = 0;
    for (std::uint64_t e = 0; e < entries; ++e) {
      if (number(directory, p, 4) != kCentral) throw Error("has a damaged directory", path_);
      const std::uint64_t flags = number(directory, p + 8, 2), method = number(directory, p + 10, 2);
      const std::size_t name_bytes = number(directory, p + 28, 2), extra_bytes = number(directory, p + 30, 2);
      if (directory.size() - p < 46 + name_bytes + extra_bytes) throw Error("has a damaged directory", path_);
      const std::string name = directory.substr(p + 46, name_bytes);
      NpzArray a;
      a.deflated = method == 8;
      a.checksum = static_cast<std::uint32_t>(number(directory, p + 16, 4));
      a.stored = number(directory, p + 20, 4);
      a.bytes = number(directory, p + 24, 4);
      a.offset = number(directory, p + 42, 4);
      // ZIP64: the fields that did not fit, in this order.
      const std::string_view extra = std::string_view(directory).substr(p + 46 + name_bytes, extra_bytes);
      for (std::size_t x = 0; x + 4 <= extra.size(); x += 4 + number(extra, x + 2, 2)) {
        if (number(extra, x, 2) != 1) continue;
        std::size_t field = x + 4;
        for (std::uint64_t* value : {&a.bytes, &a.stored, &a.offset})
          if (*value == 0xffffffff) {
            *value = number(extra, field, 8);
            field += 8;
          }
      }
      if (flags & 1) throw Error("is encrypted", path_ + " /" + name);
      if (method != 0 && method != 8)
        throw Error("is compressed with ZIP method " + std::to_string(method) + ", which is not understood",
                    path_ + " /" + name, "np.savez and np.savez_compressed write what is");
      stored += a.stored;
      if (stored > size_) throw Error("claims the same bytes twice", path_, "the file is damaged");
      read_entry(name, a);
      p += 46 + name_bytes + extra_bytes + number(directory, p + 32, 2);
      if (p > directory.size()) throw Error("has a damaged directory", path_);
    }
  } catch (...) {
    ::close(file_);
    throw;
  }
}

NpzFile::~NpzFile() { ::close(file_); }

const NpzArray* NpzFile::find(const std::string& key) const {
  const auto found = places_.find(key);
  return found == places_.end() ? nullptr : &arrays_[found->second];
}

void NpzFile::fetch(std::uint64_t offset, void* to, std::size_t bytes, const std::string& what) const {
  if (offset > size_ || bytes > size_ - offset)
    throw Error("is truncated: " + what + " lies behind its end", path_, "download or copy it again");
  auto* at = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t n = ::pread(file_, at, bytes, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw Error("cannot be read: " + what, path_);
    at += n;
    offset += static_cast<std::uint64_t>(n);
    bytes -= static_cast<std::size_t>(n);
  }
}

// Finds an entry's data and reads its .npy header.
void NpzFile::read_entry(const std::string& name, NpzArray a) {
  const std::string where = path_ + " /" + name;
  if (!name.ends_with(".npy")) {
    skipped_.push_back(name + " is no array");
    return;
  }
  a.key = name.substr(0, name.size() - 4);
  if (find(a.key)) throw Error("is there twice", where, "the file is damaged");
  std::string local(30, 0);
  fetch(a.offset, local.data(), local.size(), name);
  if (number(local, 0, 4) != kLocal) throw Error("is damaged: its ZIP header is not there", where);
  a.offset += 30 + number(local, 26, 2) + number(local, 28, 2);
  if (a.offset > size_ || a.stored > size_ - a.offset)
    throw Error("is cut off by the end of the file", where, "download or copy it again");
  if (a.deflated ? a.bytes / kMostInflation > a.stored : a.bytes != a.stored)
    throw Error("claims more data than the file can hold", where, "the file is damaged");

  // magic, version 1: u16 length; version 2 and 3: u32 length.
  std::string start(std::min<std::uint64_t>(a.bytes, 12), 0);
  const auto peek = [&](std::string& to) {  // the first bytes of the entry
    if (!a.deflated) return fetch(a.offset, to.data(), to.size(), name);
    z_stream z{};
    Bytes in(std::min<std::uint64_t>(a.stored, kInput));
    fetch(a.offset, in.data(), in.size(), name);
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
    z.next_in = reinterpret_cast<Bytef*>(in.data());
    z.avail_in = static_cast<uInt>(in.size());
    z.next_out = reinterpret_cast<Bytef*>(to.data());
    z.avail_out = static_cast<uInt>(to.size());
    const int result = inflate(&z, Z_SYNC_FLUSH);
    inflateEnd(&z);
    if ((result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) || z.avail_out != 0)
      throw Error("is damaged: it cannot be inflated", where, "download or copy it again");
  };
  peek(start);
  const bool wide = start.size() > 6 && start[6] >= 2;
  const std::size_t prefix = wide ? 12 : 10;
  if (start.size() < prefix || !start.starts_with("\x93NUMPY")) throw Error("is no .npy array", where);
  const std::uint64_t length = number(start, 8, wide ? 4 : 2);
  if (length > 65536 || prefix + length > a.bytes) throw Error("has a damaged .npy header", where);
  a.header = prefix + length;
  std::string whole(a.header, 0);
  peek(whole);
  const std::string_view header = std::string_view(whole).substr(prefix);

  const auto shape = shape_of(value_of(header, "shape"));
  if (!shape) throw Error("has a damaged .npy header", where);
  a.shape = *shape;
  if (!type_of(value_of(header, "descr"), a.element)) {
    skipped_.push_back(
        a.key + " has a type that is no number: " + std::string(value_of(header, "descr").substr(0, 12)));
    return;
  }
  a.fortran = a.shape.size() > 1 && value_of(header, "fortran_order").starts_with("True");
  double claimed = static_cast<double>(a.element.size);
  for (const std::int64_t n : a.shape) claimed *= static_cast<double>(n);
  if (claimed != static_cast<double>(a.bytes - a.header))
    throw Error("says that it is " + describe(a.element.type, a.shape) + ", but holds " +
                    std::to_string(a.bytes - a.header) + " bytes",
                where, "the file is damaged");
  places_.emplace(a.key, arrays_.size());
  arrays_.push_back(std::move(a));
}

NpzCursor::NpzCursor(const NpzFile& file, const NpzArray& array) : file_(file), array_(array) {
  if (array_.deflated && inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  rewind();
}

NpzCursor::~NpzCursor() {
  if (array_.deflated) inflateEnd(&stream_);
}

void NpzCursor::damaged() const {
  throw Error("is damaged; it says it is " + describe(array_.element.type, array_.shape),
              file_.path() + " /" + array_.key, "download or copy the file again");
}

void NpzCursor::rewind() {
  if (array_.deflated) inflateReset(&stream_);
  stream_.avail_in = 0;
  at_ = taken_ = 0;
  checksum_ = static_cast<std::uint32_t>(::crc32(0, nullptr, 0));
  next(nullptr, array_.header);
}

void NpzCursor::next(std::byte* to, std::size_t bytes) {
  Bytes waste;
  if (!to) waste.resize(std::min(bytes, kInput));
  while (bytes > 0) {
    const std::size_t n = std::min<std::size_t>(bytes, to ? 1u << 30 : waste.size());
    std::byte* target = to ? to : waste.data();
    if (!array_.deflated) {
      file_.fetch(array_.offset + at_, target, n, array_.key);
    } else {
      stream_.next_out = reinterpret_cast<Bytef*>(target);
      stream_.avail_out = static_cast<uInt>(n);
      while (stream_.avail_out > 0) {
        if (stream_.avail_in == 0) {
          input_.resize(std::min<std::uint64_t>(array_.stored - taken_, kInput));
          if (input_.empty()) damaged();
          file_.fetch(array_.offset + taken_, input_.data(), input_.size(), array_.key);
          taken_ += input_.size();
          stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
          stream_.avail_in = static_cast<uInt>(input_.size());
        }
        const int result = ::inflate(&stream_, Z_NO_FLUSH);
        if (result != Z_OK && !(result == Z_STREAM_END && stream_.avail_out == 0)) damaged();
      }
    }
    checksum_ = static_cast<std::uint32_t>(
        ::crc32(checksum_, reinterpret_cast<const Bytef*>(target), static_cast<uInt>(n)));
    at_ += n;
    bytes -= n;
    if (to) to += n;
  }
  if (at_ == array_.bytes && checksum_ != array_.checksum) damaged();
}

// The whole array, its rows one after the other.
void NpzCursor::turn() {
  Bytes columns(array_.bytes - array_.header);
  read_plain(0, columns.size(), columns.data());
  turned_.resize(columns.size());
  const std::size_t size = array_.element.size, rank = array_.shape.size();
  std::vector<std::int64_t> at(rank, 0);
  for (std::size_t from = 0; from < columns.size(); from += size) {
    std::int64_t to = 0;
    for (std::size_t k = 0; k < rank; ++k) to = to * array_.shape[k] + at[k];
    std::memcpy(turned_.data() + static_cast<std::size_t>(to) * size, columns.data() + from, size);
    for (std::size_t k = 0; k < rank && ++at[k] == array_.shape[k]; ++k) at[k] = 0;
  }
}

void NpzCursor::read_plain(std::uint64_t begin, std::size_t bytes, std::byte* to) {
  begin += array_.header;
  if (begin < at_) rewind();
  if (begin > at_) next(nullptr, begin - at_);
  next(to, bytes);
}

void NpzCursor::read(std::int64_t first, std::int64_t rows, std::byte* to) {
  const StoredType& e = array_.element;
  std::uint64_t row = e.size;
  for (std::size_t k = 1; k < array_.shape.size(); ++k) row *= static_cast<std::uint64_t>(array_.shape[k]);
  const std::uint64_t begin = static_cast<std::uint64_t>(first) * row;
  const std::size_t bytes = static_cast<std::size_t>(rows) * row;
  if (array_.fortran) {
    if (turned_.empty()) turn();
    return convert_elements(e, turned_.data() + begin, bytes / e.size, to);
  }
  if (!e.needs_conversion()) return read_plain(begin, bytes, to);
  const std::size_t step = 65536 * e.size;
  for (std::size_t done = 0; done < bytes; done += step) {
    raw_.resize(std::min(step, bytes - done));
    read_plain(begin + done, raw_.size(), raw_.data());
    convert_elements(e, raw_.data(), raw_.size() / e.size, to + done / e.size * size_of(e.type));
  }
}

}  // namespace hardy::datasets
