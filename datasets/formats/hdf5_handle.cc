#include "datasets/formats/hdf5_handle.h"

#include <sys/mman.h>

#include "engine/base/error.h"

namespace hardy::datasets {
namespace {

Hdf5Id bool_type() {
  Hdf5Id type(H5Tenum_create(H5T_NATIVE_INT8), H5Tclose);
  std::int8_t value = 0;
  H5Tenum_insert(type, "FALSE", &value);
  value = 1;
  H5Tenum_insert(type, "TRUE", &value);
  return type;
}

// What the library takes for an open file: its caches, a chunk, the filters' tables.
constexpr std::size_t kMemory = 16 << 20;

// Asked of the kernel, and given back at once, so that the heap stays as it is.
bool has_memory() {
  void* const room = ::mmap(nullptr, kMemory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return room != MAP_FAILED && ::munmap(room, kMemory) == 0;
}

}  // namespace

void require_hdf5_memory(const std::string& where) {
  if (!has_memory())
    throw Error::failed_run("HDF5's library needs " + std::to_string(kMemory >> 20) +
                                " MiB of memory, which this process cannot have",
                            where, "give it more (ulimit -v)");
}

const char* why_hdf5_did_not_write() { return has_memory() ? "is the disk full?" : "no memory is left"; }

std::unique_lock<std::mutex> hold_hdf5() {
  static std::mutex mutex;
  std::unique_lock<std::mutex> lock(mutex);
  static const bool once = [] {
    require_hdf5_memory("");
    H5dont_atexit();  // on a full disk its exit handler would try again, and complain
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    return true;
  }();
  static_cast<void>(once);
  return lock;
}

Hdf5Id hdf5_memory_type(ArrayType type) {
  switch (type) {
    case ArrayType::kF32:
      return {H5Tcopy(H5T_NATIVE_FLOAT), H5Tclose};
    case ArrayType::kF64:
      return {H5Tcopy(H5T_NATIVE_DOUBLE), H5Tclose};
    case ArrayType::kI32:
      return {H5Tcopy(H5T_NATIVE_INT32), H5Tclose};
    case ArrayType::kI64:
      return {H5Tcopy(H5T_NATIVE_INT64), H5Tclose};
    case ArrayType::kU64:
      return {H5Tcopy(H5T_NATIVE_UINT64), H5Tclose};
    case ArrayType::kU8:
      return {H5Tcopy(H5T_NATIVE_UINT8), H5Tclose};
    case ArrayType::kBool:
      return bool_type();
    case ArrayType::kString:
      break;
  }
  Hdf5Id text(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(text, H5T_VARIABLE);
  H5Tset_cset(text, H5T_CSET_UTF8);
  return text;
}

}  // namespace hardy::datasets
