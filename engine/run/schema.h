// One schema serves a command line, a configuration file, --help and the resolved configuration that a
// run keeps. Variables are bound; what they hold when bound is the default.
//
//   Schema s("train riql");
//   s.option("tau", &tau, "expectile of V's loss", 0.5, 1.0);
//   s.parse(args);   // command line over --config FILE over a preset over defaults
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace hardy::run {

class Schema {
 public:
  explicit Schema(std::string title, std::string summary = "");

  Schema& option(const std::string& key, double* value, const std::string& help,
                 double min = -std::numeric_limits<double>::infinity(), double max = std::numeric_limits<double>::infinity());
  Schema& option(const std::string& key, std::int64_t* value, const std::string& help,
                 std::int64_t min = std::numeric_limits<std::int64_t>::min(),
                 std::int64_t max = std::numeric_limits<std::int64_t>::max());
  Schema& option(const std::string& key, bool* value, const std::string& help);
  Schema& option(const std::string& key, std::string* value, const std::string& help, std::vector<std::string> choices = {});
  Schema& option(const std::string& key, std::vector<std::string>* value, const std::string& help);  // comma separated
  Schema& positional(const std::string& name, std::string* value, const std::string& help, bool required = true);
  Schema& positional(const std::string& name, std::vector<std::string>* value, const std::string& help, bool required = true);
  // A heading in --help for the options that follow.
  Schema& section(const std::string& title);
  // Called once the preset's name is known; gives the preset's values. Adds the option --preset.
  Schema& presets(std::function<std::map<std::string, std::string>(const std::string&)> values, const std::string& help);

  // Errors name the key, the value, what is allowed and, for unknown keys, the nearest known one.
  void parse(const std::vector<std::string>& args);
  void apply(const std::map<std::string, std::string>& values, const std::string& origin);
  void apply_file(const std::string& path);

  bool help_requested() const { return help_requested_; }
  bool was_set(const std::string& key) const;  // by anything but the default
  std::string help() const;
  std::string resolved() const;  // an INI text with every key; reading it back gives the same values
  nlohmann::json resolved_json() const;

 private:
  struct Option {
    std::string key, help, section, constraint, origin;
    bool flag = false, positional = false, many = false, required = false;
    std::string fallback;  // the default as text
    std::function<void(const std::string&)> set;
    std::function<std::string()> get;
  };
  static Option named(const std::string& key, const std::string& help);
  Option* find(const std::string& key);
  std::vector<std::string> with_flags_closed(const std::vector<std::string>& args) const;
  Option& add(Option option);
  void set(Option& option, const std::string& value, const std::string& origin);
  [[noreturn]] void unknown(const std::string& key, const std::string& origin) const;

  std::string title_, summary_, section_, preset_;
  std::vector<Option> options_;
  std::function<std::map<std::string, std::string>(const std::string&)> preset_values_;
  bool help_requested_ = false;
};

}  // namespace hardy::run
