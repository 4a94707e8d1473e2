#include "cuda/emulation/run/launch.h"

#include <cxxabi.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>

#include "cuda/emulation/check/checker.h"
#include "cuda/emulation/check/symbols.h"
#include "cuda/emulation/control.h"
#include "cuda/emulation/ptx/modules.h"
#include "cuda/emulation/run/block.h"
#include "cuda/emulation/run/memory.h"
#include "cuda/emulation/run/report.h"
#include "cuda/emulation/run/shared_memory.h"
#include "cuda/emulation/run/statistics.h"
#include "cuda/emulation/run/streams.h"

extern uint3 block_index_storage asm("blockIdx");
extern dim3 block_dim_storage asm("blockDim"), grid_dim_storage asm("gridDim");

namespace hardy::emulation {
namespace {

constexpr std::size_t kDefaultShared = 48 * 1024, kLargestShared = 227 * 1024;

Launch running;
bool is_running = false;
std::map<const void*, std::size_t> dynamic_limit;  // raised by cudaFuncAttributeMaxDynamicSharedMemorySize

// Kernels that were launched or asked for their attributes: a program loads each at its first use.
std::set<const void*>& loaded() {
  static auto* kernels = new std::set<const void*>;
  return *kernels;
}

std::string demangled(const std::string& symbol) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(
      abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), std::free);
  return status == 0 ? name.get() : symbol;
}

cudaError_t check_shape(const KernelLaunch& k) {
  const unsigned long long threads = 1ull * k.block.x * k.block.y * k.block.z;
  const bool block_fits = threads >= 1 && threads <= 1024 && k.block.z <= 64;
  const bool grid_fits = k.grid.x >= 1 && k.grid.y >= 1 && k.grid.z >= 1 && k.grid.x <= 2147483647u &&
                         k.grid.y <= 65535 && k.grid.z <= 65535;
  if (!block_fits || !grid_fits) return cudaErrorInvalidConfiguration;
  const auto limit = dynamic_limit.find(k.kernel);
  const std::size_t most = limit == dynamic_limit.end() ? kDefaultShared : limit->second;
  return k.dynamic_bytes > most ? cudaErrorInvalidValue : cudaSuccess;
}

void run_grid(const KernelLaunch& k) {
  ++counters().kernel_launches;
  if (options().fail_launch >= 0 && options().fail_launch-- == 0) {
    set_sticky_error(cudaErrorLaunchFailure);
    return;
  }
  running.symbol = symbol_of(k.kernel);
  running.name = demangled(running.symbol);
  block_dim_storage = k.block;
  grid_dim_storage = k.grid;
  is_running = true;
  // From PTX, a kernel's static shared memory lies before the dynamic one.
  const ptx::Kernel from_ptx = ptx::find_kernel(running.symbol);
  const bool has_ptx = from_ptx.function != nullptr;
  if (has_ptx) ++counters().ptx_launches;
  if (!has_ptx && !k.body) fail("no PTX of kernel %s in the program", running.name.c_str());
  const std::function<void()> body = has_ptx ? ptx::thread_body(from_ptx, k.arguments) : k.body;
  shared_memory().begin_launch(k.dynamic_bytes + (has_ptx ? from_ptx.function->shared_bytes : 0));
  checker().begin_launch(k.kernel, running.symbol);
  const unsigned long long blocks = 1ull * k.grid.x * k.grid.y * k.grid.z;
  for (unsigned long long i = 0; i < blocks; ++i) {
    running.block_number = options().schedule == Schedule::kForward ? i : blocks - 1 - i;
    block_index_storage = block_index(running.block_number);
    shared_memory().begin_block();
    const cudaError_t error = run_block(body);
    if (error == cudaSuccess) continue;
    set_sticky_error(error);
    break;
  }
  shared_memory().end_launch();
  is_running = false;
}

}  // namespace

const Launch* running_launch() { return is_running ? &running : nullptr; }

