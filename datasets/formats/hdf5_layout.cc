#include "datasets/formats/hdf5_layout.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <numeric>

#include "datasets/formats/hdf5_filters.h"
#include "datasets/formats/hdf5_handle.h"
#include "datasets/formats/hdf5_walk.h"
#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kMostInflation = 1032;  // deflate's best: 258 bytes from two bits
constexpr std::uint64_t kUnstored = 65536;      // bytes that a file may leave to its fill value

void limit(int resource, rlim_t value) {
  const rlimit r{value, value};
  setrlimit(static_cast<decltype(RLIMIT_CPU)>(resource), &r);
}

// What this process has in data segments and private memory already (the sanitizers have a lot).
std::uint64_t data_bytes() {
  std::uint64_t size = 0, resident = 0, shared = 0, text = 0, library = 0, data = 0;
  std::ifstream("/proc/self/statm") >> size >> resident >> shared >> text >> library >> data;
  return data * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// The child's whole life.
[[noreturn]] void walk_and_send(const std::string& path, std::uint64_t file_bytes, int to) {
  for (const int s : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM, SIGXCPU}) std::signal(s, SIG_DFL);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_DATA, data_bytes() + 2 * file_bytes + 256 * kMiB);
  limit(RLIMIT_CPU, 10 + file_bytes / (100 * kMiB));
  ::alarm(600);
  if (const int quiet = ::open("/dev/null", O_WRONLY); quiet >= 0) ::dup2(quiet, STDERR_FILENO);
  try {
    const std::vector<std::uint8_t> found = json::to_cbor(walk_hdf5(path));
    for (std::size_t sent = 0; sent < found.size();) {
      const ssize_t n = ::write(to, found.data() + sent, found.size() - sent);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) ::_exit(3);
      sent += static_cast<std::size_t>(n);
    }
  } catch (...) {
    ::_exit(3);
  }
  ::_exit(0);  // no destructors, no exit handlers: they are the parent's
}

std::vector<std::uint8_t> receive(int from, std::uint64_t most) {
  std::vector<std::uint8_t> all;
  std::array<std::uint8_t, 65536> piece;
  for (;;) {
    const ssize_t n = ::read(from, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || all.size() > most) return all;
    all.insert(all.end(), piece.begin(), piece.begin() + n);
  }
}

// What a child that may die finds in the file.
json walk_in_child(const std::string& path, std::uint64_t file_bytes) {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw Error::failed_run(std::string("no pipe (") + std::strerror(errno) + ")", path);
  pid_t child = -1;
  {
    const auto held = hold_hdf5();
    child = ::fork();
    if (child == 0) walk_and_send(path, file_bytes, ends[1]);
  }
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    throw Error::failed_run(std::string("no process to look into it (") + std::strerror(errno) + ")", path);
  }
  const std::vector<std::uint8_t> found = receive(ends[0], 16 * file_bytes + 64 * kMiB);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw Error("is damaged: HDF5's own library fails on it", path, "download or copy it again");
  return json::from_cbor(found);
}

std::string text_of(const Hdf5Dataset& d) { return describe(d.type(), d.shape); }

// Whether the stored bytes can hold what the dataset claims, so that nothing more is ever allocated.
void check(const Hdf5Dataset& d, std::uint64_t file_bytes, const std::string& where) {
  if (d.type() == ArrayType::kString) {  // it came with the layout
    if (d.text.size() != d.elements()) throw Error("has damaged text", where);
    return;
  }
  double claimed = static_cast<double>(std::max(d.element.size, size_of(d.type())));
  for (const std::int64_t n : d.shape) claimed *= static_cast<double>(n);
  double stored = static_cast<double>(d.stored.size()), chunk_bytes = static_cast<double>(d.element.size);
  if (d.chunk.size() != d.shape.size() && !d.chunk.empty()) throw Error("has a damaged layout", where);
  for (const std::int64_t n : d.chunk) {
    if (n <= 0) throw Error("has a damaged layout", where);
    chunk_bytes *= static_cast<double>(n);
  }
  for (const int f : d.filters)
    if (f != kHdf5Deflate && f != kHdf5Shuffle && f != kHdf5Fletcher)
      throw Error("is compressed with filter " + std::to_string(f) + ", which is not understood", where,
                  "gzip, shuffle and fletcher32 are; rewrite the file with one of them");
  const bool deflated = std::count(d.filters.begin(), d.filters.end(), kHdf5Deflate) > 0;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < d.chunks.size(); ++i) {
    const Hdf5Chunk& c = d.chunks[i];
    if (c.offset > file_bytes || c.bytes > file_bytes - c.offset)
      throw Error("is cut off: " + text_of(d) + " ends behind the end of the file", where,
                  "download or copy it again");
    if (i > 0 && c.cell <= d.chunks[i - 1].cell) throw Error("has a damaged index", where);
    if (!d.chunk.empty() &&
        chunk_bytes > (deflated ? static_cast<double>(kMostInflation) : 1.0) * static_cast<double>(c.bytes))
      throw Error("claims more data (" + text_of(d) + ") than the file can hold", where);
    sum += c.bytes;
  }
  if (sum > file_bytes) throw Error("claims the same bytes twice", where, "the file is damaged");
  stored += static_cast<double>(sum) * (deflated ? static_cast<double>(kMostInflation) : 8.0);
  if (claimed > stored + kUnstored)
    throw Error("claims more data (" + text_of(d) + ") than the file can hold", where);
  const bool whole = d.chunk.empty() && (!d.chunks.empty() || !d.stored.empty());
  if (whole && (d.chunks.empty() ? d.stored.size() : d.chunks[0].bytes) < d.elements() * d.element.size)
    throw Error("stores fewer bytes than " + text_of(d) + " needs", where, "the file is damaged");
}

