// What goes into a page. A literal of the sources is markup; whatever else comes in is text, and is escaped
// on its way: there is no other way in.
//
//   Html("<td>") + name + "</td>"       name: a std::string from a file, a folder, a command line
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace hardy::report {

class Html {
 public:
  Html() = default;
  template <std::size_t N>
  Html(const char (&markup)[N]) : text_(markup) {}
  template <std::size_t N>
  Html(char (&buffer)[N]) = delete;  // not written in the sources: make it a std::string
  Html(const std::string& text);     // escaped

  Html& operator+=(const Html& more) {
    text_ += more.text_;
    return *this;
  }
  friend Html operator+(Html a, const Html& b) { return a += b; }
  bool empty() const { return text_.empty(); }
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

// For HTML and for the SVG and attributes within: & < > " ' as entities; what is no UTF-8, and control
// characters, as U+FFFD, which every reader of a page can show.
std::string escaped(const std::string& text);

Html cell(const Html& content, bool numeric = false);     // <td>
Html heading(const Html& content, bool numeric = false);  // <th>
// A table in a box of its own that scrolls sideways where the window is narrow, and shows that it does.
Html table(const Html& headings, const Html& rows);

// A whole page: head, style sheet (and more of it), the brand above the title, then the body.
Html whole_page(const std::string& brand, const std::string& title, const Html& lead, const Html& body,
                const Html& more_style = {});

// Whether a file is a page that hardy wrote, which another page may replace: it begins as every page does,
// with <meta name="generator" content="hardy">.
bool is_page(const std::filesystem::path& file);

}  // namespace hardy::report
