// The walk through an HDF5 file with libhdf5. It may crash: run it in a child process
// (datasets/formats/hdf5_layout.h).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace hardy::datasets {

// {"datasets": [{"key", "kind", "size", "big_endian", "shape", "chunk", "filters", "chunks": binary,
// "stored": binary, "fill": binary, "text": [...]}], "attributes": {...}} or {"error", "where", "fix"}.
nlohmann::json walk_hdf5(const std::string& path);

}  // namespace hardy::datasets
