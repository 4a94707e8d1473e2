// What HDF5 did to a chunk before it stored it, undone; and stored elements as the types of this engine.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "datasets/hdf5_layout.h"

namespace hardy::datasets {

// Undoes the filters of a stored chunk, in `stored` or `spare`; the result is one of the two and has
// `bytes` bytes, or is empty where the chunk is damaged.
std::span<std::byte> undo_filters(const Hdf5Dataset& dataset, const Hdf5Chunk& chunk, std::size_t bytes,
                                  Bytes& stored, Bytes& spare);

// Whether stored elements differ from those in memory.
bool needs_conversion(const Hdf5Dataset& dataset);

// `count` stored elements as elements of dataset.type. `to` may be `from` where the sizes are equal.
void convert_elements(const Hdf5Dataset& dataset, const std::byte* from, std::size_t count, std::byte* to);

}  // namespace hardy::datasets
