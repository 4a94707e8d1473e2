// Chunks handed from one HDF5 file to another as they are stored: compressing is most of what a copy costs.
#pragma once

#include <cstddef>
#include <span>

#include "datasets/formats/hdf5_layout.h"
#include "datasets/store.h"

namespace hardy::datasets {

// What a reader is besides where it knows how its columns lie in an HDF5 file.
class Hdf5ChunkSource {
 public:
  virtual ~Hdf5ChunkSource() = default;
  // Null where the column is shown in another way than it is stored, is stored without chunks, or lacks some.
  virtual const Hdf5Dataset* chunked(const Column& column) const = 0;
  // The stored bytes of the dataset's chunks [first, first + to.size()). Errors: one that cannot be decoded.
  virtual void read_chunks(const Hdf5Dataset& dataset, std::size_t first, std::span<Bytes> to) = 0;
};

}  // namespace hardy::datasets
