// Appending whole records to a growing file: one write each; what a failed write left is taken back.
#pragma once

#include <filesystem>
#include <string_view>

namespace hardy::run {

int open_for_append(const std::filesystem::path& path);  // Error if it cannot be opened
void append(int fd, std::string_view record, const std::filesystem::path& path);

}  // namespace hardy::run