uint3 block_index(unsigned long long n) {
  return {static_cast<unsigned>(n % gridDim.x), static_cast<unsigned>(n / gridDim.x % gridDim.y),
          static_cast<unsigned>(n / gridDim.x / gridDim.y)};
}

cudaError_t enqueue_kernel(KernelLaunch launch, cudaStream_t stream) {
  const ApiCall api;
  if (const cudaError_t error = check_shape(launch); error != cudaSuccess) return remember(error);
  CUstream_st* s = resolve(stream);
  if (s->device != current_device()) return remember(cudaErrorInvalidResourceHandle);
  if (!loaded().contains(launch.kernel)) {
    if (const cudaError_t error = refuse_while_capturing(); error != cudaSuccess) return error;
    loaded().insert(launch.kernel);
  }
  return enqueue(stream, {WorkKind::kKernel, [k = std::move(launch)] { run_grid(k); }});
}

void unload_kernels() {
  const ApiCall api;
  loaded().clear();
}

cudaError_t enqueue_library_call(cudaStream_t stream, const char*, std::function<void()> work) {
  const ApiCall api;
  if (resolve(stream)->device != current_device()) return remember(cudaErrorInvalidResourceHandle);
  return enqueue(stream, {WorkKind::kKernel, [work = std::move(work)] {
                            ++counters().library_calls;
                            work();
                          }});
}

void library_reads(const void* from, std::size_t bytes, const char* who) {
  if (bytes > 0) checker().require_initialised(from, bytes, who);
}

void library_writes(const void* to, std::size_t bytes) { checker().written(to, bytes); }

void check_pointer_argument(const void* kernel, int index, const void* pointer) {
  if (pointer == nullptr || device_memory().contains(pointer) || device_memory().is_pinned(pointer)) return;
  fail(
      "argument %d of kernel %s is a pointer to host memory (%p); one from cudaMalloc, cudaMallocHost or "
      "cudaMallocManaged would be right",
      index, demangled(symbol_of(kernel)).c_str(), pointer);
}

cudaError_t set_function_attribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  const ApiCall api;
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || static_cast<std::size_t>(value) > kLargestShared) return remember(cudaErrorInvalidValue);
  dynamic_limit[kernel] = static_cast<std::size_t>(value);
  return cudaSuccess;
}

cudaError_t get_function_attributes(cudaFuncAttributes* attributes, const void* kernel) {
  const ApiCall api;
  if (!loaded().contains(kernel)) {
    if (const cudaError_t error = refuse_while_capturing(); error != cudaSuccess) return error;
    loaded().insert(kernel);
  }
  const auto limit = dynamic_limit.find(kernel);
  *attributes = {};
  attributes->maxThreadsPerBlock = 1024;
  attributes->numRegs = 32;
  attributes->ptxVersion = attributes->binaryVersion = std::min(options().built_for, 10 * options().major);
  attributes->maxDynamicSharedSizeBytes =
      static_cast<int>(limit == dynamic_limit.end() ? kDefaultShared : limit->second);
  return cudaSuccess;
}

cudaError_t occupancy(int* blocks, const void*, int block_size, std::size_t dynamic_bytes) {
  // An H100's limits: 2048 threads, 32 blocks and 228 KiB of shared memory a multiprocessor.
  if (block_size < 1 || block_size > 1024) return remember(cudaErrorInvalidValue);
  const std::size_t by_threads = 2048 / static_cast<std::size_t>((block_size + 31) / 32 * 32);
  const std::size_t by_shared = 228 * 1024 / (dynamic_bytes + 1024);
  *blocks = static_cast<int>(std::min({std::size_t{32}, by_threads, by_shared}));
  return cudaSuccess;
}

void fail_kernel_launch(std::uint64_t n) { options().fail_launch = static_cast<std::int64_t>(n); }

}  // namespace hardy::emulation
