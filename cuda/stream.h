// CUDA streams as the engine's, and how an op's kernel is put into one.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cuda/launch.h"
#include "engine/base/error.h"
#include "engine/graph/device_kernels.h"

namespace hardy::cuda {

// The name under which this build's kernels and devices are registered: the real ones and the emulated ones
// are two backends.
#ifndef HARDY_CUDA_BACKEND
#define HARDY_CUDA_BACKEND "cuda"
#endif
inline constexpr const char* kBackend = HARDY_CUDA_BACKEND;

// A failed run that says what was being done.
inline void check(cudaError_t status, const char* doing) {
  if (status != cudaSuccess)
    throw Error::failed_run(std::string(cudaGetErrorString(status)) + " (" + cudaGetErrorName(status) + ")",
                            doing);
}
inline void check(cublasStatus_t status, const char* doing) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw Error::failed_run("cuBLASLt: " + std::string(cublasLtGetStatusString(status)), doing);
}

// What matrix products need: the library's handle and scratch memory of the stream's own.
struct Blas {
  cublasLtHandle_t handle = nullptr;
  void* workspace = nullptr;
  std::size_t workspace_bytes = 0;
  device::Products products = device::Products::kF32;
};

// How cuBLASLt does a matrix product, once that is found (cuda/ops/product.cu): by all that it was asked with
// but for the addresses themselves.
struct ProductWay {
  cublasLtMatmulAlgo_t algorithm;
  cublasLtEpilogue_t epilogue;
};
using ProductKey = std::array<std::int64_t, 17>;

class CudaStream final : public device::Stream {
 public:
  // careful: every launch is waited for, so that a failing kernel is named. another: makes a stream like this
  // one. give_back is called with the workspace when the stream goes.
  CudaStream(int device, const Blas& blas, bool careful,
             std::function<std::unique_ptr<device::Stream>()> another, std::function<void(void*)> give_back);
  ~CudaStream() override;
  // For what is put into the stream: its device is the calling thread's from now on, as launches require.
  cudaStream_t handle() const {
    check(cudaSetDevice(device_), "choosing the device");
    return stream_;
  }
  const Blas& blas() const { return blas_; }
  std::map<ProductKey, ProductWay>& product_ways() { return product_ways_; }
  // Memory for an op's intermediate values, until the next op asks. What a captured step needs was asked for
  // when the step ran before its capture, in which nothing can be allocated.
  void* scratch(std::size_t bytes);
  // What follows each launch of the kernel `name`.
  void launched(cudaError_t status, const char* name) const {
    check(status, name);
    if (careful_) check(cudaStreamSynchronize(stream_), name);
  }

  void copy_in(void* device, const void* host, std::size_t bytes) override;
  void copy_out(void* host, const void* device, std::size_t bytes) override;
  void copy(void* to, const void* from, std::size_t bytes) override;
  void record(device::Event& event) override;
  void wait(const device::Event& event) override;
  void synchronise() override;
  device::Stream& branch(std::size_t index) override;
  std::unique_ptr<device::Captured> capture(const std::function<void()>& body) override;
  void replay(const device::Captured& captured) override;

 private:
  int device_;
  cudaStream_t stream_ = nullptr;
  Blas blas_;
  std::map<ProductKey, ProductWay> product_ways_;
  bool careful_;
  std::vector<void*> scratch_;  // the last is the largest; captured steps may use the others
  std::size_t scratch_bytes_ = 0;
  std::function<std::unique_ptr<device::Stream>()> another_;
  std::vector<std::unique_ptr<device::Stream>> branches_;
  std::function<void(void*)> give_back_;
};

inline CudaStream& as_cuda(device::Stream& stream) { return static_cast<CudaStream&>(stream); }

// Puts a kernel in the stream; `name` is what an error calls it.
template <class... P, class... A>
void launch(const char* name, void (*kernel)(P...), dim3 grid, dim3 block, device::Stream& stream,
            A&&... args) {
  const CudaStream& s = as_cuda(stream);
  s.launched(launch(kernel, grid, block, 0, s.handle(), std::forward<A>(args)...), name);
}

inline constexpr int kThreads = 256;  // of a block that walks over elements

// Blocks for n elements at one a thread; kernels stride over the grid, so that any number serves.
inline unsigned blocks_for(std::int64_t n) {
  return static_cast<unsigned>(std::clamp<std::int64_t>((n + kThreads - 1) / kThreads, 1, 1 << 16));
}

// f(T{}) with T float or double, after `type`.
template <class F>
void with_float(DType type, F&& f) {
  if (type == DType::kF64)
    f(double{});
  else
    f(float{});
}

}  // namespace hardy::cuda
