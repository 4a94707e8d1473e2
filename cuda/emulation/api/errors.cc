// Errors, and what the emulated device says of itself.
#include <algorithm>
#include <cstring>

#include "cuda/emulation/control.h"
#include "cuda/emulation/run/memory.h"
#include "cuda/emulation/run/report.h"
#include "cuda/emulation/run/statistics.h"
#include "cuda/emulation/run/streams.h"

namespace hardy::emulation {
namespace {

struct ErrorText {
  cudaError_t error;
  const char *name, *text;
};
constexpr ErrorText kErrors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInitializationError, "cudaErrorInitializationError", "initialization error"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorIllegalState, "cudaErrorIllegalState",
     "the operation cannot be performed in the present state"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined", "capturing stream has unjoined work"},
    {cudaErrorStreamCaptureImplicit, "cudaErrorStreamCaptureImplicit",
     "operation would make the legacy stream depend on a capturing blocking stream"},
};

const ErrorText* find(cudaError_t error) {
  const auto* it = std::find_if(std::begin(kErrors), std::end(kErrors),
                                [error](const ErrorText& e) { return e.error == error; });
  return it == std::end(kErrors) ? nullptr : it;
}

// No device, or a driver that is too old, is what every call about devices says.
cudaError_t device_error(int device = 0) {
  if (options().driver < CUDART_VERSION / 1000 * 1000) return cudaErrorInsufficientDriver;
  if (options().devices == 0) return cudaErrorNoDevice;
  return device >= 0 && device < options().devices ? cudaSuccess : cudaErrorInvalidDevice;
}

}  // namespace

void reset_device() {
  const ApiCall api;
  run_all();
  device_memory().clear();
  clear_errors();
}

}  // namespace hardy::emulation

using namespace hardy::emulation;  // NOLINT(google-build-using-namespace): the API is C's

extern "C" {

cudaError_t cudaGetLastError() {
  const ApiCall api;
  return take_last_error();
}
cudaError_t cudaPeekAtLastError() {
  const ApiCall api;
  return peek_last_error();
}
const char* cudaGetErrorName(cudaError_t error) {
  const ErrorText* e = find(error);
  return e == nullptr ? "cudaErrorUnknown" : e->name;
}
const char* cudaGetErrorString(cudaError_t error) {
  const ErrorText* e = find(error);
  return e == nullptr ? "unknown error" : e->text;
}

cudaError_t cudaGetDeviceCount(int* count) {
  const ApiCall api;
  *count = 0;
  if (const cudaError_t error = device_error(); error != cudaSuccess) return remember(error);
  *count = options().devices;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  const ApiCall api;
  *device = current_device();
  return remember(device_error());
}
cudaError_t cudaSetDevice(int device) {
  const ApiCall api;
  if (const cudaError_t error = device_error(device); error != cudaSuccess) return remember(error);
  set_current_device(device);
  return cudaSuccess;
}

// An H100's figures, but for the memory and the count of multiprocessors (kernels that size their grid by
// it should show their loops).
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  const ApiCall api;
  if (const cudaError_t error = device_error(device); error != cudaSuccess) return remember(error);
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
    case cudaDevAttrMaxBlockDimX:
      *value = 1024;
      break;
    case cudaDevAttrMaxGridDimX:
      *value = 2147483647;
      break;
    case cudaDevAttrMaxGridDimY:
    case cudaDevAttrMaxGridDimZ:
      *value = 65535;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = 48 * 1024;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = 227 * 1024;
      break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = 228 * 1024;
      break;
    case cudaDevAttrTotalConstantMemory:
      *value = 64 * 1024;
      break;
    case cudaDevAttrWarpSize:
      *value = 32;
      break;
    case cudaDevAttrMaxRegistersPerBlock:
    case cudaDevAttrMaxRegistersPerMultiprocessor:
      *value = 65536;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = 2;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = 2048;
      break;
    case cudaDevAttrConcurrentKernels:
    case cudaDevAttrUnifiedAddressing:
    case cudaDevAttrManagedMemory:
      *value = 1;
      break;
    case cudaDevAttrCooperativeLaunch:
    case cudaDevAttrMemoryPoolsSupported:
      *value = 0;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = options().major;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = 0;
      break;
    default:
      return remember(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  const ApiCall api;
  if (const cudaError_t error = device_error(device); error != cudaSuccess) return remember(error);
  *properties = {};
  std::strcpy(properties->name, "emulated device");
  properties->totalGlobalMem = options().memory;
  properties->sharedMemPerBlock = 48 * 1024;
  properties->sharedMemPerBlockOptin = 227 * 1024;
  properties->sharedMemPerMultiprocessor = 228 * 1024;
  properties->totalConstMem = 64 * 1024;
  properties->regsPerBlock = properties->regsPerMultiprocessor = 65536;
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = 1024;
  properties->maxThreadsPerMultiProcessor = 2048;
  properties->major = options().major;
  properties->multiProcessorCount = 2;
  properties->l2CacheSize = 50 << 20;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = options().driver;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  const ApiCall api;
  if (const cudaError_t error = device_error(); error != cudaSuccess) return remember(error);
  *total_bytes = options().memory;
  *free_bytes = options().memory - device_memory().used(current_device());
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  const ApiCall api;
  if (const cudaError_t error = refuse_while_capturing(); error != cudaSuccess) return error;
  ++counters().synchronisations;
  run_device(current_device());
  if (has_stuck_work(current_device()) && sticky_error(current_device()) == cudaSuccess)
    fail("cudaDeviceSynchronize waits for ever: an exchange waits for a device that does not come");
  return sticky_error(current_device());
}
cudaError_t cudaDeviceReset() {
  reset_device();
  return cudaSuccess;
}
}
