#include "engine/run/tensorboard.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
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

constexpr std::size_t kWallTimeBytes = 9;  // an event_head's first field

// Summary: repeated value = 1 { tag = 1 (string), simple_value = 2 (float) }.
std::string event_of(const Scalars& scalars) {
  std::string summary;
  for (const auto& [tag, number] : scalars.values) {
    std::string value;
    bytes_field(value, 1, tag);
    varint(value, 2 << 3 | 5);
    put(value, number);
    bytes_field(summary, 1, value);
  }
  std::string event = event_head(scalars.wall_time, scalars.step);
  bytes_field(event, 5, summary);
  return event;
}

std::string first_event(double wall_time) {
  std::string event = event_head(wall_time, 0);
  bytes_field(event, 3, "brain.Event:2");
  return event;
}

bool same_but_for_the_time(std::span<const char> event, const std::string& other) {
  return event.size() == other.size() && event.size() > kWallTimeBytes &&
         std::equal(event.begin() + kWallTimeBytes, event.end(), other.begin() + kWallTimeBytes);
}

// How many bytes from the start are whole records of the first event and of the history's, and how many of
// the latter.
std::pair<std::size_t, std::size_t> agreeing(const std::string& all, std::span<const Scalars> history) {
  std::size_t at = 0, events = 0;
  for (; at + 16 <= all.size() && events <= history.size(); ++events) {
    std::uint64_t length = 0;
    std::uint32_t head = 0, body = 0;
    std::memcpy(&length, all.data() + at, 8);
    std::memcpy(&head, all.data() + at + 8, 4);
    if (head != masked({all.data() + at, 8}) || length > all.size() - at - 16) break;
    const std::span<const char> event(all.data() + at + 12, length);
    std::memcpy(&body, event.data() + length, 4);
    if (body != masked(event)) break;
    if (!same_but_for_the_time(event, events == 0 ? first_event(0) : event_of(history[events - 1]))) break;
    at += length + 16;
  }
  return {at, events == 0 ? 0 : events - 1};
}

std::vector<std::filesystem::path> event_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> all;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().filename().string().starts_with("events.out.tfevents.")) all.push_back(entry.path());
  std::sort(all.begin(), all.end());
  return all;
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

EventFile::EventFile(const std::filesystem::path& folder, std::span<const Scalars> history) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error::failed_run("the folder cannot be made (" + error.message() + ")", folder.string());
  const std::vector<std::filesystem::path> there = event_files(folder);
  std::string all;
  if (there.empty()) {
    char host[256] = "host";
    ::gethostname(host, sizeof host - 1);
    path_ = folder / ("events.out.tfevents." + std::to_string(static_cast<long long>(now())) + "." + host);
  } else {
    path_ = there.front();
    std::ifstream file(path_, std::ios::binary);
    all.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  const auto [bytes, events] = agreeing(all, history);
  std::string wanted = all.substr(0, bytes);
  if (wanted.empty()) wanted = record(first_event(history.empty() ? now() : history.front().wall_time));
  for (const Scalars& missing : history.subspan(events)) wanted += record(event_of(missing));
  if (wanted != all) {
    // Under a name that is no event file's until it is whole: whoever draws the folder sees none twice.
    const std::filesystem::path whole = folder.string() + ".new";
    write_atomically(whole, wanted);
    std::filesystem::rename(whole, path_, error);
    if (error) throw Error::failed_run("cannot be written (" + error.message() + ")", path_.string());
  }
  for (std::size_t i = 1; i < there.size(); ++i) std::filesystem::remove(there[i], error);
  fd_ = open_for_append(path_);
}

EventFile::EventFile(EventFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

EventFile::~EventFile() {
  if (fd_ >= 0) ::close(fd_);
}

void EventFile::write(const Scalars& scalars) { append(fd_, record(event_of(scalars)), path_); }

}  // namespace hardy::run
