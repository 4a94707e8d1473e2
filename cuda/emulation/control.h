// What tests set and ask of the emulated device. Options start from the environment:
//   HARDY_EMULATION_SCHEDULE=forward|reverse|random   order of threads and blocks (default random)
//   HARDY_EMULATION_SEED=N                            of the random order
//   HARDY_EMULATION_STREAMS=lazy|eager                when queued work runs (default lazy: at the latest)
//   HARDY_EMULATION_CHECK=0|1                         every access of kernels built with checks (default 1)
//   HARDY_EMULATION_ON_ERROR=abort|error              what a caught bug does (default abort)
//   HARDY_EMULATION_EPILOGUES=0|1                     whether cuBLASLt has fused epilogues (default 1)
//   HARDY_EMULATION_RELU_NAN=0|1                      whether its ReLU keeps a NaN (default 1)
//   HARDY_EMULATION_FAIL_LAUNCH=N                     fail_kernel_launch(N) at start
//   HARDY_EMULATION_DEVICES=N, _MEMORY=MiB, _DRIVER=13000   what machine to pretend to be
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace hardy::emulation {

enum class Schedule { kForward, kReverse, kRandom };

struct Options {
  Schedule schedule = Schedule::kRandom;
  unsigned seed = 1;
  bool lazy_streams = true;
  bool guard = true;            // device memory is out of the host's reach outside of device work
  bool check = true;            // bounds, initialisation and races, where the kernels were built with checks
  bool ptx = true;              // kernels that a loaded PTX holds run from it
  bool abort_on_error = true;   // else the launch fails with cudaErrorLaunchFailure, as on a GPU
  bool fused_epilogues = true;  // of matrix products; false: only the plain one is supported
  // Algorithms that decline a product (CUBLAS_STATUS_NOT_SUPPORTED), of those that a query offers, in order.
  int declined_fused = 0, declined_plain = 0;
  bool relu_keeps_nan = true;  // of products' epilogues; false: max(x, 0) with the 0 for a NaN
  int devices = 1;
  std::size_t memory = std::size_t{4} << 30;  // bytes of one device
  int driver = 13000;
  int major = 9;                  // of the compute capability
  int built_for = 90;             // the compute capability that kernels' code is for
  std::int64_t fail_launch = -1;  // kernel launches until one fails; -1: none does
};
Options& options();

// What has happened since start. Two readings tell what a stretch of host code did.
struct Statistics {
  std::uint64_t kernel_launches = 0;  // kernels run, those inside of graphs included
  std::uint64_t graph_launches = 0;
  std::uint64_t library_calls = 0;
  std::uint64_t declined_products = 0;  // calls of cublasLtMatmul that did not succeed
  std::uint64_t host_copies = 0;        // copies between host and device, run
  std::uint64_t allocations = 0;
  std::uint64_t longest_path = 0;  // of the graph launched last: nodes that one after another need each other
  std::uint64_t synchronisations = 0;  // calls in which the host waited
  std::uint64_t blocks = 0, switches = 0;
  std::uint64_t checked_accesses = 0;
  std::uint64_t ptx_launches = 0;  // of kernel_launches, those that ran from PTX
  std::uint64_t ptx_instructions = 0;
};
const Statistics& statistics();

// The n-th kernel launch from now (0: the next) fails with cudaErrorLaunchFailure; sticky, as on a GPU.
void fail_kernel_launch(std::uint64_t n);
// Forgets a failed launch and all allocations: a fresh process's device.
void reset_device();
// As at start, when no kernel is loaded: each is at its first use, which a capture does not allow.
void unload_kernels();

// Kernels that the PTX holds (made by nvcc of the same source) run from it from now on: files, separated by
// ':'; HARDY_EMULATION_PTX names those of the whole run. In reports such kernels' places are lines of PTX.
void load_ptx(const std::string& paths);
void load_ptx_text(const std::string& text);
void unload_ptx();
std::vector<std::string> kernels_run_from_ptx();  // mangled; of the loaded, those that ran since

}  // namespace hardy::emulation
