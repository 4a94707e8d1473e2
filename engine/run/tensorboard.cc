#include "engine/run/tensorboard.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <utility>

#include "engine/base/error.h"
#include "engine/run/append.h"
#include "engine/run/atomic_file.h"

namespace hardy::run {
namespace {

// ---- TFRecord framing

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit)
      c = (c >> 1) ^ (c & 1 ? 0x82f63b78u : 0u);  // Castagnoli's polynomial, reflected
    table[i] = c;
  }
  return table;
}

std::uint32_t masked(std::span<const char> bytes) {
  const std::uint32_t c = crc32c(bytes);
  return ((c >> 15) | (c << 17)) + 0xa282ead8u;
}

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);  // little-endian, as the host
}

std::string record(const std::string& event) {
  std::string out;
  put(out, static_cast<std::uint64_t>(event.size()));
  put(out, masked({out.data(), 8}));
  out += event;
  put(out, masked(event));
  return out;
}

// ---- protocol buffers, as far as an Event needs them

void varint(std::string& out, std::uint64_t value) {
  for (; value >= 128; value >>= 7) out += static_cast<char>(value | 128);
  out += static_cast<char>(value);
}

void bytes_field(std::string& out, int field, const std::string& bytes) {
  varint(out, static_cast<std::uint64_t>(field) << 3 | 2);
  varint(out, bytes.size());
  out += bytes;
}

// Event: wall_time = 1 (double), step = 2 (varint), file_version = 3 (string), summary = 5.
std::string event_head(double wall_time, std::int64_t step) {
  std::string out;
  varint(out, 1 << 3 | 1);
  put(out, wall_time);
  varint(out, 2 << 3 | 0);
  varint(out, static_cast<std::uint64_t>(step));
  return out;
}

// The step of an event that event_head() began; an event of another's making counts as the last.
std::int64_t step_of(std::span<const char> event) {
  if (event.size() < 11 || event[0] != 9 || event[9] != 16) return std::numeric_limits<std::int64_t>::max();
  std::uint64_t step = 0;
  for (std::size_t i = 10, shift = 0; i < event.size() && shift < 64; ++i, shift += 7) {
    step |= static_cast<std::uint64_t>(event[i] & 127) << shift;
    if (!(event[i] & 128)) break;
  }
  return static_cast<std::int64_t>(step);
}

std::string kept_records(const std::string& all, std::int64_t last_step) {
  std::string kept;
  for (std::size_t at = 0; at + 16 <= all.size();) {
    std::uint64_t length = 0;
    std::uint32_t check = 0;
    std::memcpy(&length, all.data() + at, 8);
    std::memcpy(&check, all.data() + at + 8, 4);
    if (check != masked({all.data() + at, 8}) || length > all.size() - at - 16)
      break;  // cut short or damaged
    const std::span<const char> event(all.data() + at + 12, length);
    if (step_of(event) <= last_step) kept.append(all, at, length + 16);
    at += length + 16;
  }
  return kept;
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

std::uint32_t crc32c(std::span<const char> bytes) {
  static constexpr std::array<std::uint32_t, 256> kTable = crc_table();
  std::uint32_t c = ~0u;
  for (const char b : bytes) c = kTable[(c ^ static_cast<unsigned char>(b)) & 255] ^ (c >> 8);
  return ~c;
}

EventFile::EventFile(const std::filesystem::path& folder, std::int64_t last_step) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error::failed_run("the folder cannot be made (" + error.message() + ")", folder.string());
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().filename().string().starts_with("events.out.tfevents.")) path_ = entry.path();

  if (path_.empty()) {
    char host[256] = "host";
    ::gethostname(host, sizeof host - 1);
    path_ = folder / ("events.out.tfevents." + std::to_string(static_cast<long long>(now())) + "." + host);
  } else {
    std::ifstream file(path_, std::ios::binary);
    const std::string all((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const std::string kept = kept_records(all, last_step);
    if (kept.size() != all.size()) write_atomically(path_, kept);
  }
  fd_ = open_for_append(path_);
  if (::lseek(fd_, 0, SEEK_END) == 0) {
    std::string event = event_head(now(), 0);
    bytes_field(event, 3, "brain.Event:2");
    append(fd_, record(event), path_);
  }
}

EventFile::EventFile(EventFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

EventFile::~EventFile() {
  if (fd_ >= 0) ::close(fd_);
}

// Summary: repeated value = 1 { tag = 1 (string), simple_value = 2 (float) }.
void EventFile::scalars(std::int64_t step, double wall_time,
                        std::span<const std::pair<std::string, float>> values) {
  std::string summary;
  for (const auto& [tag, number] : values) {
    std::string value;
    bytes_field(value, 1, tag);
    varint(value, 2 << 3 | 5);
    put(value, number);
    bytes_field(summary, 1, value);
  }
  std::string event = event_head(wall_time, step);
  bytes_field(event, 5, summary);
  append(fd_, record(event), path_);
}

}  // namespace hardy::run
