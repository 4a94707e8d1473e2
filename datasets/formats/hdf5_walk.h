// The walk through an HDF5 file with libhdf5, by every name that the file gives: what is linked twice is met
// twice, links into other files are followed, and a group that leads back to itself is met once. It may
// crash: run it in a child process (datasets/formats/hdf5_layout.h).
#pragma once

#include <functional>
#include <string>

#include "engine/base/json.h"

namespace hardy::datasets {

// Hands over, one after the other:
//   {"dataset": {"key", "object", "file", "kind", "size", "big_endian", "bits", "shape", "chunk", "filters",
//                "chunks": binary, "stored": binary, "fill": binary, "text": [...], "notes": [...]}}
//   {"left_out": {"key", "problem", "fix"}}     a name whose object cannot be read, and why
//   {"attributes": {"object": key, "of_column", "attributes": as datasets/formats/hdf5_attributes.h has
//   them}}
//   {"error", "where", "fix"}                   and nothing else: the file cannot be read
// "object" tells objects apart, "file" is the path of the file that holds it, absent for this one.
void walk_hdf5(const std::string& path, const std::function<void(const nlohmann::json&)>& found);

}  // namespace hardy::datasets
