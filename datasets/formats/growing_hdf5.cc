#include "datasets/formats/growing_hdf5.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "datasets/attributes.h"
#include "datasets/formats/hdf5_attributes.h"
#include "datasets/formats/hdf5_handle.h"
#include "engine/base/error.h"
#include "engine/run/atomic_file.h"

namespace hardy::datasets {
namespace {

constexpr std::size_t kChunkBytes = 256 * 1024;

// No lock on the file: whoever reads the one must not stop the other from being written.
Hdf5Id file_access() {
  Hdf5Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST);
  H5Pset_file_locking(access, 0, 1);
  return access;
}

std::vector<hsize_t> dims_of(const Column& column, std::int64_t rows) {
  std::vector<hsize_t> dims(column.shape.begin(), column.shape.end());
  dims[0] = static_cast<hsize_t>(rows);
  return dims;
}

bool create_dataset(hid_t file, const Column& column) {
  const std::vector<hsize_t> none = dims_of(column, 0);
  std::vector<hsize_t> most = none, chunk = none;
  most[0] = H5S_UNLIMITED;
  chunk[0] = std::max<hsize_t>(1, kChunkBytes / column.row_bytes());
  const int rank = static_cast<int>(none.size());
  const Hdf5Id links(H5Pcreate(H5P_LINK_CREATE), H5Pclose), creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose),
      space(H5Screate_simple(rank, none.data(), most.data()), H5Sclose), type = hdf5_memory_type(column.type);
  H5Pset_create_intermediate_group(links, 1);
  H5Pset_chunk(creation, rank, chunk.data());
  H5Pset_obj_track_times(creation, 0);
  Hdf5Id dataset(H5Dcreate2(file, column.key.c_str(), type, space, links, creation, H5P_DEFAULT), H5Dclose);
  return dataset.good() && dataset.close_now() >= 0;
}

bool extend_dataset(hid_t file, const Column& column, std::int64_t first, std::span<const std::byte> rows) {
  const auto count = static_cast<std::int64_t>(rows.size() / column.row_bytes());
  if (count == 0) return true;
  Hdf5Id dataset(H5Dopen2(file, column.key.c_str(), H5P_DEFAULT), H5Dclose);
  const std::vector<hsize_t> grown = dims_of(column, first + count), part = dims_of(column, count);
  if (!dataset.good() || H5Dset_extent(dataset, grown.data()) < 0) return false;
  const Hdf5Id there(H5Dget_space(dataset), H5Sclose),
      here(H5Screate_simple(static_cast<int>(part.size()), part.data(), nullptr), H5Sclose),
      type = hdf5_memory_type(column.type);
  std::vector<hsize_t> corner(part.size(), 0);
  corner[0] = static_cast<hsize_t>(first);
  return H5Sselect_hyperslab(there, H5S_SELECT_SET, corner.data(), nullptr, part.data(), nullptr) >= 0 &&
         H5Dwrite(dataset, type, here, there, H5P_DEFAULT, rows.data()) >= 0 && dataset.close_now() >= 0;
}

bool sync(const std::filesystem::path& file) {
  const int d = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (d < 0) return false;
  const bool done = ::fsync(d) == 0;
  ::close(d);
  return done;
}

std::optional<std::pair<dev_t, ino_t>> identity(const std::filesystem::path& file) {
  struct stat s {};
  if (::lstat(file.c_str(), &s) != 0) return std::nullopt;
  return std::pair(s.st_dev, s.st_ino);
}

}  // namespace

GrowingHdf5::GrowingHdf5(const std::filesystem::path& path, std::vector<Column> columns,
                         std::string environment, bool overwrite)
    : output_(path, {.overwrite = overwrite}),
      twin_(output_.path().string() + ".tmp-" + std::to_string(::getpid())),
      half_written_(twin_.string()),
      columns_(std::move(columns)),
      environment_(std::move(environment)),
      waiting_(columns_.size()),
      lacking_(columns_.size()) {
  begin_twin();
}

GrowingHdf5::~GrowingHdf5() { ::unlink(twin_.c_str()); }

void GrowingHdf5::fail(const std::string& what) const {
  throw Error::failed_run(what + " (" + why_hdf5_did_not_write() + ")", output_.path().string(),
                          published_
                              ? "it holds the " + std::to_string(published_rows_) + " rows of the last flush"
                              : "nothing was written");
}

void GrowingHdf5::append(std::size_t i, std::span<const std::byte> rows) {
  waiting_[i].insert(waiting_[i].end(), rows.begin(), rows.end());
}

void GrowingHdf5::begin_twin() {
  const auto held = hold_hdf5();
  require_hdf5_memory(output_.path().string());
  const Hdf5Id access = file_access();
  Hdf5Id file(H5Fcreate(twin_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), H5Fclose);
  bool good = file.good();
  for (const Column& column : columns_) good = good && create_dataset(file, column);
  if (good && !environment_.empty()) {
    Attribute id;
    id.name = "env_id";
    id.value = environment_;
    const Hdf5Id root(H5Oopen(file, "/", H5P_DEFAULT), H5Oclose);
    good = write_hdf5_attribute(root, id);
  }
  if (!good || file.close_now() < 0) fail("cannot be written");
  twin_rows_ = 0;
}

void GrowingHdf5::extend_twin() {
  const auto held = hold_hdf5();
  require_hdf5_memory(output_.path().string());
  const Hdf5Id access = file_access();
  Hdf5Id file(H5Fopen(twin_.c_str(), H5F_ACC_RDWR, access), H5Fclose);
  bool good = file.good();
  const std::int64_t first = std::exchange(twin_rows_, -1);  // half written until all is there
  for (std::size_t i = 0; good && i < columns_.size(); ++i) {
    const std::int64_t had = first + static_cast<std::int64_t>(lacking_[i].size() / columns_[i].row_bytes());
    good = extend_dataset(file, columns_[i], first, lacking_[i]) &&
           extend_dataset(file, columns_[i], had, waiting_[i]);
  }
  if (!good || file.close_now() < 0 || !sync(twin_)) fail("cannot be written");
}

// Afterwards the twin is the file, and what was the file is the twin.
void GrowingHdf5::exchange() {
  const std::filesystem::path& path = output_.path();
  const bool there = published_ && identity(path) == published_;  // nobody has moved or replaced it meanwhile
  published_ = identity(twin_);
  if (there && ::renameat2(AT_FDCWD, twin_.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) == 0) {
    twin_rows_ = published_rows_;
  } else if (::rename(twin_.c_str(), path.c_str()) != 0) {
    fail("cannot be renamed into place");
  }
  run::sync_folder_of(path);
}

void GrowingHdf5::publish() {
  if (waiting_.empty() || waiting_[0].empty()) return;
  if (twin_rows_ < 0 && published_) {
    std::error_code code;
    std::filesystem::copy_file(output_.path(), twin_, std::filesystem::copy_options::overwrite_existing,
                               code);
    if (code) fail("cannot be written");
    twin_rows_ = published_rows_;
    for (Bytes& rows : lacking_) rows.clear();
  } else if (twin_rows_ < 0) {
    begin_twin();
  }
  extend_twin();
  exchange();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    lacking_[i].swap(waiting_[i]);
    waiting_[i].clear();
  }
  published_rows_ += static_cast<std::int64_t>(lacking_[0].size() / columns_[0].row_bytes());
}

}  // namespace hardy::datasets
