// What the JSON library complains of, in a line that a person reads.
#pragma once

#include <exception>
#include <string>

namespace hardy {

// Without the library's own numbers: "type must be array, but is string".
inline std::string problem_of(const std::exception& e) {
  const std::string text = e.what();
  const std::size_t end = text.find("] ");
  return text.starts_with("[json.exception") && end != std::string::npos ? text.substr(end + 2) : text;
}

}  // namespace hardy
