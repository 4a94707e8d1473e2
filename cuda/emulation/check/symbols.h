// The program's own symbol tables: names of kernels, and where their static shared memory lies.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hardy::emulation {

// The linker's name of the function at `address`; "kernel" where no table tells.
std::string symbol_of(const void* address);

// A variable that is static inside of a function: a kernel's shared memory is one.
struct StaticVariable {
  std::uintptr_t begin, end;
  std::string owner;  // mangled name of the function that it belongs to
  std::string name;   // its own
  bool owner_is_kernel;
};
// All of them, by address. Read once, from the files that the process has mapped.
const std::vector<StaticVariable>& static_variables();

}  // namespace hardy::emulation
