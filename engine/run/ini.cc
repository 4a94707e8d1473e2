#include "engine/run/ini.h"

#include <boost/program_options.hpp>
#include <fstream>
#include <sstream>

#include "engine/base/error.h"

namespace hardy::run {
namespace po = boost::program_options;
namespace {

// Boost ends a line at any '#'. One inside quotes, or inside a word ("runs/try#2"), is part of the value,
// so it travels through Boost as this character.
constexpr char kHash = '\x01';

std::string hide_hashes(const std::string& text) {
  std::string out = text;
  bool quoted = false;
  char before = '\n';
  for (char& c : out) {
    if (c == '\n') quoted = false;
    if (c == '"') quoted = !quoted;
    const bool in_word = before != ' ' && before != '\t' && before != '\n';
    if (c == '#' && (quoted || in_word)) c = kHash;
    before = c;
  }
  return out;
}

// Editors of some systems begin a text with a mark of its encoding.
std::string without_byte_order_mark(const std::string& text, const std::string& origin) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    throw Error("the text is UTF-16", origin, "save it as UTF-8");
  return text.starts_with("\xef\xbb\xbf") ? text.substr(3) : text;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> read_ini(const std::string& text,
                                                          const std::string& origin) {
  std::istringstream stream(hide_hashes(without_byte_order_mark(text, origin)));
  std::vector<std::pair<std::string, std::string>> values;
  try {
    const po::options_description none;
    for (const po::option& o : po::parse_config_file(stream, none, true).options) {
      std::string value = o.value.empty() ? "" : o.value.front();
      for (char& c : value)
        if (c == kHash) c = '#';
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
      values.emplace_back(o.string_key, value);
    }
  } catch (const po::error& e) {
    throw Error(e.what(), origin, "write key = value lines");
  }
  return values;
}

std::vector<std::pair<std::string, std::string>> read_ini_file(const std::filesystem::path& path) {
  std::error_code ignored;
  std::ifstream file(path);
  if (!file || std::filesystem::is_directory(path, ignored))
    throw Error("the file cannot be read", path.string());
  std::ostringstream text;
  text << file.rdbuf();
  return read_ini(text.str(), path.string());
}

std::string ini_value(const std::string& value) {
  if (value.find_first_of("\n\r\"\x01") != std::string::npos)
    throw Error("a quote, a line break or a control character cannot stand in a configuration file", value);
  const bool plain = value.empty() || (value.find('#') == std::string::npos && value.front() != ' ' &&
                                       value.back() != ' ' && value.front() != '\t' && value.back() != '\t');
  return plain ? value : "\"" + value + "\"";
}

}  // namespace hardy::run
