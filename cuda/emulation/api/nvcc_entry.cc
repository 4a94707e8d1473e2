// What host code compiled by nvcc calls at start and at a launch: with these a program of nvcc's runs over
// the emulation, its kernels from the PTX that it carries (built with -no-compress).
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cuda/emulation/check/symbols.h"
#include "cuda/emulation/device/launch.h"
#include "cuda/emulation/ptx/modules.h"
#include "cuda/emulation/run/report.h"
#include "cuda/emulation/run/streams.h"

namespace hardy::emulation {
namespace {

struct FatBinary {  // as nvcc lays it into the program
  int magic, version;
  const void* data;
  void* file;
};
struct FatHeader {
  std::uint32_t magic;
  std::uint16_t version, header_bytes;
  std::uint64_t bytes;
};
constexpr std::uint32_t kFatHeaderMagic = 0xba55ed50;

struct Shape {
  dim3 grid, block;
  std::size_t dynamic_bytes;
  cudaStream_t stream;
};
thread_local std::vector<Shape> configured;  // kernel<<<...>>> pushes, its stub pops

std::map<const void*, std::string>& variables() {
  static auto* names = new std::map<const void*, std::string>;
  return *names;
}

cudaError_t launch_by_addresses(const void* kernel, const Shape& shape, void** arguments) {
  const ptx::Kernel found = ptx::find_kernel(symbol_of(kernel));
  if (found.function == nullptr) return remember(cudaErrorInvalidDeviceFunction);
  KernelLaunch work{kernel, shape.grid, shape.block, shape.dynamic_bytes, {}, {}};
  for (std::size_t k = 0; k < found.function->parameters.size(); ++k)
    work.arguments.emplace_back(static_cast<const char*>(arguments[k]), found.function->parameters[k].bytes);
  return enqueue_kernel(std::move(work), shape.stream);
}

}  // namespace
}  // namespace hardy::emulation

using namespace hardy::emulation;  // NOLINT(google-build-using-namespace): the API is C's

extern "C" {

void** __cudaRegisterFatBinary(const FatBinary* binary) {
  const auto* header = static_cast<const FatHeader*>(binary->data);
  if (header->magic != kFatHeaderMagic) fail("an unknown kind of fat binary; nvcc 13 was expected");
  const std::string_view all(static_cast<const char*>(binary->data), header->header_bytes + header->bytes);
  for (std::size_t at = all.find(".version"); at != std::string_view::npos;) {
    const std::size_t end = std::min(all.find('\0', at), all.size());
    ptx::embed(std::string(all.substr(at, end - at)));
    at = all.find(".version", end);
  }
  static void* handle = nullptr;
  return &handle;
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
char __cudaInitModule(void**) { return 0; }
void __cudaRegisterFunction(void**, const char* host, char*, const char* name, int, uint3*, uint3*, dim3*,
                            dim3*, int*) {
  name_function(host, name);
}
void __cudaRegisterVar(void**, char* host, char*, const char* name, int, std::size_t, int, int) {
  variables()[host] = name;
}

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, std::size_t dynamic_bytes, cudaStream_t stream) {
  configured.push_back({grid, block, dynamic_bytes, stream});
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, std::size_t* dynamic_bytes,
                                       cudaStream_t* stream) {
  const Shape shape = configured.back();
  configured.pop_back();
  *grid = shape.grid;
  *block = shape.block;
  *dynamic_bytes = shape.dynamic_bytes;
  *stream = shape.stream;
  return cudaSuccess;
}
cudaError_t __cudaGetKernel(const void** kernel, const void* function) {
  *kernel = function;
  return cudaSuccess;
}
cudaError_t __cudaLaunchKernel(const void* kernel, dim3 grid, dim3 block, void** arguments,
                               std::size_t dynamic_bytes, cudaStream_t stream) {
  const ApiCall api;
  return launch_by_addresses(kernel, {grid, block, dynamic_bytes, stream}, arguments);
}
cudaError_t cudaLaunchKernel(const void* kernel, dim3 grid, dim3 block, void** arguments,
                             std::size_t dynamic_bytes, cudaStream_t stream) {
  return __cudaLaunchKernel(kernel, grid, block, arguments, dynamic_bytes, stream);
}
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes;
  cudaStream_t stream;
};
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* c, const void* kernel, void** arguments) {
  return __cudaLaunchKernel(kernel, c->gridDim, c->blockDim, arguments, c->dynamicSmemBytes, c->stream);
}
cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  return set_function_attribute(kernel, attribute, value);
}
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel) {
  const cudaError_t error = get_function_attributes(attributes, kernel);
  attributes->ptxVersion = attributes->binaryVersion = 75;  // what such programs are built for
  if (const ptx::Kernel found = ptx::find_kernel(symbol_of(kernel)); found.function != nullptr)
    attributes->sharedSizeBytes = found.function->shared_bytes;
  return error;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void* kernel,
                                                                   int block_size, std::size_t dynamic_bytes,
                                                                   unsigned) {
  return occupancy(blocks, kernel, block_size, dynamic_bytes);
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* kernel, int block_size,
                                                          std::size_t dynamic_bytes) {
  return occupancy(blocks, kernel, block_size, dynamic_bytes);
}
cudaError_t cudaMemcpyToSymbol(const void* symbol, const void* from, std::size_t bytes, std::size_t offset,
                               cudaMemcpyKind) {
  const ApiCall api;
  const auto it = variables().find(symbol);
  ptx::Variable* v = it == variables().end() ? nullptr : ptx::find_embedded_variable(it->second);
  if (v == nullptr || offset + bytes > v->bytes) return remember(cudaErrorInvalidSymbol);
  cudaDeviceSynchronize();
  std::memcpy(static_cast<char*>(v->address) + offset, from, bytes);
  return cudaSuccess;
}
}
