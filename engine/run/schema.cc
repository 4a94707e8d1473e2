#include "engine/run/schema.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cmath>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/nearest.h"
#include "engine/base/text.h"
#include "engine/run/ini.h"

namespace hardy::run {
namespace po = boost::program_options;
namespace {

const std::string kEmpty = "\x01";  // Boost refuses an empty value; it travels as this

std::string canonical(std::string key) {
  std::replace(key.begin(), key.end(), '_', '-');
  return key;
}

// What, with underscores for dashes, Python can have as a parameter's name (its own words get a "_" behind).
bool is_key(const std::string& key) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !key.empty() && letter(key.front()) && key.back() != '-' &&
         std::ranges::all_of(key, [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; });
}

std::string place(const std::string& origin, const std::string& key) {
  return origin.empty() ? "--" + key : origin + ", " + key;
}

// What is wrong of a text that to_integer() cannot read.
std::string no_integer(const std::string& text) {
  const bool negative = text.starts_with('-');
  const std::string digits = text.substr(negative);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos)
    return "is not an integer";
  return std::string("is out of range: integers ") +
         (negative ? "begin at -9223372036854775808" : "end at 9223372036854775807");
}

// "one more word: --steps" and the like, from Boost's exceptions.
std::string sentence_of(const po::error& e) {
  std::string text = e.what();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

Schema::Schema(std::string title, std::string summary)
    : title_(std::move(title)), summary_(std::move(summary)) {}

Schema::Option& Schema::add(const std::string& key, const std::string& help) {
  Option option;
  const std::size_t comma = key.find(',');
  option.key = canonical(key.substr(0, comma));
  if (comma != std::string::npos) option.letter = key.at(comma + 1);
  option.help = help;
  option.heading = heading_;
  if (!is_key(option.key))
    throw Error("cannot be a key: it is a parameter's name in Python too", "'" + option.key + "'",
                "a letter first, then letters, digits and dashes", Error::Kind::kFailedRun);
  if (find(option.key) || option.key == "help" || option.key == "config")
    throw Error("the key is declared twice", option.key, "", Error::Kind::kFailedRun);
  options_.push_back(std::move(option));
  return options_.back();
}

Schema& Schema::option(const std::string& key, double* v, const std::string& help, double min, double max) {
  Option& o = add(key, help);
  o.variable = v;
  o.min = min;
  o.max = max;
  o.default_text = text_of(o);
  return *this;
}

template <class Variable>
Schema& Schema::add_integers(const std::string& key, Variable* v, const std::string& help, std::int64_t min,
                             std::int64_t max) {
  Option& o = add(key, help);
  o.variable = v;
  o.int_min = min;
  o.int_max = max;
  o.default_text = text_of(o);
  return *this;
}

Schema& Schema::option(const std::string& key, std::int64_t* v, const std::string& help, std::int64_t min,
                       std::int64_t max) {
  return add_integers(key, v, help, min, max);
}

Schema& Schema::option(const std::string& key, std::vector<std::int64_t>* v, const std::string& help,
                       std::int64_t min, std::int64_t max) {
  return add_integers(key, v, help, min, max);
}

Schema& Schema::option(const std::string& key, bool* v, const std::string& help) {
  Option& o = add(key, help);
  o.variable = v;
  o.default_text = text_of(o);
  return *this;
}

Schema& Schema::option(const std::string& key, std::string* v, const std::string& help,
                       std::vector<std::string> choices) {
  Option& o = add(key, help);
  o.variable = v;
  o.choices = std::move(choices);
  o.default_text = text_of(o);
  return *this;
}

Schema& Schema::option(const std::string& key, std::vector<std::string>* v, const std::string& help) {
  Option& o = add(key, help);
  o.variable = v;
  o.default_text = text_of(o);
  return *this;
}

Schema& Schema::positional(const std::string& name, std::string* v, const std::string& help, bool required) {
  positionals_.push_back({name, help, required, v});
  return *this;
}

Schema& Schema::positional(const std::string& name, std::vector<std::string>* v, const std::string& help,
                           bool required) {
  positionals_.push_back({name, help, required, v});
  return *this;
}

Schema& Schema::section(const std::string& title) {
  heading_ = title;
  return *this;
}

Schema& Schema::presets(std::function<std::map<std::string, std::string>(const std::string&)> values,
                        const std::string& help) {
  preset_values_ = std::move(values);
  return option("preset", &preset_, help);
}

const Schema::Option* Schema::find(const std::string& key) const {
  const std::string wanted = canonical(key);
  const auto found =
      std::find_if(options_.begin(), options_.end(), [&](const Option& o) { return o.key == wanted; });
  return found == options_.end() ? nullptr : &*found;
}

Schema::Option& Schema::known(const std::string& key, const std::string& origin) {
  if (const Option* o = find(key)) return const_cast<Option&>(*o);
  std::vector<std::string> names = keys();
  if (origin.empty()) names.insert(names.end(), {"config", "help"});
  const std::string best = nearest(canonical(key), names);
  throw Error("there is no such key", place(origin, key),
              best.empty() ? "--help lists the keys"
                           : "did you mean '" + (origin.empty() ? "--" + best : best) + "'?");
}

bool Schema::has(const std::string& key) const { return find(key) != nullptr; }

Schema::Source Schema::source_of(const std::string& key) const {
  const Option* o = find(key);
  return o ? o->source : Source::kDefault;
}

std::vector<std::string> Schema::keys() const {
  std::vector<std::string> names;
  for (const Option& o : options_) names.push_back(o.key);
  return names;
}

std::string Schema::allowed(const Option& o) {
  const auto range = [](const std::string& what, bool low, const std::string& min, bool high,
                        const std::string& max) {
    if (low && high) return what + " from " + min + " to " + max;
    if (low) return what + ", at least " + min;
    if (high) return what + ", at most " + max;
    return what;
  };
  if (std::holds_alternative<double*>(o.variable))
    return range("a number", o.min > -std::numeric_limits<double>::infinity(), to_text(o.min),
                 o.max < std::numeric_limits<double>::infinity(), to_text(o.max));
  if (std::holds_alternative<std::vector<std::int64_t>*>(o.variable))
    return "integers from " + std::to_string(o.int_min) + " to " + std::to_string(o.int_max) +
           ", with commas";
  if (std::holds_alternative<std::int64_t*>(o.variable))
    return range("an integer", o.int_min > std::numeric_limits<std::int64_t>::min(),
                 std::to_string(o.int_min), o.int_max < std::numeric_limits<std::int64_t>::max(),
                 std::to_string(o.int_max));
  if (std::holds_alternative<bool*>(o.variable)) return "true or false";
  if (!o.choices.empty()) return "one of " + join(o.choices, ", ");
  return "a text";
}

std::string Schema::text_of(const Option& o) {
  if (auto* v = std::get_if<double*>(&o.variable)) return to_text(**v);
  if (auto* v = std::get_if<std::int64_t*>(&o.variable)) return std::to_string(**v);
  if (auto* v = std::get_if<bool*>(&o.variable)) return **v ? "true" : "false";
  if (auto* v = std::get_if<std::string*>(&o.variable)) return **v;
  if (auto* v = std::get_if<std::vector<std::int64_t>*>(&o.variable)) {
    std::vector<std::string> words;
    for (const std::int64_t x : **v) words.push_back(std::to_string(x));
    return join(words, ",");
  }
  return join(*std::get<std::vector<std::string>*>(o.variable), ",");
}

void Schema::assign(Option& o, const std::vector<std::string>& values, const std::string& origin) {
  if (auto* list = std::get_if<std::vector<std::string>*>(&o.variable)) {
    (*list)->clear();
    for (const std::string& value : values)
      for (std::string& word : split(value, ',')) (*list)->push_back(std::move(word));
    return;
  }
  if (auto* numbers = std::get_if<std::vector<std::int64_t>*>(&o.variable)) {
    std::vector<std::int64_t> read;
    for (const std::string& value : values)
      for (const std::string& word : split(value, ',')) {
        const auto x = to_integer(word);
        if (!x || *x < o.int_min || *x > o.int_max)
          throw Error("'" + word + "' " + (x ? "is out of range" : no_integer(word)), place(origin, o.key),
                      "give " + allowed(o));
        read.push_back(*x);
      }
    if (read.empty()) throw Error("no number is given", place(origin, o.key), "give " + allowed(o));
    **numbers = std::move(read);
    return;
  }
  if (values.size() != 1)
    throw Error("the key is given more than once", place(origin, o.key), "give it once");
  const std::string& value = values.front();
  const bool is_default = value == o.default_text;
  const auto refuse = [&](const std::string& what) {
    throw Error("'" + value + "' " + what, place(origin, o.key), "give " + allowed(o));
  };
  if (auto* v = std::get_if<double*>(&o.variable)) {
    const auto x = to_double(value);
    if (!x) refuse("is not a number");
    if (!is_default && !std::isfinite(*x)) refuse("is not a finite number");
    if (!is_default && (*x < o.min || *x > o.max)) refuse("is out of range");
    **v = *x;
  } else if (auto* i = std::get_if<std::int64_t*>(&o.variable)) {
    const auto x = to_integer(value);
    if (!x) refuse(no_integer(value));
    if (!is_default && (*x < o.int_min || *x > o.int_max)) refuse("is out of range");
    **i = *x;
  } else if (auto* b = std::get_if<bool*>(&o.variable)) {
    const auto x = to_bool(value);
    if (!x) refuse("is neither true nor false");
    **b = *x;
  } else {
    if (!o.choices.empty() && !is_default &&
        std::find(o.choices.begin(), o.choices.end(), value) == o.choices.end()) {
      const std::string best = nearest(value, o.choices);
      throw Error("'" + value + "' is not known", place(origin, o.key),
                  best.empty() ? "give " + allowed(o) : "did you mean '" + best + "'?");
    }
    *std::get<std::string*>(o.variable) = value;
  }
}

void Schema::set(Option& o, const std::vector<std::string>& values, const std::string& origin,
                 Source source) {
  if (source < o.source) return;  // what is there was said by somebody who counts for more
  assign(o, values, origin);
  o.source = source;
}

void Schema::apply(const std::map<std::string, std::string>& values, const std::string& origin,
                   Source source) {
  for (const auto& [key, value] : values) set(known(key, origin), {value}, origin, source);
}

void Schema::read_config(const std::string& path) {
  config_files_.push_back(path);
  std::map<std::string, std::vector<std::string>> values;
  for (const auto& [key, value] : read_ini_file(path)) values[canonical(key)].push_back(value);
  for (const auto& [key, list] : values) set(known(key, path), list, path, Source::kConfig);
}

void Schema::parse(const std::vector<std::string>& args) {
  std::vector<std::string> words;  // canonical spelling, so that Boost finds the keys
  bool only_words = false;
  for (std::size_t i = 0; i < args.size(); ++i) {
    std::string word = args[i];
    only_words = only_words || word == "--";
    if (only_words || word.size() < 2 || word[0] != '-') {
      words.push_back(word);
      continue;
    }
    if (word == "--help" || word == "-h") {
      help_requested_ = true;
      return;
    }
    if (word[1] != '-') {  // -o FILE
      const auto named = std::find_if(options_.begin(), options_.end(), [&](const Option& o) {
        return word.size() == 2 && o.letter == word[1];
      });
      if (named == options_.end()) throw Error("there is no such option", word, "--help lists the keys");
      word = "--" + named->key;
    }
    const std::size_t equals = word.find('=');
    const std::string key = canonical(word.substr(2, equals == std::string::npos ? equals : equals - 2));
    if (key != "config") {
      const Option& o = known(key, "");
      if (std::holds_alternative<bool*>(o.variable) && equals == std::string::npos) {
        const bool valued = i + 1 < args.size() && (args[i + 1] == "true" || args[i + 1] == "false");
        words.push_back("--" + key + "=" + (valued ? args[++i] : "true"));
        continue;
      }
    }
    // The next word is its value even where it begins with a dash: --shift -5.
    if (equals == std::string::npos && (i + 1 == args.size() || args[i + 1].starts_with("--")))
      throw Error("a value is missing", "--" + key,
                  "one that begins with -- is written --" + key + "=--VALUE");
    const std::string value = equals == std::string::npos ? args[++i] : word.substr(equals + 1);
    words.push_back("--" + key + "=" + (value.empty() ? kEmpty : value));
  }

  po::options_description description;
  description.add_options()("config", po::value<std::vector<std::string>>());
  for (const Option& o : options_)
    description.add_options()(o.key.c_str(), po::value<std::vector<std::string>>());
  description.add_options()("positional words", po::value<std::vector<std::string>>());
  po::positional_options_description order;
  order.add("positional words", -1);
  po::variables_map map;
  try {
    using Style = po::command_line_style::style_t;
    po::store(po::command_line_parser(words)
                  .options(description)
                  .positional(order)
                  .style(Style::allow_long | Style::long_allow_adjacent | Style::long_allow_next)
                  .run(),
              map);
  } catch (const po::error& e) {
    throw Error(sentence_of(e), "", "--help lists the keys");
  }

  for (Option& o : options_) {
    if (!map.count(o.key)) continue;
    auto values = map[o.key].as<std::vector<std::string>>();
    for (std::string& v : values)
      if (v == kEmpty) v.clear();
    set(o, values, "", Source::kCommandLine);
  }
  if (map.count("config"))
    for (const std::string& path : map["config"].as<std::vector<std::string>>()) read_config(path);

  if (preset_values_ && !preset_.empty()) apply(preset_values_(preset_), "preset " + preset_);

  std::vector<std::string> given;
  if (map.count("positional words")) given = map["positional words"].as<std::vector<std::string>>();
  std::size_t next = 0, after = 0;  // words that the places after this one need
  for (const Positional& p : positionals_) after += p.required;
  for (const Positional& p : positionals_) {
    after -= p.required;
    if (p.required && next == given.size()) throw Error("it is missing", p.name, "give " + p.help);
    if (auto* one = std::get_if<std::string*>(&p.variable)) {
      if (next < given.size()) **one = given[next++];
    } else if (next < given.size()) {
      const std::size_t end = std::max(next + 1, given.size() - std::min(given.size(), after));
      std::get<std::vector<std::string>*>(p.variable)
          ->assign(given.begin() + static_cast<std::ptrdiff_t>(next),
                   given.begin() + static_cast<std::ptrdiff_t>(end));
      next = end;
    }
  }
  if (next < given.size())
    throw Error("there is no place for this word", given[next], "options begin with --, see --help");
}

std::string Schema::help() const {
  std::string text = "usage: hardy " + title_;
  for (const Positional& p : positionals_) {
    const bool many = std::holds_alternative<std::vector<std::string>*>(p.variable);
    text += (p.required ? " " : " [") + p.name + (many ? "..." : "") + (p.required ? "" : "]");
  }
  text += " [options]\n" + (summary_.empty() ? "" : "\n" + summary_ + "\n");
  std::size_t width = std::string("--config FILE").size();
  const auto left = [](const Option& o) {
    const char* kind = std::holds_alternative<double*>(o.variable)                      ? " X"
                       : std::holds_alternative<std::int64_t*>(o.variable)              ? " N"
                       : std::holds_alternative<bool*>(o.variable)                      ? ""
                       : std::holds_alternative<std::vector<std::int64_t>*>(o.variable) ? " N,N,..."
                                                                                        : " TEXT";
    return (o.letter ? std::string("-") + o.letter + ", " : "") + "--" + o.key + kind;
  };
  for (const Option& o : options_) width = std::max(width, left(o).size());
  for (const Positional& p : positionals_) width = std::max(width, p.name.size());
  const auto line = [&](const std::string& a, const std::string& b) {
    text += "  " + a + std::string(width + 2 - a.size(), ' ') + b + "\n";
  };
  if (!positionals_.empty()) text += "\n";
  for (const Positional& p : positionals_) line(p.name, p.help + (p.required ? "" : " (may be left out)"));
  std::string heading = "\x01";
  for (const Option& o : options_) {
    if (o.heading != heading) text += "\n" + (o.heading.empty() ? "" : o.heading + ":\n");
    heading = o.heading;
    std::string about;
    const std::string range = allowed(o);
    if (range.find(' ') != std::string::npos &&
        (range.find("from") != std::string::npos || range.find("at ") != std::string::npos ||
         !o.choices.empty()))
      about = range;
    if (!std::holds_alternative<bool*>(o.variable) && !o.default_text.empty())
      about += (about.empty() ? "" : "; ") + std::string("default ") + o.default_text;
    else if (o.default_text == "true")
      about = "default true";
    line(left(o), o.help + (about.empty() ? "" : " [" + about + "]"));
  }
  text += "\n";
  line("--config FILE", "read keys from an ini file; the command line goes before it");
  line("--help", "this text");
  return text;
}

std::string Schema::resolved() const {
  std::string text;
  for (const Option& o : options_)
    text += "# " + o.help + "\n" + o.key + " = " + ini_value(text_of(o)) + "\n";
  return text;
}

nlohmann::json Schema::resolved_json() const {
  nlohmann::json j = nlohmann::json::object();
  for (const Option& o : options_) j[o.key] = text_of(o);
  return j;
}

}  // namespace hardy::run
