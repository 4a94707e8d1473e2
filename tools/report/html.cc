#include "tools/report/html.h"

#include <fstream>
#include <string_view>

#include "engine/run/json_text.h"
#include "tools/report/style.h"

namespace hardy::report {
namespace {

constexpr char kBegin[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"generator\" "
    "content=\"hardy\">";

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : run::valid_utf8(text)) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
          out += "\uFFFD";
        else
          out += c;
    }
  return out;
}

Html::Html(const std::string& text) : text_(escaped(text)) {}

Html cell(const Html& content, bool numeric) {
  return (numeric ? Html("<td class=\"n\">") : Html("<td>")) + content + "</td>";
}

Html heading(const Html& content, bool numeric) {
  return (numeric ? Html("<th class=\"n\">") : Html("<th>")) + content + "</th>";
}

Html table(const Html& headings, const Html& rows) {
  return Html(
             "<div class=\"scroll\" role=\"region\" aria-label=\"table\" tabindex=\"0\"><table><thead><tr>") +
         headings + "</tr></thead><tbody>" + rows + "</tbody></table></div>";
}

Html whole_page(const std::string& brand, const std::string& title, const Html& lead, const Html& body,
                const Html& more_style) {
  return Html(kBegin) + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>" +
         title + "</title><style>" + kStyle + more_style +
         "</style></head><body><main><header><p class=\"brand\">" + brand + "</p><h1>" + title + "</h1>" +
         lead + "</header>" + body + "</main></body></html>\n";
}

bool is_page(const std::filesystem::path& file) {
  constexpr std::string_view begin(kBegin);
  std::string head(begin.size(), '\0');
  std::ifstream stream(file, std::ios::binary);
  return stream.read(head.data(), static_cast<std::streamsize>(head.size())) && head == begin;
}

}  // namespace hardy::report
