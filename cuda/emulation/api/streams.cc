// Streams and events.
#include "cuda/emulation/run/streams.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>

#include "cuda/emulation/run/report.h"
#include "cuda/emulation/run/statistics.h"

namespace hardy::emulation {
namespace {

constexpr unsigned long long kAll = std::numeric_limits<unsigned long long>::max();

double milliseconds() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Whether the stream's work up to that number has run; it is an error of the program to wait where it never
// will.
cudaError_t state_of(const CUstream_st* stream, unsigned long long sequence) {
  if (const cudaError_t error = sticky_error(stream->device); error != cudaSuccess) return error;
  return stream->reaches(sequence) ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t waited_for(const CUstream_st* stream, unsigned long long sequence, const char* call) {
  const cudaError_t state = state_of(stream, sequence);
  if (state == cudaErrorNotReady)
    fail("%s waits for ever: an exchange in this stream waits for a device that does not come", call);
  return state;
}

bool exists(cudaStream_t stream) {
  return resolve(stream) != stream ||
         std::find(all_streams().begin(), all_streams().end(), stream) != all_streams().end();
}

}  // namespace
}  // namespace hardy::emulation

using namespace hardy::emulation;  // NOLINT(google-build-using-namespace): the API is C's

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  const ApiCall api;
  *stream = new CUstream_st;
  (*stream)->nonblocking = (flags & cudaStreamNonBlocking) != 0;
  (*stream)->device = current_device();
  all_streams().push_back(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  return cudaStreamCreateWithFlags(stream, flags);
}
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  *least = 0;
  *greatest = -5;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const ApiCall api;
  if (!exists(stream) || resolve(stream) != stream) return remember(cudaErrorInvalidResourceHandle);
  run_until(stream, kAll);
  std::erase(all_streams(), stream);
  static auto* gone = new std::vector<std::unique_ptr<CUstream_st>>;  // events may still name it
  gone->emplace_back(stream);
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const ApiCall api;
  if (!exists(stream)) return remember(cudaErrorInvalidResourceHandle);
  CUstream_st* s = resolve(stream);
  if (s->capture != nullptr) {
    s->capture_spoilt = true;
    return remember(cudaErrorStreamCaptureUnsupported);
  }
  ++counters().synchronisations;
  run_until(s, kAll);
  return waited_for(s, kAll, "cudaStreamSynchronize");
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  const ApiCall api;
  run_until(resolve(stream), kAll);
  return state_of(resolve(stream), kAll);
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const ApiCall api;
  if (event->capture != nullptr) {  // a capture forks to this stream, or joins
    CUstream_st* s = resolve(stream);
    if (s->capture == nullptr) {
      s->capture = event->capture;
      s->tips.clear();
    }
    s->tips.insert(s->tips.end(), event->tips.begin(), event->tips.end());
    std::ranges::sort(s->tips);
    s->tips.erase(std::ranges::unique(s->tips).begin(), s->tips.end());
    return cudaSuccess;
  }
  if (event->stream == nullptr) return cudaSuccess;
  return enqueue(stream, {WorkKind::kEvent, [other = event->stream, sequence = event->sequence] {
                            run_until(other, sequence);
                            if (!other->reaches(sequence)) stick();
                          }});
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* argument) {
  const ApiCall api;
  return enqueue(stream, {WorkKind::kHost, [=] { function(argument); }});
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new CUevent_st;
  (*event)->device = current_device();
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const ApiCall api;
  if (event->stream != nullptr) run_until(event->stream, event->sequence);
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const ApiCall api;
  CUstream_st* s = resolve(stream);
  if (s->device != event->device) return remember(cudaErrorInvalidResourceHandle);
  event->capture = s->capture;
  event->tips = s->tips;
  if (s->capture != nullptr) return cudaSuccess;
  event->stream = s;
  event->recorded = true;
  const cudaError_t error =
      enqueue(stream, {WorkKind::kEvent, [event] { event->milliseconds = milliseconds(); }});
  event->sequence = last_sequence();
  return error;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const ApiCall api;
  ++counters().synchronisations;
  if (event->stream == nullptr) return sticky_error(event->device);
  run_until(event->stream, event->sequence);
  return waited_for(event->stream, event->sequence, "cudaEventSynchronize");
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  const ApiCall api;
  if (event->stream == nullptr) return sticky_error(event->device);
  run_until(event->stream, event->sequence);
  return state_of(event->stream, event->sequence);
}
cudaError_t cudaEventElapsedTime(float* elapsed, cudaEvent_t start, cudaEvent_t stop) {
  const ApiCall api;
  if (!start->recorded || !stop->recorded) return remember(cudaErrorInvalidResourceHandle);
  cudaEventQuery(start);
  cudaEventQuery(stop);
  *elapsed = static_cast<float>(stop->milliseconds - start->milliseconds);
  return cudaSuccess;
}
}
