// Numbers, booleans and lists from text and back, without loss and whatever the locale.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hardy {

std::optional<double> to_double(const std::string& text);         // no NaN
std::optional<std::int64_t> to_integer(const std::string& text);  // 50000, or 5e4 where that is exact
std::optional<bool> to_bool(const std::string& text);             // true false yes no on off 1 0
std::string to_text(double value);  // the shortest text that reads back the same
std::string to_text(float value);
std::string clock_text(double seconds);         // 0:47, 12:05, 1:02:03; "?" where it is no time
std::string grouped_text(std::int64_t number);  // 12,000
std::vector<std::string> split(const std::string& text, char separator);
std::string join(const std::vector<std::string>& words, const std::string& separator);

}  // namespace hardy
