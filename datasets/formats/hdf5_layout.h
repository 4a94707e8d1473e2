// Where everything lies in an HDF5 file: its datasets' types, shapes, filters and the places of their
// bytes. The data itself is read by datasets/formats/hdf5_rows.h, without libhdf5.
//
// libhdf5 crashes, hangs or asks for any amount of memory on files that were damaged in the wrong place,
// so the walk through a file's structure happens in a child process with bounded memory and time, which
// sends back what it found; what comes back is checked against the file's size before it is believed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "datasets/formats/stored_type.h"

namespace hardy::datasets {

struct Hdf5Chunk {
  std::uint64_t cell;     // row-major index in the grid of chunks
  std::uint64_t offset;   // in the file
  std::uint64_t bytes;    // stored
  std::uint64_t skipped;  // bit i: filter i was not applied to this chunk
};

struct Hdf5Dataset {
  std::string key;  // groups joined by "/"
  StoredType element;
  std::vector<std::int64_t> shape;

  std::vector<std::int64_t> chunk;  // a chunk's shape; empty: contiguous
  std::vector<int> filters;         // HDF5's numbers, in the order in which writing applies them
  std::vector<Hdf5Chunk> chunks;    // by cell; of a contiguous dataset one, or none where nothing is stored
  std::vector<std::byte> stored;    // a compact dataset's bytes
  std::vector<std::byte> fill;      // a stored element where nothing is
  std::vector<std::string> text;    // kString

  ArrayType type() const { return element.type; }
  std::uint64_t elements() const;
};

struct Hdf5Layout {
  std::vector<Hdf5Dataset> datasets;
  nlohmann::json attributes;  // {"": {name: value} of the root, "episode_0": {...}}
  std::uint64_t file_bytes = 0;
};

// Errors, naming file, key and shape: not HDF5; truncated or damaged; a type, rank, filter or storage
// that is not understood; more data than the file can hold.
Hdf5Layout read_hdf5_layout(const std::filesystem::path& path);

}  // namespace hardy::datasets
