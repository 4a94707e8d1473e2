// The rows of an HDF5 file's datasets, read straight from the file and decoded by a team of threads:
// gzip by datasets/formats/deflate.h, the shuffle and fletcher32 filters, any byte order, half floats.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "datasets/formats/hdf5_layout.h"
#include "engine/base/error.h"
#include "engine/base/threads.h"

namespace hardy::datasets {

class Hdf5Rows {
 public:
  // The layout outlives the rows. threads: 0: the machine's.
  Hdf5Rows(const std::filesystem::path& path, const Hdf5Layout& layout, int threads);
  ~Hdf5Rows();
  Hdf5Rows(const Hdf5Rows&) = delete;
  Hdf5Rows& operator=(const Hdf5Rows&) = delete;

  // Rows [first, first + rows) of a numeric dataset as its ArrayType, row-major; a scalar is one row.
  // Memory: a chunk or two for each thread, and the decoded chunks that reach beyond the rows that were asked
  // for, until the rows that follow are read: a column in one large chunk is decoded once.
  void read(const Hdf5Dataset& dataset, std::int64_t first, std::int64_t rows, std::byte* to);
  // The stored bytes of chunks [first, first + to.size()) of Hdf5Dataset::chunks. Each is decoded, to know
  // that it is whole.
  void read_stored(const Hdf5Dataset& dataset, std::size_t first, std::span<Bytes> to);

 private:
  bool fetch(const Hdf5Dataset& dataset, std::uint64_t offset, std::byte* to, std::size_t bytes) const;
  Error damaged(const Hdf5Dataset& dataset) const;
  const std::byte* decode(const Hdf5Dataset& dataset, const Hdf5Chunk& chunk) const;
  void read_chunks(const Hdf5Dataset& dataset, std::int64_t first, std::int64_t rows, std::byte* to);
  void keep(const Hdf5Dataset& dataset, std::map<std::uint64_t, Bytes> chunks);
  void forget(const Hdf5Dataset& dataset);

  std::string path_;
  std::vector<int> files_;  // this one, and the layout's other files
  ThreadTeam team_;
  std::map<const Hdf5Dataset*, std::map<std::uint64_t, Bytes>> kept_;  // decoded chunks by their cells
  std::vector<const Hdf5Dataset*> order_;                              // the dataset read longest ago first
};

}  // namespace hardy::datasets
