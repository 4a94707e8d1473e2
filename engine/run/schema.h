// One description of a command's settings serves its command line, its configuration file, its --help
// and the resolved configuration that a run keeps. A value comes from the first of: the command line,
// the file given by --config, a preset, the default.
//
//   Schema s("train riql", "robust implicit Q-learning");
//   s.option("tau", &tau, "expectile of V's loss", 0.5, 1.0);
//   s.parse(args);
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

namespace hardy::run {

class Schema {
 public:
  enum class Source { kDefault, kPreset, kConfig, kCommandLine };  // a later one wins

  // title: the words after `hardy`, e.g. "train riql". summary: a sentence for the help.
  explicit Schema(std::string title, std::string summary = "");

  // Each binds a variable that outlives the schema; its present value is the default. A key is spelt
  // with dashes ("batch-size"; underscores are understood too), or "output,o" to be -o as well. It begins
  // with a letter: the Python package has it as a parameter's name, with underscores. A number outside [min,
  // max] is refused, unless it is the default.
  Schema& option(const std::string& key, double* v, const std::string& help,
                 double min = -std::numeric_limits<double>::infinity(),
                 double max = std::numeric_limits<double>::infinity());
  Schema& option(const std::string& key, std::int64_t* v, const std::string& help,
                 std::int64_t min = std::numeric_limits<std::int64_t>::min(),
                 std::int64_t max = std::numeric_limits<std::int64_t>::max());
  Schema& option(const std::string& key, bool* v, const std::string& help);  // --key, --key true|false
  Schema& option(const std::string& key, std::string* v, const std::string& help,
                 std::vector<std::string> choices = {});
  Schema& option(const std::string& key, std::vector<std::string>* v,
                 const std::string& help);  // a,b or repeated
  // a,b or repeated, each number within [min, max]; never empty
  Schema& option(const std::string& key, std::vector<std::int64_t>* v, const std::string& help,
                 std::int64_t min, std::int64_t max);
  // Words without dashes, in order; a list takes all that the required ones after it leave. Not part of
  // configuration files.
  Schema& positional(const std::string& name, std::string* v, const std::string& help, bool required = true);
  Schema& positional(const std::string& name, std::vector<std::string>* v, const std::string& help,
                     bool required = true);
  Schema& section(const std::string& title);  // stands above the options that follow, in the help
  // Adds the option --preset; values(name) gives a preset's values, which lie below the command line and
  // the file, wherever the preset is named.
  Schema& presets(std::function<std::map<std::string, std::string>(const std::string&)> values,
                  const std::string& help);

  // The command line, and the file that its --config names. Errors name the key, the value and what
  // would be right. With --help nothing is assigned.
  void parse(const std::vector<std::string>& args);
  // Values of a preset (before or after parse) or of another source; origin is named in errors.
  void apply(const std::map<std::string, std::string>& values, const std::string& origin,
             Source source = Source::kPreset);

  void apply_file(const std::string& path) { read_config(path); }
  const std::vector<std::string>& config_files() const { return config_files_; }  // that were read

  bool has(const std::string& key) const;
  bool was_set(const std::string& key) const { return source_of(key) != Source::kDefault; }
  Source source_of(const std::string& key) const;
  std::vector<std::string> keys() const;
  bool help_requested() const { return help_requested_; }
  std::string help() const;
  std::string resolved() const;          // ini text: every key, its help as a comment; parse() reads it back
  nlohmann::json resolved_json() const;  // the same, key: value as text

 private:
  struct Option {
    std::string key, help, heading, default_text;
    char letter = 0;
    std::variant<double*, std::int64_t*, bool*, std::string*, std::vector<std::string>*,
                 std::vector<std::int64_t>*>
        variable;
    double min = 0, max = 0;
    std::int64_t int_min = 0, int_max = 0;
    std::vector<std::string> choices;
    Source source = Source::kDefault;
  };
  struct Positional {
    std::string name, help;
    bool required;
    std::variant<std::string*, std::vector<std::string>*> variable;
  };

  Option& add(const std::string& key, const std::string& help);
  template <class Variable>
  Schema& add_integers(const std::string& key, Variable* v, const std::string& help, std::int64_t min,
                       std::int64_t max);
  const Option* find(const std::string& key) const;
  Option& known(const std::string& key, const std::string& origin);
  void assign(Option& option, const std::vector<std::string>& values, const std::string& origin);
  void set(Option& option, const std::vector<std::string>& values, const std::string& origin, Source source);
  void read_config(const std::string& path);
  static std::string text_of(const Option& option);
  static std::string allowed(const Option& option);

  std::string title_, summary_, heading_, preset_;
  std::function<std::map<std::string, std::string>(const std::string&)> preset_values_;
  std::vector<Option> options_;
  std::vector<Positional> positionals_;
  std::vector<std::string> config_files_;
  bool help_requested_ = false;
};

}  // namespace hardy::run
