// What HDF5 did to a chunk before it stored it, undone.
#pragma once

#include <cstddef>
#include <span>

#include "datasets/formats/hdf5_layout.h"

namespace hardy::datasets {

constexpr int kHdf5Deflate = 1, kHdf5Shuffle = 2, kHdf5Fletcher = 3;  // HDF5's numbers

// Undoes the filters of a stored chunk, in `stored` or `spare`; the result is one of the two and has
// `bytes` bytes, or is empty where the chunk is damaged.
std::span<std::byte> undo_filters(const Hdf5Dataset& dataset, const Hdf5Chunk& chunk, std::size_t bytes,
                                  Bytes& stored, Bytes& spare);

}  // namespace hardy::datasets
