// An HDF5 file that grows while somebody records into it, and is at any time a whole file: a kill costs what
// came after the last publish().
//
// Two files take turns. The one under the file's name is never written to; its twin beside it (NAME.tmp-PID)
// gets the rows that it lacks, is closed, synced, and changes names with it. A row is written twice, whatever
// the file's length.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "datasets/store.h"
#include "engine/run/output.h"

namespace hardy::datasets {

class GrowingHdf5 {
 public:
  // columns: numbers with rows, of which there are none yet; shape[0] is ignored. environment: the root's
  // env_id, "" for none. Errors: a place that engine/run/output.h refuses or that cannot be written.
  GrowingHdf5(const std::filesystem::path& path, std::vector<Column> columns, std::string environment,
              bool overwrite);
  ~GrowingHdf5();  // the file stays as it was last published

  // Rows of column i, kept in memory until publish(), by when all columns must have as many.
  void append(std::size_t i, std::span<const std::byte> rows);
  std::int64_t rows() const { return published_rows_; }  // that the file has
  // The file has all rows now, on the disk. After an Error (a failed run: a full disk) it is as it was, and
  // the rows wait for the next call.
  void publish();

 private:
  void begin_twin();
  void extend_twin();
  void exchange();
  [[noreturn]] void fail(const std::string& what) const;

  run::Output output_;
  std::filesystem::path twin_;
  run::Temporary half_written_;
  std::vector<Column> columns_;
  std::string environment_;
  std::vector<Bytes> waiting_, lacking_;  // by column: not published yet; published, and not in the twin
  std::int64_t published_rows_ = 0, twin_rows_ = -1;  // -1: there is no twin to go on with
  std::optional<std::pair<dev_t, ino_t>> published_;
};

}  // namespace hardy::datasets
