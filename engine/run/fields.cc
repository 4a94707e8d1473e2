#include "engine/run/fields.h"

#include <limits>
#include <utility>

#include "engine/base/error.h"
#include "engine/run/json_text.h"

namespace hardy::run {

using nlohmann::json;

namespace {

constexpr std::size_t kShown = 60;  // bytes of a wrong value that a line shows

std::string in_short(const json& value) {
  std::string text = json_text(value, -1);
  if (text.size() > kShown) text = valid_utf8(text.substr(0, kShown)) + "...";
  return text;
}

}  // namespace

Fields::Fields(nlohmann::json object, std::string file, std::string path)
    : object_(std::move(object)), file_(std::move(file)), path_(std::move(path)) {
  if (object_.is_object()) return;
  const std::string where = path_.empty() ? "" : path_.substr(0, path_.size() - 1) + " ";
  throw Error(where + "is " + in_short(object_), file_, "an object in braces would be right");
}

const json* Fields::find(const std::string& key) const {
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void Fields::refuse(const std::string& key, const std::string& right) const {
  const json* value = find(key);
  throw Error("the key '" + path_ + key + "' is " + (value ? in_short(*value) : std::string("missing")),
              file_, right + " would be right");
}

bool Fields::has(const std::string& key) const { return find(key) != nullptr; }

std::string Fields::text(const std::string& key, const std::optional<std::string>& otherwise) const {
  const json* value = find(key);
  if (!value && otherwise) return *otherwise;
  if (!value || !value->is_string()) refuse(key, "a text");
  return value->get<std::string>();
}

std::int64_t Fields::integer(const std::string& key, const std::optional<std::int64_t>& otherwise) const {
  const json* value = find(key);
  if (!value && otherwise) return *otherwise;
  const bool fits =
      value && value->is_number_integer() &&
      (!value->is_number_unsigned() ||
       value->get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
  if (!fits) refuse(key, "a whole number");
  return value->get<std::int64_t>();
}

double Fields::number(const std::string& key, const std::optional<double>& otherwise) const {
  const json* value = find(key);
  if (!value && otherwise) return *otherwise;
  if (!value || !value->is_number()) refuse(key, "a number");
  return value->get<double>();
}

bool Fields::flag(const std::string& key, const std::optional<bool>& otherwise) const {
  const json* value = find(key);
  if (!value && otherwise) return *otherwise;
  if (!value || !value->is_boolean()) refuse(key, "true or false");
  return value->get<bool>();
}

std::vector<std::string> Fields::texts(const std::string& key) const {
  std::vector<std::string> all;
  const json* value = find(key);
  if (!value) return all;
  if (!value->is_array()) refuse(key, "a list of texts");
  for (const json& x : *value) {
    if (!x.is_string()) refuse(key, "a list of texts");
    all.push_back(x.get<std::string>());
  }
  return all;
}

std::vector<double> Fields::numbers(const std::string& key) const {
  std::vector<double> all;
  const json* value = find(key);
  if (!value) return all;
  if (!value->is_array()) refuse(key, "a list of numbers");
  for (const json& x : *value) {
    if (!x.is_number() && !x.is_null()) refuse(key, "a list of numbers");
    all.push_back(x.is_null() ? std::numeric_limits<double>::quiet_NaN() : x.get<double>());
  }
  return all;
}

std::vector<Fields> Fields::list(const std::string& key) const {
  std::vector<Fields> all;
  const json* value = find(key);
  if (!value) return all;
  if (!value->is_array()) refuse(key, "a list of objects");
  for (const json& x : *value)
    all.emplace_back(x, file_, path_ + key + "[" + std::to_string(all.size()) + "].");
  return all;
}

Fields Fields::at(const std::string& key) const {
  const json* value = find(key);
  if (!value) refuse(key, "an object in braces");
  return Fields(*value, file_, path_ + key + ".");
}

std::string Fields::shown(const std::string& key) const {
  const json* value = find(key);
  return !value ? "" : value->is_string() ? value->get<std::string>() : json_text(*value, -1);
}

}  // namespace hardy::run