std::vector<std::byte> bytes_of(const json& d, const char* key) {
  if (!d.contains(key)) return {};
  const auto& b = d.at(key).get_binary();
  std::vector<std::byte> bytes(b.size());
  if (!b.empty()) std::memcpy(bytes.data(), b.data(), b.size());
  return bytes;
}

Hdf5Dataset dataset_of(const json& d) {
  Hdf5Dataset out;
  out.key = d.at("key");
  const char kind = static_cast<char>(d.at("kind").get<int>());
  if (kind == 's')
    out.element = {ArrayType::kString, 's', d.at("size"), false};
  else if (!stored_number(kind, d.at("size"), d.at("big_endian"), out.element))
    throw Error("has a type that is not understood", out.key, "expected floats, integers, booleans or text");
  for (const std::uint64_t n : d.at("shape")) {
    if (n > std::uint64_t{1} << 48) throw Error("has a damaged shape", out.key);
    out.shape.push_back(static_cast<std::int64_t>(n));
  }
  if (d.contains("text")) {
    out.text = d.at("text").get<std::vector<std::string>>();
    return out;
  }
  for (const std::uint64_t n : d.at("chunk")) out.chunk.push_back(static_cast<std::int64_t>(n));
  if (d.contains("filters")) out.filters = d.at("filters").get<std::vector<int>>();
  out.fill = bytes_of(d, "fill");
  out.stored = bytes_of(d, "stored");
  const std::vector<std::byte> chunks = bytes_of(d, "chunks");
  out.chunks.resize(chunks.size() / sizeof(Hdf5Chunk));
  if (!out.chunks.empty())
    std::memcpy(out.chunks.data(), chunks.data(), out.chunks.size() * sizeof(Hdf5Chunk));
  std::sort(out.chunks.begin(), out.chunks.end(),
            [](const Hdf5Chunk& a, const Hdf5Chunk& b) { return a.cell < b.cell; });
  return out;
}

}  // namespace

std::uint64_t Hdf5Dataset::elements() const {
  return std::accumulate(shape.begin(), shape.end(), std::uint64_t{1},
                         [](std::uint64_t n, std::int64_t d) { return n * static_cast<std::uint64_t>(d); });
}

Hdf5Layout read_hdf5_layout(const std::filesystem::path& path) {
  const std::string name = path.string();
  std::error_code code;
  Hdf5Layout layout;
  if (std::filesystem::is_directory(path)) throw Error("is a folder, not an HDF5 file", name);
  layout.file_bytes = std::filesystem::file_size(path, code);
  if (code) throw Error("cannot be read (" + code.message() + ")", name);
  std::array<char, 8> head{};
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error("cannot be read", name, "may you read it?");
  file.read(head.data(), head.size());
  if (std::memcmp(head.data(), "\x89HDF\r\n\x1a\n", head.size()) != 0) {
    throw Error("is not an HDF5 file", name, file.gcount() == 0 ? "it is empty" : "");
  }
  try {
    json found = walk_in_child(name, layout.file_bytes);
    if (found.contains("error")) throw Error(found.at("error"), found.at("where"), found.at("fix"));
    layout.attributes = std::move(found.at("attributes"));
    std::uint64_t stored = 0;
    for (const json& d : found.at("datasets")) {
      layout.datasets.push_back(dataset_of(d));
      const Hdf5Dataset& last = layout.datasets.back();
      check(last, layout.file_bytes, name + " /" + last.key);
      for (const Hdf5Chunk& c : last.chunks) stored += c.bytes;
      if (stored > layout.file_bytes) throw Error("claims the same bytes twice", name, "the file is damaged");
    }
  } catch (const json::exception&) {
    throw Error("is damaged: what is found in it makes no sense", name, "download or copy it again");
  }
  return layout;
}

}  // namespace hardy::datasets
