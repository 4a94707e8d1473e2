// The module's level of PTX: comments, variables, functions.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "cuda/emulation/check/symbols.h"
#include "cuda/emulation/ptx/module.h"
#include "cuda/emulation/ptx/parse_text.h"
#include "cuda/emulation/run/report.h"

namespace hardy::emulation::ptx {
namespace {

// Comments become blanks, so that lines keep their numbers.
std::string without_comments(std::string text) {
  for (std::size_t at = text.find("/*"); at != std::string::npos; at = text.find("/*", at)) {
    const std::size_t end = std::min(text.find("*/", at), text.size() - 2) + 2;
    for (std::size_t i = at; i < end; ++i)
      if (text[i] != '\n') text[i] = ' ';
  }
  for (std::size_t at = text.find("//"); at != std::string::npos; at = text.find("//", at)) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::fill(text.begin() + static_cast<std::ptrdiff_t>(at), text.begin() + static_cast<std::ptrdiff_t>(end),
              ' ');
  }
  return text;
}

void parse_variable(const std::string& text, Variables variables, Module& module) {
  const std::size_t equals = text.find('=');
  const Declaration d = parse_declaration(std::string_view(text).substr(0, equals));
  Variable v;
  v.bytes = d.bytes();
  v.alignment = d.alignment;
  v.shared = text.find(".shared") != std::string::npos;
  v.dynamic_shared = v.shared && text.find(".extern") != std::string::npos;
  if (variables == Variables::kOfHost) v.address = variable_of(canonical_name(d.name));
  if (!v.shared && v.address == nullptr) {
    module.storage.push_back(std::make_unique<std::byte[]>(v.bytes + 8));
    std::byte* bytes = module.storage.back().get();
    v.address = bytes;
    const std::size_t brace = equals == std::string::npos ? equals : text.find('{', equals);
    const std::string values = brace == std::string::npos
                                   ? (equals == std::string::npos ? "" : text.substr(equals + 1))
                                   : text.substr(brace + 1, text.find('}', brace) - brace - 1);
    std::size_t at = 0;
    for (const std::string& value : split_outside_brackets(values, ',')) {
      if (at >= v.bytes) break;
      const bool is_float = value.starts_with("0f") || value.starts_with("0F") || value.starts_with("0d") ||
                            value.starts_with("0D");
      const std::uint64_t bits =
          is_float ? std::strtoull(value.c_str() + 2, nullptr, 16)
                   : static_cast<std::uint64_t>(value[0] == '-' ? static_cast<unsigned long long>(
                                                                      std::strtoll(value.c_str(), nullptr, 0))
                                                                : std::strtoull(value.c_str(), nullptr, 0));
      std::memcpy(bytes + at, &bits, static_cast<std::size_t>(d.type.bytes()));
      at += static_cast<std::size_t>(d.type.bytes());
    }
  }
  module.variables[d.name] = v;
}

std::vector<Slot> parse_slots(std::string_view text) {
  std::vector<Slot> slots;
  for (const std::string& one : split_outside_brackets(text, ',')) {
    const Declaration d = parse_declaration(one);
    slots.push_back({d.name, d.bytes(), 0});
  }
  return slots;
}

// ".visible .entry name(params)" or ".func (results) name(params)"; directives may follow the parameters.
std::unique_ptr<Function> parse_head(const std::string& head) {
  auto f = std::make_unique<Function>();
  const bool entry = f->kernel = head.find(".entry") != std::string::npos;
  std::size_t at = entry ? head.find(".entry") + 6 : head.find(".func") + 5;
  at = head.find_first_not_of(" \t\n", at);
  if (!entry && head[at] == '(') {
    const std::size_t close = head.find(')', at);
    f->results = parse_slots(std::string_view(head).substr(at + 1, close - at - 1));
    at = close + 1;
  }
  const std::size_t open = head.find('(', at);
  f->name = trimmed(std::string_view(head).substr(at, open - at));
  if (open != std::string::npos)
    f->parameters = parse_slots(std::string_view(head).substr(open + 1, head.find(')', open) - open - 1));
  return f;
}

void parse_body(Function& f, const Module& module, const std::string& origin, std::string_view body,
                int line) {
  FunctionParser parser(f, module, origin);
  std::string statement;
  int start = line, vector_depth = 0;
  for (const char c : body) {
    if (c == '\n') ++line;
    if (c == ';') {
      parser.statement(statement, start);
      statement.clear();
      continue;
    }
    // A brace at the start of a statement or behind a label opens a scope; inside of one it is a vector
    // operand's.
    const std::string so_far = trimmed(statement);
    const bool blank = so_far.empty();
    if (c == '{' && (blank || so_far.back() == ':')) continue;
    if (c == '{') ++vector_depth;
    if (c == '}' && vector_depth == 0) continue;
    if (c == '}') --vector_depth;
    if (blank && c > ' ') start = line;
    statement += c;
  }
  parser.statement(statement, start);
  parser.finish();
}

}  // namespace

void parse(const std::string& original, const std::string& origin, Variables variables, Module& module) {
  const std::string text = without_comments(original);
  const auto line_of = [&](std::size_t at) {
    return 1 +
           static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
  };
  std::size_t at = 0;
  while (at < text.size()) {
    at = text.find_first_not_of(" \t\r\n", at);
    if (at == std::string::npos) break;
    const std::string_view rest = std::string_view(text).substr(at);
    const std::size_t line_end = std::min(text.find('\n', at), text.size());
    if (rest.starts_with(".version") || rest.starts_with(".target") || rest.starts_with(".address_size") ||
        rest.starts_with(".file") || rest.starts_with(".pragma") || rest.starts_with(".loc")) {
      at = line_end;
      continue;
    }
    if (rest.starts_with(".section")) {  // debugging data
      at = text.find('}', at) + 1;
      continue;
    }
    const std::size_t brace = text.find('{', at), semicolon = text.find(';', at);
    const std::string_view head = std::string_view(text).substr(at, std::min(brace, semicolon) - at);
    const bool function =
        head.find(".entry") != std::string_view::npos || head.find(".func") != std::string_view::npos;
    if (!function) {
      if (semicolon == std::string::npos) fail("%s:%d: this is not PTX", origin.c_str(), line_of(at));
      parse_variable(text.substr(at, semicolon - at), variables, module);
      at = semicolon + 1;
      continue;
    }
    if (semicolon < brace) {  // a declaration
      at = semicolon + 1;
      continue;
    }
    std::size_t close = brace;
    for (int depth = 0; close < text.size(); ++close) {
      depth += text[close] == '{' ? 1 : text[close] == '}' ? -1 : 0;
      if (depth == 0) break;
    }
    auto f = parse_head(std::string(head));
    parse_body(*f, module, origin, std::string_view(text).substr(brace + 1, close - brace - 1),
               line_of(brace));
    std::unique_ptr<Function>& known = module.functions[canonical_name(f->name)];
    if (known && known->name != f->name)
      fail("%s: %s and %s of another file are told apart by their unnamed namespaces alone", origin.c_str(),
           f->name.c_str(), known->name.c_str());
    known = std::move(f);
    at = close + 1;
  }
}

}  // namespace hardy::emulation::ptx
