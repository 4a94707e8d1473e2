#include "cuda/emulation/ptx/parse_text.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace hardy::emulation::ptx {

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

std::vector<std::string> split_outside_brackets(std::string_view text, char separator) {
  std::vector<std::string> parts;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : separator;
    if (c == '{' || c == '[' || c == '(') ++depth;
    if (c == '}' || c == ']' || c == ')') --depth;
    if (c != separator || (depth != 0 && i < text.size())) continue;
    std::string part = trimmed(text.substr(begin, i - begin));
    if (!part.empty()) parts.push_back(std::move(part));
    begin = i + 1;
  }
  return parts;
}

bool parse_type(std::string_view suffix, Type& type) {
  if (suffix == "pred") {
    type = {Kind::kPredicate, 1};
    return true;
  }
  if (suffix.size() < 2 || std::string_view("usfb").find(suffix[0]) == std::string_view::npos) return false;
  int bits = 0;
  for (const char c : suffix.substr(1)) {
    if (c < '0' || c > '9') return false;
    bits = bits * 10 + (c - '0');
  }
  type.kind = suffix[0] == 'u'   ? Kind::kUnsigned
              : suffix[0] == 's' ? Kind::kSigned
              : suffix[0] == 'f' ? Kind::kFloat
                                 : Kind::kBits;
  type.bits = bits;
  return true;
}

Declaration parse_declaration(std::string_view text) {
  Declaration d;
  const std::size_t bracket = text.find('[');
  const std::string head = trimmed(text.substr(0, bracket));
  d.name = head.substr(head.find_last_of(" \t") + 1);
  std::istringstream words(head);
  for (std::string word; words >> word;) {
    if (word == ".align") words >> d.alignment;
    if (word[0] == '.') parse_type(std::string_view(word).substr(1), d.type);
  }
  if (bracket != std::string_view::npos) {
    d.is_array = true;
    d.count = std::strtoull(text.data() + bracket + 1, nullptr, 10);
  }
  d.alignment = std::max(d.alignment, static_cast<std::size_t>(d.type.bytes()));
  return d;
}

}  // namespace hardy::emulation::ptx
