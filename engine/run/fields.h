// A JSON object that was read from a file, asked key by key: what is missing or of another kind is an Error
// that names the file, the key, and what would be right. Everything that reads a run's files reads them
// through this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/json.h"

namespace hardy::run {

class Fields {
 public:
  // file: as Errors name it. An Error where the JSON is no object.
  Fields(nlohmann::json object, std::string file, std::string path = "");

  // Each: an Error where the key's value is of another kind, and where it is absent (or null) and nothing is
  // given in its place.
  std::string text(const std::string& key, const std::optional<std::string>& otherwise = {}) const;
  std::int64_t integer(const std::string& key, const std::optional<std::int64_t>& otherwise = {}) const;
  double number(const std::string& key, const std::optional<double>& otherwise = {}) const;
  bool flag(const std::string& key, const std::optional<bool>& otherwise = {}) const;

  // Numbers; null in their place is NaN, which JSON has no word for. Empty where the key is absent.
  std::vector<double> numbers(const std::string& key) const;
  // Texts; empty where the key is absent.
  std::vector<std::string> texts(const std::string& key) const;
  // Objects; empty where the key is absent.
  std::vector<Fields> list(const std::string& key) const;
  // An object within.
  Fields at(const std::string& key) const;
  bool has(const std::string& key) const;           // and not null
  std::string shown(const std::string& key) const;  // a text, or any other value as JSON; "" where absent

  const nlohmann::json& object() const { return object_; }
  const std::string& file() const { return file_; }

 private:
  const nlohmann::json* find(const std::string& key) const;  // null where absent
  [[noreturn]] void refuse(const std::string& key, const std::string& right) const;

  nlohmann::json object_;
  std::string file_, path_;  // path_: of this object within the file, "dataset.", "agents[0]."
};

}  // namespace hardy::run
