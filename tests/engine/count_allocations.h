// Counts the calls of operator new in the whole program (the library's included).
#pragma once

#include <cstdint>

namespace hardy::test {

std::int64_t allocations();

}  // namespace hardy::test
