// A shared library in plain C and its entry: how every kind of plug-in is found.
#pragma once

#include <cstdint>
#include <string>

namespace hardy::envs {

// The address of `entry` in a library, which stays loaded. header: the one that declares the entry
// ("hardy/plugin.h"). Errors: no such file, one that cannot be loaded, one without the entry; other_kind:
// what such a file may be instead.
void* entry_of(const std::string& file, const char* entry, const std::string& header,
               const std::string& other_kind = "");

// Refuses a table of another version of its header, or one shorter than its first version, whose last needed
// entry ends at `least` bytes.
void check_table(const std::string& file, const std::string& header, std::uint32_t version,
                 std::uint32_t ours, std::uint32_t struct_size, std::size_t least, const std::string& type);

}  // namespace hardy::envs
