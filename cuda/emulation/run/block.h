// The block that runs: its threads, their order, and where they wait. There is one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "cuda/emulation/device/warp.h"
#include "cuda/emulation/include/cuda_runtime_api.h"
#include "cuda/emulation/run/fibers.h"

namespace hardy::emulation {

enum class ThreadState : std::uint8_t { kUnstarted, kReady, kWaiting, kDone };

struct Thread {
  ThreadState state = ThreadState::kUnstarted;
  bool at_barrier = false;  // else it waits in a warp collective
  Fiber* fiber = nullptr;
  Site site{};  // where it waits
};

struct WarpCollective {
  unsigned mask, arrived, left;
  bool complete;
  WarpOp op;
  Site site;
  WarpValues values;
};

struct Warp {
  unsigned exited = 0;
  unsigned used = 0;  // which of `pending` are in flight
  WarpCollective pending[32];
};

struct Barrier {
  int arrived = 0, generation = 0;
  int count = 0, all = 1, any = 0;                       // of the barrier that gathers
  int count_result = 0, all_result = 1, any_result = 0;  // of the last one that opened
  BarrierKind kind{};
  Site site{};
};

struct Block {
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  std::vector<int> order;
  std::size_t next_unstarted = 0;  // in `order`
  int current = -1;                // index of the running thread
  int live = 0;
  bool progress = false;
  Barrier barrier;
  cudaError_t failed = cudaSuccess;
  const std::function<void()>* body = nullptr;
  char start_token = 0, end_token = 0, barrier_token[2] = {};  // ThreadSanitizer's edges
};
Block& block();

// Runs a block of blockDim threads to its end; an error if one of them failed.
cudaError_t run_block(const std::function<void()>& body);
// The running thread waits until another makes it ready.
void wait(Site site, bool at_barrier);
// Barriers and collectives no longer wait for the running thread (run/barriers.cc).
void leave_collectives();
// The running thread and its block are given up.
[[noreturn]] void abandon_block(cudaError_t error);
uint3 thread_index(unsigned rank);

}  // namespace hardy::emulation
