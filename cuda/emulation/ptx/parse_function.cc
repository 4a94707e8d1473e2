// Instructions: operands, opcodes, labels.
#include <algorithm>
#include <cfenv>
#include <cstdlib>
#include <sstream>
#include <utility>

#include "cuda/emulation/ptx/arithmetic.h"
#include "cuda/emulation/ptx/contract.h"
#include "cuda/emulation/ptx/parse_text.h"
#include "cuda/emulation/run/report.h"

namespace hardy::emulation::ptx {
namespace {

const std::pair<const char*, Flow> kFlows[] = {{"bra", Flow::kBranch},
                                               {"brx", Flow::kBranchTable},
                                               {"ret", Flow::kReturn},
                                               {"exit", Flow::kExit},
                                               {"trap", Flow::kTrap},
                                               {"call", Flow::kCall},
                                               {"bar", Flow::kBarrier},
                                               {"barrier", Flow::kBarrier},
                                               {"membar", Flow::kFence},
                                               {"fence", Flow::kFence},
                                               {"brkpt", Flow::kNothing},
                                               {"prefetch", Flow::kNothing},
                                               {"prefetchu", Flow::kNothing},
                                               {"discard", Flow::kNothing},
                                               {"ld", Flow::kLoad},
                                               {"ldu", Flow::kLoad},
                                               {"st", Flow::kStore},
                                               {"mov", Flow::kMove},
                                               {"cvta", Flow::kConvertAddress},
                                               {"cvt", Flow::kConvert},
                                               {"setp", Flow::kSetPredicate},
                                               {"set", Flow::kSet},
                                               {"selp", Flow::kSelect},
                                               {"shfl", Flow::kShuffle},
                                               {"vote", Flow::kVote},
                                               {"match", Flow::kMatch},
                                               {"redux", Flow::kWarpReduce},
                                               {"mma", Flow::kMatrixProduct},
                                               {"atom", Flow::kAtomic},
                                               {"red", Flow::kReduction},
                                               {"nanosleep", Flow::kYield},
                                               {"isspacep", Flow::kIsSpace}};

Flow flow_of(const std::string& opcode) {
  for (const auto& [name, flow] : kFlows)
    if (opcode == name) return flow;
  return arithmetic_of(opcode) == Arithmetic::kUnknown ? Flow::kUnsupported : Flow::kArithmetic;
}

bool is_identifier_start(char c) { return c != '%' && c != '.' && c != '@' && c > ' '; }

Operand immediate(std::uint64_t value) {
  Operand o;
  o.kind = Operand::Kind::kImmediate;
  o.value = value;
  return o;
}

std::size_t place(std::size_t& total, std::size_t bytes, std::size_t alignment) {
  total = (total + alignment - 1) / alignment * alignment;
  return std::exchange(total, total + bytes);
}

}  // namespace

FunctionParser::FunctionParser(Function& function, const Module& module, std::string origin)
    : function_(function), module_(module), origin_(std::move(origin)) {}

int FunctionParser::register_of(const std::string& name) {
  return registers_.try_emplace(name, static_cast<int>(registers_.size())).first->second;
}

Operand FunctionParser::named(const std::string& name) {
  Operand o;
  const auto is = [&](const Slot& slot) { return slot.name == name; };
  if (const auto it = std::ranges::find_if(function_.parameters, is); it != function_.parameters.end()) {
    o.kind = Operand::Kind::kParameter;
    o.index = static_cast<int>(it - function_.parameters.begin());
    return o;
  }
  if (const auto it = std::ranges::find_if(function_.results, is); it != function_.results.end()) {
    o.kind = Operand::Kind::kParameter;  // results follow the parameters
    o.index = static_cast<int>(function_.parameters.size() +
                               static_cast<std::size_t>(it - function_.results.begin()));
    return o;
  }
  for (const auto& [table, kind] :
       {std::pair{&shared_, Operand::Kind::kShared}, std::pair{&local_, Operand::Kind::kLocal},
        std::pair{&arguments_, Operand::Kind::kArgument}})
    if (const auto it = table->find(name); it != table->end()) {
      o.kind = kind;
      o.value = it->second;
      return o;
    }
  if (const auto it = module_.variables.find(name); it != module_.variables.end()) {
    const Variable& v = it->second;
    if (!v.shared) return immediate(reinterpret_cast<std::uint64_t>(v.address));
    o.kind = v.dynamic_shared ? Operand::Kind::kDynamic : Operand::Kind::kShared;
    if (!v.dynamic_shared) o.value = place_shared(name, v.bytes, v.alignment);  // where it is first used
    return o;
  }
  o.kind = Operand::Kind::kRegister;
  o.index = register_of(name);
  return o;
}

Operand FunctionParser::operand(std::string text) {
  text = trimmed(text);
  Operand o;
  if (text[0] == '{') {
    o.kind = Operand::Kind::kVector;
    for (const std::string& one :
         split_outside_brackets(std::string_view(text).substr(1, text.size() - 2), ','))
      o.elements.push_back(operand(one));
    return o;
  }
  if (text[0] == '[') {
    text = trimmed(std::string_view(text).substr(1, text.size() - 2));
    const std::size_t plus = text.find('+');
    o = operand(text.substr(0, plus));
    if (plus != std::string::npos) o.offset = std::strtoll(text.c_str() + plus + 1, nullptr, 0);
    return o;
  }
  if (text[0] == '!') {
    o = operand(text.substr(1));
    o.negated = true;
    return o;
  }
  if (text == "_") {
    o.kind = Operand::Kind::kSink;
    return o;
  }
  if (const int special = special_register(text); special >= 0) {
    o.kind = Operand::Kind::kSpecial;
    o.index = special;
    return o;
  }
  const bool hexadecimal_float =
      text.size() > 2 && text[0] == '0' && std::string_view("fFdD").find(text[1]) != std::string_view::npos;
  if (hexadecimal_float) return immediate(std::strtoull(text.c_str() + 2, nullptr, 16));
  if (text[0] == '-') return immediate(static_cast<std::uint64_t>(std::strtoll(text.c_str(), nullptr, 0)));
  if (text[0] >= '0' && text[0] <= '9') return immediate(std::strtoull(text.c_str(), nullptr, 0));
  return named(text);
}

void FunctionParser::declare(const std::string& text) {
  const Declaration d = parse_declaration(text);
  if (text.starts_with(".shared")) place_shared(d.name, d.bytes(), d.alignment);
  if (text.starts_with(".local")) local_[d.name] = place(function_.local_bytes, d.bytes(), d.alignment);
  if (text.starts_with(".param"))
    arguments_[d.name] = place(function_.argument_bytes, d.bytes(), d.alignment);
}

std::size_t FunctionParser::place_shared(const std::string& name, std::size_t bytes, std::size_t alignment) {
  if (!function_.kernel)
    fail("%s: the interpreter does not cover shared memory of a function that is called, %s in %s",
         origin_.c_str(), name.c_str(), function_.name.c_str());
  return shared_[name] = place(function_.shared_bytes, bytes, alignment);
}

void FunctionParser::statement(std::string text, int line) {
  text = trimmed(text);
  for (std::size_t colon = text.find(':'); colon != std::string::npos && is_identifier_start(text[0]);
       colon = text.find(':')) {
    const std::string label = text.substr(0, colon);
    if (label.find_first_of(" \t.%") != std::string::npos) break;
    labels_[label] = static_cast<int>(function_.code.size());
    text = trimmed(std::string_view(text).substr(colon + 1));
    if (text.starts_with(".branchtargets")) {
      tables_[label] = split_outside_brackets(std::string_view(text).substr(14), ',');
      return;
    }
  }
  if (text.empty()) return;
  if (text[0] == '.') return declare(text);
  instruction(text, line);
}

void FunctionParser::instruction(const std::string& text, int line) {
  Instruction i;
  i.text = text;
  i.line = line;
  std::string rest = text;
  if (rest[0] == '@') {
    i.guard_negated = rest[1] == '!';
    const std::size_t begin = i.guard_negated ? 2 : 1, end = rest.find_first_of(" \t");
    i.guard = register_of(rest.substr(begin, end - begin));
    rest = trimmed(std::string_view(rest).substr(end));
  }
  const std::size_t end = rest.find_first_of(" \t");
  opcode(i, rest.substr(0, end), end == std::string::npos ? "" : trimmed(std::string_view(rest).substr(end)));
  function_.code.push_back(std::move(i));
}

void FunctionParser::opcode(Instruction& i, const std::string& full, const std::string& rest) {
  std::istringstream parts(full);
  std::string name;
  std::getline(parts, name, '.');
  bool typed = false;
  for (std::string word; std::getline(parts, word, '.');) {
    Type type;
    if (parse_type(word, type)) {
      (typed ? i.from : i.type) = type;
      if (!std::exchange(typed, true)) i.from = type;
    }
    // "shared::cta" is "shared".
    const std::string base = word.substr(0, word.find(':'));
    if (base == "shared") i.space = Space::kShared;
    if (base == "param") i.space = Space::kParameter;
    if (base == "local") i.space = Space::kLocal;
    if (word == "v2") i.width = 2;
    if (word == "v4") i.width = 4;
    if (word == "lo") i.low = true;
    if (word == "hi" && name != "setp") i.high = true;
    if (word == "wide") i.wide = true;
    if (word == "sat") i.saturate = true;
    if (word == "ftz") i.flush = true;
    if (word == "cc") i.carry_out = true;
    i.modifiers.push_back(word);
  }
  i.rounding = i.has("rm")   ? FE_DOWNWARD
               : i.has("rp") ? FE_UPWARD
               : i.has("rz") ? FE_TOWARDZERO
                             : FE_TONEAREST;
  for (const char* order : {"volatile", "relaxed", "acquire", "release", "mmio"})
    i.strong = i.strong || i.has(order);
  i.flow = flow_of(name);
  i.arithmetic = arithmetic_of(name);
  if (i.flow == Flow::kBarrier && i.has("warp")) i.flow = Flow::kWarpBarrier;
  if (i.flow == Flow::kBarrier && i.has("red")) i.flow = Flow::kBarrierReduce;
  if (i.flow == Flow::kAtomic || i.flow == Flow::kReduction || i.flow == Flow::kWarpReduce)
    for (const char* operation : {"add", "min", "max", "and", "or", "xor"})
      if (i.has(operation)) i.arithmetic = arithmetic_of(operation);
  if (i.flow == Flow::kBranch) {
    pending_.push_back({function_.code.size(), rest});
    return;
  }
  if (i.flow == Flow::kCall) return call(i, rest);
  for (const std::string& one : split_outside_brackets(rest, ',')) {
    const std::size_t bar = i.operands.empty() && one[0] != '{' ? one.find('|') : std::string::npos;
    if (bar != std::string::npos) {
      i.pair = true;
      i.operands.push_back(operand(one.substr(0, bar)));
      i.operands.push_back(operand(one.substr(bar + 1)));
    } else if (i.flow == Flow::kBranchTable && !i.operands.empty()) {
      pending_.push_back({function_.code.size(), one});
    } else {
      i.operands.push_back(operand(one));
    }
  }
}

// call (result), name, (argument, ...);  the parts in parentheses may lack.
void FunctionParser::call(Instruction& i, const std::string& rest) {
  Operand results, arguments;
  results.kind = arguments.kind = Operand::Kind::kVector;
  for (const std::string& part : split_outside_brackets(rest, ',')) {
    if (part[0] != '(') {
      if (i.callee.empty()) i.callee = part;
      continue;
    }
    for (const std::string& one :
         split_outside_brackets(std::string_view(part).substr(1, part.size() - 2), ','))
      (i.callee.empty() ? results : arguments).elements.push_back(operand(one));
  }
  i.operands = {results, arguments};
}

void FunctionParser::finish() {
  const auto target = [&](const std::string& label) {
    const auto it = labels_.find(label);
    if (it == labels_.end())
      fail("%s: %s has no label %s", origin_.c_str(), function_.name.c_str(), label.c_str());
    return it->second;
  };
  for (const Pending& p : pending_) {
    Instruction& i = function_.code[p.instruction];
    if (i.flow == Flow::kBranch) {
      i.target = target(p.label);
      continue;
    }
    std::vector<int> table;
    for (const std::string& label : tables_[p.label]) table.push_back(target(label));
    i.target = static_cast<int>(function_.branch_tables.size());
    function_.branch_tables.push_back(std::move(table));
  }
  function_.registers = static_cast<int>(registers_.size());
  function_.shared_bytes = (function_.shared_bytes + 15) / 16 * 16;
  contract(function_);
}

}  // namespace hardy::emulation::ptx
