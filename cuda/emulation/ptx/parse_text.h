// Pieces of PTX's text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cuda/emulation/ptx/module.h"

namespace hardy::emulation::ptx {

std::string trimmed(std::string_view text);
// Splits at `separator` outside of (), {} and [].
std::vector<std::string> split_outside_brackets(std::string_view text, char separator);
bool parse_type(std::string_view suffix, Type& type);  // "u32", "pred"; false: not a type

// ".param .align 8 .b8 name[16]" and its like.
struct Declaration {
  std::string name;
  Type type;
  std::size_t alignment = 1, count = 1;
  bool is_array = false;
  std::size_t bytes() const { return count * static_cast<std::size_t>(type.bytes()); }
};
Declaration parse_declaration(std::string_view text);

// Parses one instruction of `function` at a time; finish() puts the branches' targets in.
class FunctionParser {
 public:
  FunctionParser(Function& function, const Module& module, std::string origin);
  void statement(std::string text, int line);
  void finish();

 private:
  struct Pending {
    std::size_t instruction;
    std::string label;
  };
  int register_of(const std::string& name);
  Operand operand(std::string text);
  Operand named(const std::string& name);
  void declare(const std::string& text);
  std::size_t place_shared(const std::string& name, std::size_t bytes, std::size_t alignment);
  void instruction(const std::string& text, int line);
  void opcode(Instruction& i, const std::string& opcode, const std::string& rest);
  void call(Instruction& i, const std::string& rest);

  Function& function_;
  const Module& module_;
  std::string origin_;
  std::map<std::string, int> registers_, labels_;
  std::map<std::string, std::size_t> shared_, local_, arguments_;
  std::map<std::string, std::vector<std::string>> tables_;
  std::vector<Pending> pending_;
};

// Index into the special registers, -1: none (machine.cc reads them).
int special_register(const std::string& name);

}  // namespace hardy::emulation::ptx
