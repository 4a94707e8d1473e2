// What memory this machine has, asked before a size that somebody gave takes it: a table that does not fit is
// one line about its size, neither a process that the system ends nor an allocation that fails half-way.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

namespace hardy {

// In bytes; 0: unknown. available: what could be taken now, file caches included.
struct MachineMemory {
  std::uint64_t total = 0, available = 0;
};
MachineMemory machine_memory();

// The product of factors that are not negative, e.g. rows x columns x sizeof(float); the largest number where
// it is more than 64 bits hold.
std::uint64_t bytes_of(std::initializer_list<std::int64_t> factors);
// a + b, held the same way.
std::uint64_t bytes_together(std::uint64_t a, std::uint64_t b);
// "2.5 GiB"
std::string bytes_text(std::uint64_t bytes);

// An Error (bad input) where `bytes` are more than could be taken now: "`what` takes 2.5 GiB, and this
// machine has 1.0 GiB free of 8.0". `where` is the key and its value, `fix` what to change.
void require_memory(std::uint64_t bytes, const std::string& what, const std::string& where,
                    const std::string& fix);

}  // namespace hardy
