#include "cuda/emulation/run/streams.h"

#include <limits>
#include <mutex>
#include <utility>

#include "cuda/emulation/control.h"
#include "cuda/emulation/run/memory.h"

namespace hardy::emulation {
namespace {

constexpr unsigned long long kAll = std::numeric_limits<unsigned long long>::max();

CUstream_st default_stream;
unsigned long long sequence_number = 0;
cudaError_t last = cudaSuccess, sticky = cudaSuccess;

std::recursive_mutex& api_mutex() {
  static auto* mutex = new std::recursive_mutex;
  return *mutex;
}

bool any_capture() {
  for (const CUstream_st* s : all_streams())
    if (s->capture != nullptr) return true;
  return false;
}

void spoil_captures() {
  for (CUstream_st* s : all_streams())
    if (s->capture != nullptr) s->capture_spoilt = true;
}

}  // namespace

std::vector<CUstream_st*>& all_streams() {
  static auto* streams = new std::vector<CUstream_st*>;
  return *streams;
}

ApiCall::ApiCall() { api_mutex().lock(); }
ApiCall::~ApiCall() { api_mutex().unlock(); }

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess) last = error;
  return error;
}
cudaError_t take_last_error() {
  const cudaError_t error = peek_last_error();
  last = cudaSuccess;
  return error;
}
cudaError_t peek_last_error() { return sticky != cudaSuccess ? sticky : last; }
void set_sticky_error(cudaError_t error) {
  if (sticky == cudaSuccess) sticky = error;
}
cudaError_t sticky_error() { return sticky; }
void clear_errors() { last = sticky = cudaSuccess; }

CUstream_st* resolve(cudaStream_t stream) {
  return stream == nullptr || stream == cudaStreamLegacy || stream == cudaStreamPerThread ? &default_stream
                                                                                          : stream;
}

unsigned long long last_sequence() { return sequence_number; }

void run_until(CUstream_st* stream, unsigned long long sequence) {
  while (!stream->queue.empty() && stream->queue.front().sequence <= sequence) {
    const CUstream_st::Queued next = std::move(stream->queue.front());
    stream->queue.pop_front();
    // The default stream and those that are not non-blocking wait for each other.
    if (stream == &default_stream) {
      for (CUstream_st* other : all_streams())
        if (!other->nonblocking) run_until(other, next.sequence);
    } else if (!stream->nonblocking) {
      run_until(&default_stream, next.sequence);
    }
    if (sticky != cudaSuccess) continue;  // nothing runs on a device whose launch has failed
    device_memory().open();
    next.work.run();
    device_memory().close();
  }
}

void run_all() {
  // The newest stream first: work that forgot to wait for another stream runs before it.
  for (std::size_t i = all_streams().size(); i-- > 0;) run_until(all_streams()[i], kAll);
  run_until(&default_stream, kAll);
}

cudaError_t refuse_while_capturing() {
  if (!any_capture()) return cudaSuccess;
  spoil_captures();
  return remember(cudaErrorStreamCaptureUnsupported);
}

cudaError_t enqueue(cudaStream_t stream, Work work) {
  CUstream_st* s = resolve(stream);
  if (sticky != cudaSuccess) return sticky;
  if (s->capture != nullptr) {
    s->capture->nodes.push_back({std::move(work)});
    return cudaSuccess;
  }
  if (s == &default_stream && any_capture()) {
    spoil_captures();
    return remember(cudaErrorStreamCaptureImplicit);
  }
  s->queue.push_back({++sequence_number, std::move(work)});
  if (!options().lazy_streams) run_until(s, kAll);
  return sticky;
}

}  // namespace hardy::emulation
