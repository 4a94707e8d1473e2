#include "datasets/formats/utf8.h"

#include "engine/base/json.h"

namespace hardy::datasets {

std::string as_utf8(std::string_view text) {
  using nlohmann::json;
  // Nothing but what is no UTF-8 is ignored, and so makes the text shorter.
  const auto kept = json::parse(json(std::string(text)).dump(-1, ' ', false, json::error_handler_t::ignore),
                                nullptr, false);
  if (kept.is_string() && kept.get_ref<const std::string&>().size() == text.size()) return std::string(text);
  std::string utf8;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      utf8 += c;
    } else {
      utf8 += static_cast<char>(0xC0 | byte >> 6);
      utf8 += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return utf8;
}

}  // namespace hardy::datasets
