#include "engine/run/report/frame.h"

#include <fstream>
#include <string>

namespace hardy::run::report {

bool is_page(const std::filesystem::path& file) {
  constexpr std::size_t kHead = 64 * 1024;  // the style sheet and more
  std::string head(kHead, '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(stream.gcount()));
  const std::size_t first = head.find("<p ");
  return head.starts_with("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">") &&
         first != std::string::npos && head.compare(first, 22, "<p class=\"brand\">Hardy") == 0;
}

}  // namespace hardy::run::report
