// Reports of bugs: what, in which kernel, block and thread, and where in the source.
#pragma once

#include <string>

#include "cuda/emulation/device/execution.h"

namespace hardy::emulation {

// The text of the running kernel, block and thread: "kernel axpy(float*), block (0,0,0), thread (3,0,0)";
// empty where no device code runs.
std::string position();
std::string position_of(unsigned long long block, unsigned thread);  // of the running launch
std::string place(Site site);
std::string place(const void* code_address);  // file:line where addr2line can tell, else module+offset

// Prints "hardy emulation: <message>" with the position. In device code the launch then fails or the
// program aborts, as options() says; in host code it aborts.
[[noreturn]] __attribute__((format(printf, 1, 2))) void fail(const char* format, ...);
[[noreturn]] void fail(const std::string& message);
void print_report(const std::string& message);  // the print alone

}  // namespace hardy::emulation
