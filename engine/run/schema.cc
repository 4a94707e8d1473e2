#include "engine/run/schema.h"

#include <boost/program_options.hpp>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/base/nearest.h"

namespace hardy::run {
namespace po = boost::program_options;
namespace {

std::string text_of(double x) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, x).ptr;  // shortest text that reads back the same
  return {buffer, end};
}
std::string text_of(std::int64_t x) { return std::to_string(x); }

template <class T>
T number(const std::string& key, const std::string& text, T min, T max) {
  T value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size())
    throw Error("'" + text + "' is not " + (std::is_integral_v<T> ? "a whole number" : "a number"), "--" + key);
  if (!(value >= min && value <= max))
    throw Error(text + " is out of range", "--" + key, "allowed: " + text_of(min) + " to " + text_of(max));
  return value;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    if (comma > at) parts.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}
std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& p : parts) text += (text.empty() ? "" : ",") + p;
  return text;
}

}  // namespace

Schema::Schema(std::string title, std::string summary) : title_(std::move(title)), summary_(std::move(summary)) {}

Schema::Option* Schema::find(const std::string& key) {
  for (Option& o : options_)
    if (o.key == key) return &o;
  return nullptr;
}

Schema::Option& Schema::add(Option option) {
  if (find(option.key)) throw Error("the schema has this key twice", option.key);
  option.section = section_;
  option.fallback = option.get();
  options_.push_back(std::move(option));
  return options_.back();
}

Schema::Option Schema::named(const std::string& key, const std::string& help) {
  Option o;
  o.key = key;
  o.help = help;
  return o;
}

Schema& Schema::section(const std::string& title) {
  section_ = title;
  return *this;
}

Schema& Schema::option(const std::string& key, double* value, const std::string& help, double min, double max) {
  Option o = named(key, help);
  const bool low = min > -std::numeric_limits<double>::infinity(), high = max < std::numeric_limits<double>::infinity();
  if (low || high) o.constraint = (low ? text_of(min) : "") + ".." + (high ? text_of(max) : "");
  o.set = [=](const std::string& t) { *value = number(key, t, min, max); };
  o.get = [=] { return text_of(*value); };
  add(std::move(o));
  return *this;
}

Schema& Schema::option(const std::string& key, std::int64_t* value, const std::string& help, std::int64_t min, std::int64_t max) {
  Option o = named(key, help);
  const bool low = min > std::numeric_limits<std::int64_t>::min(), high = max < std::numeric_limits<std::int64_t>::max();
  if (low || high) o.constraint = (low ? text_of(min) : "") + ".." + (high ? text_of(max) : "");
  o.set = [=](const std::string& t) { *value = number(key, t, min, max); };
  o.get = [=] { return text_of(*value); };
  add(std::move(o));
  return *this;
}

Schema& Schema::option(const std::string& key, bool* value, const std::string& help) {
  Option o = named(key, help);
  o.flag = true;
  o.set = [=](const std::string& t) {
    if (t == "true" || t == "1" || t.empty()) *value = true;
    else if (t == "false" || t == "0") *value = false;
    else throw Error("'" + t + "' is neither true nor false", "--" + key);
  };
  o.get = [=] { return std::string(*value ? "true" : "false"); };
  add(std::move(o));
  return *this;
}

Schema& Schema::option(const std::string& key, std::string* value, const std::string& help, std::vector<std::string> choices) {
  Option o = named(key, help);
  for (const std::string& c : choices) o.constraint += (o.constraint.empty() ? "" : "|") + c;
  o.set = [=](const std::string& t) {
    if (!choices.empty() && std::find(choices.begin(), choices.end(), t) == choices.end())
      throw Error("'" + t + "' is not one of its values", "--" + key, suggestion(t, choices));
    *value = t;
  };
  o.get = [=] { return *value; };
  add(std::move(o));
  return *this;
}

Schema& Schema::option(const std::string& key, std::vector<std::string>* value, const std::string& help) {
  Option o = named(key, help);
  o.constraint = "a,b,...";
  o.set = [=](const std::string& t) { *value = split(t); };
  o.get = [=] { return join(*value); };
  add(std::move(o));
  return *this;
}

Schema& Schema::positional(const std::string& name, std::string* value, const std::string& help, bool required) {
  Option o = named(name, help);
  o.positional = true;
  o.required = required;
  o.set = [=](const std::string& t) { *value = t; };
  o.get = [=] { return *value; };
  add(std::move(o));
  return *this;
}

Schema& Schema::positional(const std::string& name, std::vector<std::string>* value, const std::string& help, bool required) {
  Option o = named(name, help);
  o.positional = o.many = true;
  o.required = required;
  o.set = [=](const std::string& t) { value->push_back(t); };
  o.get = [=] { return join(*value); };
  add(std::move(o));
  return *this;
}

Schema& Schema::presets(std::function<std::map<std::string, std::string>(const std::string&)> values, const std::string& help) {
  preset_values_ = std::move(values);
  return option("preset", &preset_, help);
}

void Schema::unknown(const std::string& key, const std::string& origin) const {
  std::vector<std::string> keys;
  for (const Option& o : options_)
    if (!o.positional) keys.push_back(o.key);
  const std::string near = nearest(key, keys);
  throw Error("unknown option '" + key + "'", origin,
              near.empty() ? "see 'hardy " + title_ + " --help'" : "did you mean '" + near + "'?");
}

void Schema::set(Option& option, const std::string& value, const std::string& origin) {
  option.set(value);
  option.origin = origin;
}

void Schema::apply(const std::map<std::string, std::string>& values, const std::string& origin) {
  for (const auto& [key, value] : values) {
    Option* o = find(key);
    if (!o || o->positional) unknown(key, origin);
    set(*o, value, origin);
  }
}

