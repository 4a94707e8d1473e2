#include "cuda/emulation/run/streams.h"

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <utility>

#include "cuda/emulation/control.h"
#include "cuda/emulation/run/memory.h"

namespace hardy::emulation {
namespace {

constexpr unsigned long long kAll = std::numeric_limits<unsigned long long>::max();

thread_local int device_of_thread = 0;
int device_at_work = -1;
CUstream_st* stream_at_work = nullptr;
unsigned long long sequence_number = 0;
cudaError_t last = cudaSuccess;

std::map<int, cudaError_t>& sticky() {  // by device
  static auto* errors = new std::map<int, cudaError_t>;
  return *errors;
}

std::map<int, CUstream_st>& default_streams() {  // by device
  static auto* streams = new std::map<int, CUstream_st>;
  return *streams;
}
CUstream_st* default_stream(int device) {
  CUstream_st* stream = &default_streams()[device];
  stream->device = device;
  return stream;
}
bool is_default(const CUstream_st* stream) { return stream == default_stream(stream->device); }

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
cudaError_t peek_last_error() {
  const cudaError_t error = sticky_error(device_of_thread);
  return error != cudaSuccess ? error : last;
}
void set_sticky_error(cudaError_t error) { sticky().emplace(device_at_work, error); }  // the first stays
cudaError_t sticky_error(int device) {
  const auto found = sticky().find(device);
  return found == sticky().end() ? cudaSuccess : found->second;
}
void clear_errors() {
  last = cudaSuccess;
  sticky().clear();
}

CUstream_st* resolve(cudaStream_t stream) {
  const bool named = stream != nullptr && stream != cudaStreamLegacy && stream != cudaStreamPerThread;
  return named ? stream : default_stream(device_of_thread);
}
int current_device() { return device_of_thread; }
int working_device() { return device_at_work; }
bool is_stuck() { return stream_at_work->stuck_at != 0; }
void stick() { stream_at_work->stuck_at = stream_at_work->at_work; }
bool has_stuck_work(int device) {
  return std::ranges::any_of(
      all_streams(), [device](const CUstream_st* s) { return s->device == device && s->stuck_at != 0; });
}
void drop_stuck_work(int device) {
  for (CUstream_st* s : all_streams()) {
    if (s->device != device || s->stuck_at == 0) continue;
    s->queue.clear();
    s->stuck_at = 0;
  }
}
void set_current_device(int device) { device_of_thread = device; }

unsigned long long last_sequence() { return sequence_number; }

void run_until(CUstream_st* stream, unsigned long long sequence) {
  while (stream->stuck_at == 0 && !stream->queue.empty() && stream->queue.front().sequence <= sequence) {
    const CUstream_st::Queued next = std::move(stream->queue.front());
    stream->queue.pop_front();
    // A device's default stream and those of its others that are not non-blocking wait for each other.
    if (is_default(stream)) {
      for (CUstream_st* other : all_streams())
        if (!other->nonblocking && other->device == stream->device) run_until(other, next.sequence);
    } else if (!stream->nonblocking) {
      run_until(default_stream(stream->device), next.sequence);
    }
    if (sticky_error(stream->device) != cudaSuccess) continue;  // nothing runs on a device that has failed
    device_memory().open();
    const int device_before = std::exchange(device_at_work, stream->device);
    CUstream_st* const stream_before = std::exchange(stream_at_work, stream);
    stream->at_work = next.sequence;
    next.work.run();
    stream_at_work = stream_before;
    device_at_work = device_before;
    device_memory().close();
  }
}

void run_device(int device) {
  // The newest stream first: work that forgot to wait for another stream runs before it.
  for (std::size_t i = all_streams().size(); i-- > 0;)
    if (all_streams()[i]->device == device) run_until(all_streams()[i], kAll);
  run_until(default_stream(device), kAll);
}

void run_device_until(int device, const std::function<bool()>& done) {
  for (std::size_t i = all_streams().size(); i-- > 0;) {
    CUstream_st* const s = all_streams()[i];
    while (s->device == device && s->stuck_at == 0 && !s->queue.empty() && !done())
      run_until(s, s->queue.front().sequence);
  }
}

void run_all() {
  for (std::size_t i = all_streams().size(); i-- > 0;) run_until(all_streams()[i], kAll);
  for (auto& [device, stream] : default_streams()) run_until(&stream, kAll);
}

cudaError_t refuse_while_capturing() {
  if (!any_capture()) return cudaSuccess;
  spoil_captures();
  return remember(cudaErrorStreamCaptureUnsupported);
}

cudaError_t enqueue(cudaStream_t stream, Work work) {
  CUstream_st* s = resolve(stream);
  if (const cudaError_t error = sticky_error(s->device); error != cudaSuccess) return error;
  if (s->capture != nullptr) {
    s->capture->nodes.push_back({std::move(work), s->tips});
    s->tips = {s->capture->nodes.size() - 1};
    return cudaSuccess;
  }
  if (is_default(s) && any_capture()) {
    spoil_captures();
    return remember(cudaErrorStreamCaptureImplicit);
  }
  s->queue.push_back({++sequence_number, std::move(work)});
  const auto meets = [](const CUstream_st::Queued& q) { return q.work.meets; };
  if (!options().lazy_streams && std::ranges::none_of(s->queue, meets)) run_until(s, kAll);
  return sticky_error(s->device);
}

}  // namespace hardy::emulation
