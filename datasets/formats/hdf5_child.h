// libhdf5 crashes, hangs or asks for any amount of memory on files that were damaged in the wrong place. So
// the walk through a file (datasets/formats/hdf5_walk.h) happens in a child process with bounded memory and
// time, which sends back what it found.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "engine/base/json.h"

namespace hardy::datasets {

// How much processor time the walk may take: what a file of its size can need many times over.
struct Hdf5Patience {
  double seconds = 60;             // and one more for each 100 kB of the file
  double seconds_for_a_name = 10;  // without a new name
};

// Calls see() with all that walk_hdf5 finds, once the child has come to its end. Errors: the child died,
// which means that the file is damaged; it took too long; there is no process or no memory for it.
void walk_hdf5_in_child(const std::string& path, std::uint64_t file_bytes, const Hdf5Patience& patience,
                        const std::function<void(const nlohmann::json&)>& see);

}  // namespace hardy::datasets