void Schema::apply_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Error("cannot be read", path, "--config names an INI file with the command line's keys");
  try {
    const auto parsed = po::parse_config_file(file, po::options_description(), true);
    std::map<std::string, std::string> values;
    for (const auto& o : parsed.options) values[o.string_key] = o.value.empty() ? "" : o.value.back();
    apply(values, path);
  } catch (const po::error& e) {
    throw Error(e.what(), path, "lines are 'key = value'");
  }
}

// Flags stand alone or before a literal true or false; whatever else follows one is not its value.
std::vector<std::string> Schema::with_flags_closed(const std::vector<std::string>& args) const {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < args.size(); ++i) {
    out.push_back(args[i]);
    for (const Option& o : options_) {
      if (!o.flag || args[i] != "--" + o.key) continue;
      const bool valued = i + 1 < args.size() && (args[i + 1] == "true" || args[i + 1] == "false");
      out.back() += "=" + (valued ? args[++i] : "true");
      break;
    }
  }
  return out;
}

void Schema::parse(const std::vector<std::string>& args) {
  // Boost cuts the line into keys, values and positionals; meaning and errors are this schema's.
  po::options_description description;
  auto add_option = description.add_options();
  for (const Option& o : options_) {
    if (o.positional) continue;
    add_option(o.key.c_str(), po::value<std::string>());
  }
  std::string config;
  add_option("config", po::value<std::string>());
  add_option("help,h", "");
  po::positional_options_description anywhere;
  std::vector<po::option> options;
  try {
    using Style = po::command_line_style::style_t;
    options = po::command_line_parser(with_flags_closed(args))
                  .options(description)
                  .style(Style::allow_long | Style::long_allow_adjacent | Style::long_allow_next | Style::allow_short |
                         Style::short_allow_next | Style::allow_dash_for_short)
                  .allow_unregistered()
                  .run()
                  .options;
  } catch (const po::error& e) {
    throw Error(e.what(), "hardy " + title_);
  }
  std::vector<std::pair<std::string, std::string>> pairs;
  std::vector<std::string> words;
  for (const po::option& o : options) {
    if (o.position_key >= 0 || o.string_key.empty()) {
      words.insert(words.end(), o.value.begin(), o.value.end());
    } else if (o.string_key == "help") {
      help_requested_ = true;
    } else if (o.unregistered) {
      unknown(o.string_key, "hardy " + title_);
    } else if (o.string_key == "config") {
      config = o.value.at(0);
    } else {
      pairs.emplace_back(o.string_key, o.value.empty() ? "true" : o.value.back());
    }
  }
  if (help_requested_) return;

  std::string preset;
  for (const auto& [key, value] : pairs)
    if (key == "preset") preset = value;
  if (preset_values_ && !preset.empty()) apply(preset_values_(preset), "preset " + preset);
  if (!config.empty()) {
    apply_file(config);
    if (preset_values_ && preset.empty() && !preset_.empty()) {  // a preset that the file names lies below the file
      apply(preset_values_(preset_), "preset " + preset_);
      apply_file(config);
    }
  }
  for (const auto& [key, value] : pairs) set(*find(key), value, "command line");

  std::size_t word = 0;
  for (Option& o : options_) {
    if (!o.positional) continue;
    if (word >= words.size()) {
      if (o.required) throw Error("what is missing: " + o.key + " (" + o.help + ")", "hardy " + title_, "see --help");
      continue;
    }
    do set(o, words[word++], "command line");
    while (o.many && word < words.size());
  }
  if (word < words.size()) throw Error("one argument too many: '" + words[word] + "'", "hardy " + title_, "see --help");
}

bool Schema::was_set(const std::string& key) const {
  for (const Option& o : options_)
    if (o.key == key) return !o.origin.empty();
  return false;
}

std::string Schema::help() const {
  std::string text = "usage: hardy " + title_;
  for (const Option& o : options_)
    if (o.positional) text += o.required ? " " + o.key + (o.many ? "..." : "") : " [" + o.key + (o.many ? "..." : "") + "]";
  text += " [options]\n";
  if (!summary_.empty()) text += "\n" + summary_ + "\n";
  std::string section = "\n";
  const auto line = [&](const std::string& left, const std::string& right) {
    text += "  " + left + (left.size() < 30 ? std::string(30 - left.size(), ' ') : "\n" + std::string(32, ' ')) + right + "\n";
  };
  for (const Option& o : options_) {
    if (o.section != section) {
      section = o.section;
      text += "\n" + (section.empty() ? std::string("options") : section) + ":\n";
    }
    std::string right = o.help;
    if (!o.constraint.empty()) right += " [" + o.constraint + "]";
    if (!o.positional && !o.fallback.empty()) right += " (default " + o.fallback + ")";
    line(o.positional ? o.key : "--" + o.key + (o.flag ? "" : " VALUE"), right);
  }
  line("--config FILE", "an INI file with the same keys; the command line wins over it");
  line("--help", "this text");
  return text;
}

std::string Schema::resolved() const {
  std::string text = "# hardy " + title_ + "\n";
  for (const Option& o : options_) {
    if (o.positional) continue;
    text += "\n# " + o.help + (o.constraint.empty() ? "" : " [" + o.constraint + "]") + "\n" + o.key + " = " + o.get() + "\n";
  }
  return text;
}

nlohmann::json Schema::resolved_json() const {
  nlohmann::json values = nlohmann::json::object();
  for (const Option& o : options_)
    if (!o.positional) values[o.key] = o.get();
  return values;
}

}  // namespace hardy::run
