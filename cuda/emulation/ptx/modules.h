// The PTX that stands in for kernels of this program: a launch of a kernel that it holds runs it instead of
// the host compiler's build of the same source.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cuda/emulation/ptx/module.h"

namespace hardy::emulation::ptx {

// Files come from HARDY_EMULATION_PTX (separated by ':') and from load_ptx() of control.h.
struct Kernel {
  const Module* module = nullptr;
  const Function* function = nullptr;  // null: no PTX for it
};
Kernel find_kernel(const std::string& symbol);
// One thread's run of `kernel`; an error where the arguments do not have the parameters' sizes.
std::function<void()> thread_body(Kernel kernel, std::vector<std::string> arguments);
// PTX that the program carries inside (api/nvcc_entry.cc): never unloaded, found behind the loaded one.
void embed(const std::string& text);
Variable* find_embedded_variable(const std::string& name);
// "PTX line 12: st.global.f32 ..." of an instruction's address; empty: it is none.
std::string place_of(const void* instruction);

}  // namespace hardy::emulation::ptx
