// The rows of an HDF5 file's datasets, read straight from the file and decoded by a team of threads:
// gzip by datasets/formats/deflate.h, the shuffle and fletcher32 filters, any byte order, half floats.
#pragma once

#include <filesystem>

#include "datasets/formats/hdf5_layout.h"
#include "engine/base/threads.h"

namespace hardy::datasets {

class Hdf5Rows {
 public:
  Hdf5Rows(const std::filesystem::path& path, int threads);  // 0: the machine's
  ~Hdf5Rows();
  Hdf5Rows(const Hdf5Rows&) = delete;
  Hdf5Rows& operator=(const Hdf5Rows&) = delete;

  // Rows [first, first + rows) of a numeric dataset as its ArrayType, row-major; a scalar is one row.
  // Memory: a chunk or two for each thread.
  void read(const Hdf5Dataset& dataset, std::int64_t first, std::int64_t rows, std::byte* to);

 private:
  bool fetch(std::uint64_t offset, std::byte* to, std::size_t bytes) const;

  std::string path_;
  int file_ = -1;
  ThreadTeam team_;
};

}  // namespace hardy::datasets
