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

class EventFile {
 public:
  // Opens the folder's event file, or begins one. Of an existing file, whole records of steps up to
  // last_step are kept; the rest (a killed run's) is dropped.
  EventFile(const std::filesystem::path& folder, std::int64_t last_step);
  ~EventFile();
  EventFile(EventFile&& other) noexcept;
  EventFile& operator=(EventFile&&) = delete;

  // One event; wall_time in seconds since 1970. Error if the disk is full.
  void scalars(std::int64_t step, double wall_time, std::span<const std::pair<std::string, float>> values);
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace hardy::run
