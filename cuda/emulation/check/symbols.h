// The program's own symbol tables: names of kernels, and where their static shared memory lies. They are read
// once, from the files that the process has mapped.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hardy::emulation {

// The linker's name of the function at `address`; "kernel" where no table tells.
std::string symbol_of(const void* address);
void name_function(const void* address, const std::string& symbol);  // overrides the tables

// A variable that is static inside of a function: a kernel's shared memory is one.
struct StaticVariable {
  std::uintptr_t begin, end;
  std::string owner;  // mangled name of the function that it belongs to
  std::string name;   // its own
  bool owner_is_kernel;
};
// Those of the program or library that the function at `address` belongs to, by address.
const std::vector<StaticVariable>& static_variables(const void* address);
// The variable of that name, null where there is none.
void* variable_of(const std::string& symbol);

}  // namespace hardy::emulation
