#include "engine/run/json_text.h"

#include "engine/base/json.h"

namespace hardy::run {

using nlohmann::json;

std::string json_text(const json& j, int indent) {
  return j.dump(indent, ' ', false, json::error_handler_t::replace);
}

std::string valid_utf8(const std::string& text) { return json::parse(json_text(text)).get<std::string>(); }

}  // namespace hardy::run
