// Streams: queues of work that runs as late as the API allows, so that a missing synchronisation shows.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "cuda/emulation/include/cuda_runtime_api.h"

namespace hardy::emulation {

enum class WorkKind { kKernel, kCopy, kSet, kHost, kEvent, kGraph };

struct Work {
  WorkKind kind;
  std::function<void()> run;
  bool meets = false;  // it waits for work of other devices: streams leave it until somebody waits for it
};

// One call of the API at a time: a lock for its duration; work that runs inside belongs to the call.
class ApiCall {
 public:
  ApiCall();
  ~ApiCall();
  ApiCall(const ApiCall&) = delete;
  ApiCall& operator=(const ApiCall&) = delete;
};

// Errors as the runtime keeps them: the last one until it is asked for, a failed launch of a device for ever.
cudaError_t remember(cudaError_t error);
cudaError_t take_last_error();
cudaError_t peek_last_error();
void set_sticky_error(cudaError_t error);  // of the device whose work runs
cudaError_t sticky_error(int device);
void clear_errors();

// Queues `work`, or records it where the stream is being captured.
cudaError_t enqueue(cudaStream_t stream, Work work);
void run_until(CUstream_st* stream, unsigned long long sequence);  // the stream's work up to that number
void run_device(int device);                                       // all streams of a device
void run_all();
void run_device_until(int device, const std::function<bool()>& done);  // its streams' work, one by one
// The stream whose work runs now waits for what will never come: nothing behind it runs.
void stick();
bool has_stuck_work(int device);
void drop_stuck_work(int device);  // of all its streams, with what is behind it
// For calls that wait: an error, and the capture is spoilt, where some stream is being captured.
cudaError_t refuse_while_capturing();
CUstream_st* resolve(cudaStream_t stream);  // the current device's default stream for its several names
// The calling thread's device: new streams and events are its, and so is the default stream.
int current_device();
int working_device();  // whose work runs now; -1: none does
bool is_stuck();       // the stream whose work runs now
void set_current_device(int device);
unsigned long long last_sequence();

}  // namespace hardy::emulation

struct CUgraphNode_st {
  hardy::emulation::Work work;
  std::vector<std::size_t> after;  // the nodes that it waits for, all earlier
};
struct CUgraph_st {
  std::vector<CUgraphNode_st> nodes;
};
struct CUgraphExec_st {
  std::vector<CUgraphNode_st> nodes;
};

struct CUstream_st {
  struct Queued {
    unsigned long long sequence;
    hardy::emulation::Work work;
  };
  std::deque<Queued> queue;
  CUgraph_st* capture = nullptr;
  bool capture_origin = false, capture_spoilt = false;
  std::vector<std::size_t> tips;  // of the capture: the nodes that this stream's next one waits for
  bool nonblocking = false;
  int device = 0;
  unsigned long long at_work = 0;   // the number of what runs now
  unsigned long long stuck_at = 0;  // the number of what never ends; 0: nothing

  bool reaches(unsigned long long sequence) const { return stuck_at == 0 || sequence < stuck_at; }
};

struct CUevent_st {
  unsigned long long sequence = 0;
  CUstream_st* stream = nullptr;  // where it was recorded
  CUgraph_st* capture = nullptr;  // recorded in a capture
  std::vector<std::size_t> tips;  // the stream's, then
  double milliseconds = 0;
  bool recorded = false;
  int device = 0;
};

namespace hardy::emulation {
std::vector<CUstream_st*>& all_streams();  // without the default ones
}  // namespace hardy::emulation
