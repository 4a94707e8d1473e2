#include "datasets/formats/hdf5_handle.h"

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

}  // namespace

std::unique_lock<std::mutex> hold_hdf5() {
  static std::mutex mutex;
  std::unique_lock<std::mutex> lock(mutex);
  static const bool once = [] {
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
