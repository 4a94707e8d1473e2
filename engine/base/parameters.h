// "name:key=value,key=value": a name with its parameters, each to be asked for by somebody.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace hardy {

// What stands between the commas of "key=value,key=value": "" where nothing does, at least one part.
std::vector<std::string> parts_of(const std::string& keys);

class Parameters {
 public:
  explicit Parameters(const std::string& text);

  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }
  // The value, or the default; outside [low, high] or not a number is an Error that names the key.
  std::int64_t integer(const std::string& key, std::int64_t value, std::int64_t low, std::int64_t high);
  double number(const std::string& key, double value, double low, double high);
  std::string word(const std::string& key, const std::string& value);
  // What nobody has asked for yet, by key; it counts as asked for then.
  std::vector<std::pair<std::string, std::string>> rest();
  void finish() const;  // refuses keys that nobody has asked for

 private:
  const std::string* find(const std::string& key);

  std::string text_, name_;
  std::map<std::string, std::string> values_;
  std::vector<std::string> asked_;
};

}  // namespace hardy
