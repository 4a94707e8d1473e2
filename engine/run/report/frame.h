// How a page of hardy's is known again.
#pragma once

#include <filesystem>

namespace hardy::run::report {

// Whether a file is a page that hardy wrote, which another page may replace: it begins as every page does and
// has Hardy's brand as its first paragraph.
bool is_page(const std::filesystem::path& file);

}  // namespace hardy::run::report
