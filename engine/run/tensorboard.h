// TensorBoard event files: scalars as TFRecords of tensorflow.Event, written without TensorFlow.
// A record is: u64 length, masked CRC-32C of it, the bytes, masked CRC-32C of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace hardy::run {

std::uint32_t crc32c(std::span<const char> bytes);

// Numbers of one moment: wall_time in seconds since 1970.
struct Scalars {
  std::int64_t step = 0;
  double wall_time = 0;
  std::vector<std::pair<std::string, float>> values;
};

class EventFile {
 public:
  // Opens the folder's event file, or begins one, and makes it hold `history` and nothing else: events that
  // agree with it stay as they are, from the first other one on (of a killed run, or damaged) they are
  // written anew. A folder is left with one event file, so that no point is drawn twice.
  explicit EventFile(const std::filesystem::path& folder, std::span<const Scalars> history = {});
  ~EventFile();
  EventFile(EventFile&& other) noexcept;
  EventFile& operator=(EventFile&&) = delete;

  void write(const Scalars& scalars);  // one event; an Error if the disk is full
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace hardy::run
