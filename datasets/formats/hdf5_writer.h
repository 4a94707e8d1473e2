// HDF5 files written by rows: chunks are compressed by a team of threads and stored in one order, so that
// the bytes of the file do not depend on how many threads there are. Atomic.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "datasets/attributes.h"
#include "datasets/formats/hdf5_handle.h"
#include "datasets/store.h"
#include "engine/base/threads.h"
#include "engine/run/atomic_file.h"

namespace hardy::datasets {

class Hdf5Writer : public Writer {
 public:
  struct Settings {
    int gzip = 4;           // 0: stored as they are
    int threads = 0;        // 0: the machine's
    bool keep = true;       // copy_stored() does so
    bool growable = false;  // rows may be added later by others; groups keep the order of creation
  };
  Hdf5Writer(const std::filesystem::path& path, const Settings& settings);
  ~Hdf5Writer() override;

  void declare(const Column& column) override;
  void append(const std::string& key, std::span<const std::byte> rows) override;
  void put(const std::string& key, const Array& array) override;
  bool copy_stored(Reader& from, const Column& column) override;
  using Writer::set_attributes;
  void set_attributes(const std::vector<Attribute>& attributes) override;
  void commit() override;

  // An attribute of a group ("" is the root), which is made where it is missing; values as
  // datasets/formats/hdf5_attributes.h writes them.
  void attribute(const std::string& group, const std::string& name, const nlohmann::json& value);

 private:
  struct Pending {
    Column column;
    Hdf5Id dataset, type;                  // type: in the file; -1: that of memory
    std::size_t row_bytes;                 // in the file
    std::int64_t chunk_rows, written = 0;  // rows
    Bytes rows;                            // come, as the file has them, and not yet written
    std::int64_t came() const {
      return written + static_cast<std::int64_t>(row_bytes ? rows.size() / row_bytes : 0);
    }
  };
  std::string where(const Column& column) const;
  [[noreturn]] void fail(const std::string& where) const;
  void close(Hdf5Id& dataset, const Column& column) const;
  static Hdf5Id usable_type(const Column& column);
  Hdf5Id stored_type(const Column& column);
  Hdf5Id creation_of(const Column& column, std::int64_t chunk_rows) const;
  Hdf5Id create(const Column& column, hid_t type, hid_t creation);
  Bytes as_stored(const Column& column, hid_t type, std::span<const std::byte> rows) const;
  bool write_attribute(const Attribute& attribute);
  void flush(Pending& pending, bool all);
  void put_text(const std::string& key, const Array& array);

  std::string path_;
  Settings settings_;
  run::AtomicFile out_;
  ThreadTeam team_;
  Hdf5Id file_;
  std::map<std::string, Pending> pending_;
  std::vector<Bytes> compressed_;
  std::vector<Attribute> attributes_;
};

}  // namespace hardy::datasets
