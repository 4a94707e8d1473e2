// What a reader left out or shows otherwise, said beside a command's result: on standard error, so that
// --json stays what it is.
#pragma once

#include <cstdio>
#include <string>

#include "datasets/store.h"

namespace hardy::tools {

inline void print_notes(const datasets::Reader& reader) {
  for (const std::string& n : reader.notes())
    std::fprintf(stderr, "note: %s: %s\n", reader.path().c_str(), n.c_str());
}

// What the format of an output had no place for.
inline void print_notes(const datasets::Writer& writer, const std::string& path) {
  for (const std::string& n : writer.notes()) std::fprintf(stderr, "note: %s: %s\n", path.c_str(), n.c_str());
}

}  // namespace hardy::tools
