// Text whose encoding nobody says, as UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace hardy::datasets {

// The text itself where it is UTF-8; else its bytes read as Latin-1.
std::string as_utf8(std::string_view text);

}  // namespace hardy::datasets
