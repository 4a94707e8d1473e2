// Counts the calls of operator new in the whole program (the library's included).
#pragma once

#include <cstdint>

namespace hardy::test {

std::int64_t allocations();

// Calls of malloc() by anybody, Eigen among them. 0 in a sanitizer's build, which has a malloc of its own.
std::int64_t mallocs();

}  // namespace hardy::test
