// JSON as Python's json module writes it: numbers may also be NaN, Infinity and -Infinity.
#pragma once

#include <string>

#include "engine/base/json.h"

namespace hardy::datasets {

// Those three become floats that are not finite; the same words inside of texts stay what they are, so that
// JSON within JSON (Minari's spaces) is kept letter by letter. A discarded value where it is no JSON.
nlohmann::json parse_python_json(const std::string& text);

// The text that Python's json reads back as the same value; bytes that are no UTF-8 are replaced.
std::string python_json_text(const nlohmann::json& value, int indent);

}  // namespace hardy::datasets
