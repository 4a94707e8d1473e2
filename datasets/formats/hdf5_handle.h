// What this folder needs of libhdf5's C API: identifiers that close themselves, its types, and one lock.
#pragma once

#include <hdf5.h>

#include <mutex>
#include <string>
#include <utility>

#include "datasets/array.h"

namespace hardy::datasets {

// An HDF5 identifier that closes itself.
class Hdf5Id {
 public:
  Hdf5Id(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Hdf5Id(Hdf5Id&& o) noexcept : id_(std::exchange(o.id_, -1)), close_(o.close_) {}
  Hdf5Id& operator=(Hdf5Id&& o) noexcept {
    std::swap(id_, o.id_);
    std::swap(close_, o.close_);
    return *this;
  }
  ~Hdf5Id() {
    if (id_ >= 0) close_(id_);
  }
  operator hid_t() const { return id_; }  // NOLINT(google-explicit-constructor)
  bool good() const { return id_ >= 0; }
  herr_t close_now() { return close_(std::exchange(id_, -1)); }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

// The library is held by one thread at a time, and never while a reader forks its child. The first call
// also silences the library: errors are ours to tell.
std::unique_lock<std::mutex> hold_hdf5();

// Before a file is opened or made at `where`: refuses, with exit code 1, where this process cannot have as
// much more memory as the library takes. Without it the library crashes in some places (H5AC_create).
void require_hdf5_memory(const std::string& where);

// Why the library could not write, as far as can be told afterwards, for brackets.
const char* why_hdf5_did_not_write();

// The type in memory; text is of variable length, UTF-8; bool is NumPy's enumeration.
Hdf5Id hdf5_memory_type(ArrayType type);

}  // namespace hardy::datasets
