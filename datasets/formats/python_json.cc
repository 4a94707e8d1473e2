#include "datasets/formats/python_json.h"

#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

namespace hardy::datasets {
namespace {

using nlohmann::json;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// The longer word first: one begins where another ends.
constexpr std::array<std::pair<std::string_view, double>, 3> kWords{
    {{"-Infinity", -kInfinity}, {"Infinity", kInfinity}, {"NaN", std::numeric_limits<double>::quiet_NaN()}}};

// The words travel through the JSON library as texts that begin with a mark that nothing else has.
std::string unused_mark(const std::string& text) {
  std::string mark = "not finite: ";
  while (text.find(mark) != std::string::npos) mark += ' ';
  return mark;
}

void to_numbers(json& value, const std::string& mark) {
  if (value.is_structured()) {
    for (json& part : value) to_numbers(part, mark);
    return;
  }
  if (!value.is_string() || !value.get_ref<const std::string&>().starts_with(mark)) return;
  const std::string word = value.get_ref<const std::string&>().substr(mark.size());
  for (const auto& [name, number] : kWords)
    if (word == name) value = number;
}

void to_texts(json& value, const std::string& mark) {
  if (value.is_structured()) {
    for (json& part : value) to_texts(part, mark);
    return;
  }
  if (!value.is_number_float()) return;
  const double x = value.get<double>();
  for (const auto& [name, number] : kWords)
    if (x == number || (std::isnan(x) && std::isnan(number))) {
      value = mark + std::string(name);
      return;
    }
}

}  // namespace

json parse_python_json(const std::string& text) {
  const std::string mark = unused_mark(text);
  std::string plain;
  bool inside = false;  // of a text
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (inside && text[at] == '\\' && at + 1 < text.size()) {
      plain += text[at++];
    } else if (text[at] == '"') {
      inside = !inside;
    } else if (!inside) {
      bool word = false;
      for (const auto& [name, number] : kWords) {
        word = text.compare(at, name.size(), name) == 0;
        if (!word) continue;
        plain += '"' + mark + std::string(name) + '"';
        at += name.size() - 1;
        break;
      }
      if (word) continue;
    }
    plain += text[at];
  }
  json value = json::parse(plain, nullptr, false);
  to_numbers(value, mark);
  return value;
}

std::string python_json_text(const json& value, int indent) {
  const auto dump = [&](const json& v) { return v.dump(indent, ' ', false, json::error_handler_t::replace); };
  const std::string mark = unused_mark(dump(value));
  json marked = value;
  to_texts(marked, mark);
  std::string text = dump(marked);
  for (const auto& [name, number] : kWords) {
    const std::string quoted = '"' + mark + std::string(name) + '"';
    for (std::size_t at = 0; (at = text.find(quoted, at)) != std::string::npos; at += name.size())
      text.replace(at, quoted.size(), name);
  }
  return text;
}

}  // namespace hardy::datasets
