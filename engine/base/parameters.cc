#include "engine/base/parameters.h"

#include <algorithm>

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/base/text.h"

namespace hardy {

std::vector<std::string> parts_of(const std::string& keys) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t end; (end = keys.find(',', begin)) != std::string::npos; begin = end + 1)
    parts.push_back(keys.substr(begin, end - begin));
  parts.push_back(keys.substr(begin));
  return parts;
}

Parameters::Parameters(const std::string& text) : text_(text) {
  const std::size_t colon = text.find(':');
  name_ = text.substr(0, colon);
  if (colon == std::string::npos) return;
  if (colon + 1 == text.size())
    throw Error("no key follows its colon", text, "write " + name_ + ", or " + name_ + ":key=value");
  for (const std::string& part : parts_of(text.substr(colon + 1))) {
    if (part.empty())
      throw Error("a comma has no key=value before or behind it", text,
                  "write " + name_ + ":key=value,key=value");
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == part.size())
      throw Error("'" + part + "' is not key=value", text, "write " + name_ + ":key=value,key=value");
    if (!values_.emplace(part.substr(0, equals), part.substr(equals + 1)).second)
      throw Error("'" + part.substr(0, equals) + "' stands twice", text);
  }
}

const std::string* Parameters::find(const std::string& key) {
  asked_.push_back(key);
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

std::int64_t Parameters::integer(const std::string& key, std::int64_t value, std::int64_t low,
                                 std::int64_t high) {
  const std::string* given = find(key);
  if (given == nullptr) return value;
  const auto read = to_integer(*given);
  if (!read || *read < low || *read > high)
    throw Error(key + "=" + *given + " is not an integer in [" + std::to_string(low) + ", " +
                    std::to_string(high) + "]",
                text_);
  return *read;
}

double Parameters::number(const std::string& key, double value, double low, double high) {
  const std::string* given = find(key);
  if (given == nullptr) return value;
  const auto read = to_double(*given);
  if (!read || !(*read >= low && *read <= high))
    throw Error(key + "=" + *given + " is not a number in [" + to_text(low) + ", " + to_text(high) + "]",
                text_);
  return *read;
}

std::string Parameters::word(const std::string& key, const std::string& value) {
  const std::string* given = find(key);
  return given == nullptr ? value : *given;
}

std::vector<std::pair<std::string, std::string>> Parameters::rest() {
  std::vector<std::pair<std::string, std::string>> left;
  for (const auto& [key, value] : values_)
    if (std::ranges::find(asked_, key) == asked_.end()) left.emplace_back(key, value);
  for (const auto& [key, value] : left) asked_.push_back(key);
  return left;
}

void Parameters::finish() const {
  for (const auto& [key, value] : values_)
    if (std::ranges::find(asked_, key) == asked_.end())
      throw Error("there is no parameter '" + key + "'", text_,
                  asked_.empty() ? name_ + " takes none" : suggestion(key, asked_));
}

}  // namespace hardy
