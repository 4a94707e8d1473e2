// Whole HDF5 files as named arrays. Groups are flattened with "/", scalars have rank 0, booleans are the
// 8-bit FALSE/TRUE enumeration that NumPy's bool becomes. datasets/store.h reads and writes by rows.
#pragma once

#include <filesystem>

#include "datasets/array.h"

namespace hardy::datasets {

// Every dataset of the file, by the names that the file gives. Errors name the file and the key: not
// HDF5, truncated, a type, rank or filter that is not understood, more data than the file can hold.
Arrays read_hdf5(const std::filesystem::path& path);

// Writes all arrays, chunked and gzip-compressed where they have rows; atomic (temporary name, synced,
// renamed). gzip level 0 to 9.
void write_hdf5(const std::filesystem::path& path, const Arrays& arrays, int gzip = 4);

}  // namespace hardy::datasets
