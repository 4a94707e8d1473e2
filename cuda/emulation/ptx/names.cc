#include <algorithm>
#include <cctype>

#include "cuda/emulation/ptx/module.h"

namespace hardy::emulation::ptx {

bool Instruction::has(const char* modifier) const {
  return std::find(modifiers.begin(), modifiers.end(), modifier) != modifiers.end();
}

const Function* Module::find(const std::string& symbol) const {
  const auto it = functions.find(canonical_name(symbol));
  return it == functions.end() ? nullptr : it->second.get();
}

// An identifier is its length and its letters; the unnamed namespace's begins with _GLOBAL__N_.
std::string canonical_name(const std::string& symbol) {
  std::string name = symbol;
  for (std::size_t at = name.find("_GLOBAL__N_"); at != std::string::npos;
       at = name.find("_GLOBAL__N_", at + 1)) {
    std::size_t digits = at;
    while (digits > 0 && std::isdigit(static_cast<unsigned char>(name[digits - 1])) != 0) --digits;
    if (digits == at) continue;
    const std::size_t length = std::stoul(name.substr(digits, at - digits));
    name.replace(digits, at - digits + length, "12_GLOBAL__N_1");
    at = digits + 2;
  }
  return name;
}

}  // namespace hardy::emulation::ptx
