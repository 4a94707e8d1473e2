// Configuration files: `key = value` lines, '#' begins a comment at a line's start or after a blank.
// A value that would not survive that is written in double quotes.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace hardy::run {

std::vector<std::pair<std::string, std::string>> read_ini(const std::string& text, const std::string& origin);
std::vector<std::pair<std::string, std::string>> read_ini_file(const std::filesystem::path& path);
std::string ini_value(const std::string& value);  // as it must stand in a file

}  // namespace hardy::run
