// JSON as hardy writes and prints it, whatever bytes its texts hold: a file's name need not be UTF-8, JSON
// must be.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace hardy::run {

// What is no UTF-8 becomes U+FFFD. indent: blanks a level; -1: one line.
std::string json_text(const nlohmann::json& j, int indent = 2);

std::string valid_utf8(const std::string& text);

}  // namespace hardy::run
