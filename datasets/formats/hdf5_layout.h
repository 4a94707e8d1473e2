// Where everything lies in an HDF5 file: its datasets' types, shapes, filters and the places of their
// bytes. The data itself is read by datasets/formats/hdf5_rows.h, without libhdf5.
// libhdf5 walks through the file in a child process; what comes back is checked against the file's size
// before it is believed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "datasets/attributes.h"
#include "datasets/formats/hdf5_child.h"
#include "datasets/formats/stored_type.h"
#include "engine/base/json.h"

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
  int gzip = 0;                     // the level, where one of them compresses
  std::vector<Hdf5Chunk> chunks;    // by cell; of a contiguous dataset one, or none where nothing is stored
  std::vector<std::byte> stored;    // a compact dataset's bytes
  std::vector<std::byte> fill;      // a stored element where nothing is
  std::vector<std::string> text;    // kString
  int file = -1;                    // in Hdf5Layout::other_files, where an external link led; -1: this one
  std::vector<std::string> notes;   // what reading it loses: "is an enumeration: ..."
  StoredAsPtr stored_as;            // null: as in memory

  ArrayType type() const { return element.type; }
  std::uint64_t elements() const;
  // Chunks, or the whole where there are none, that nobody has written: they read as `fill`.
  std::uint64_t unwritten_chunks() const;
  std::uint64_t all_chunks() const;
  std::vector<std::int64_t> corner_of(const Hdf5Chunk& chunk) const;  // its first element's indices
};

// A name whose object is not read, and why.
struct Hdf5LeftOut {
  std::string key, problem, fix;
};

struct Hdf5Layout {
  std::vector<Hdf5Dataset> datasets;  // by every name that they have
  std::vector<Hdf5LeftOut> left_out;
  std::vector<std::string> other_files;
  // {"": {name: value} of the root, "episode_0": {...}}: of groups
  nlohmann::json attributes = nlohmann::json::object();
  std::vector<Attribute> all_attributes;
  std::vector<std::pair<std::string, std::string>> lost_attributes;  // "name of /object", why it is not kept
  std::uint64_t file_bytes = 0;
  std::uint64_t user_block = 0;  // bytes in front of HDF5's own
};

// Errors, naming file, key and shape: not HDF5; locked, or left open by its writer; truncated or damaged;
// more data than the file can hold; a walk that takes too long. Names of a type, rank, filter or storage that
// is not understood are left out, and so are links that lead nowhere.
Hdf5Layout read_hdf5_layout(const std::filesystem::path& path, const Hdf5Patience& patience = {});

}  // namespace hardy::datasets
