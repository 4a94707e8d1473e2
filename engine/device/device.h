// The seam to other processors: memory, streams and events, capture and replay of what a stream was given.
// What runs there is registered by name: an op's kernels (engine/graph/device_kernels.h) and work outside of
// graphs (launch.h). Backends bring devices (backends.h).
//
//   std::unique_ptr<device::Device> gpu = device::open_device("cuda:0");
//   const device::Memory memory = device::allocate(*gpu, bytes);
//   const auto stream = gpu->stream();
//   const auto step = stream->capture([&] { plan.enqueue(*stream); });
//   stream->replay(*step);
//
// Nothing here is called once a step has been captured, but replay(): a step costs no virtual call, no
// look-up and no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace hardy::device {

// Kernels that were captured, ready to be replayed as one.
class Captured {
 public:
  virtual ~Captured() = default;
  virtual std::size_t nodes() const = 0;  // kernels, copies and fills in it
};

// A point in a stream.
class Event {
 public:
  virtual ~Event() = default;
  virtual bool reached() const = 0;  // true as well while it was never recorded
  virtual void wait() const = 0;     // the host waits
};

// A queue of work: what is put in runs in order, later. Errors of work done come out of synchronise().
class Stream {
 public:
  virtual ~Stream() = default;
  // Host memory must stay as it is until the copy is done.
  virtual void copy_in(void* device, const void* host, std::size_t bytes) = 0;
  virtual void copy_out(void* host, const void* device, std::size_t bytes) = 0;
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;  // within the device
  virtual void record(Event& event) = 0;
  virtual void wait(const Event& event) = 0;  // work put in afterwards waits, the host does not
  virtual void synchronise() = 0;
  // A stream of this one's own, made at its first use, outside of a capture. What waits there for an event of
  // this stream, and what this one waits for there, becomes part of this one's capture.
  virtual Stream& branch(std::size_t index) = 0;
  // What body puts in is kept instead of run.
  virtual std::unique_ptr<Captured> capture(const std::function<void()>& body) = 0;
  virtual void replay(const Captured& captured) = 0;
};

struct Info {
  std::string name;   // "cuda:0"
  std::string about;  // "NVIDIA H100 80GB HBM3, compute capability 9.0"
  std::size_t memory_bytes = 0, memory_free_bytes = 0;
};

// What f32 matrix products are made of.
enum class Products : std::uint8_t {
  kF32,
  kThreeTf32,  // where they are large enough, three products on the tensor cores, as accurate as f32's
  kTf32        // their operands may be rounded to TF32
};

struct Options {
  Products products = Products::kF32;
  bool check = false;         // steps run kernel by kernel, each waited for, so that a failing one is named
  std::int64_t branches = 6;  // of a step, side by side; 1: its kernels one after another
};

class Device {
 public:
  virtual ~Device() = default;
  virtual Info info() const = 0;
  virtual const std::string& backend() const = 0;
  virtual void* allocate(std::size_t bytes) = 0;  // zeroed; an Error says what is free
  virtual void release(void* memory) noexcept = 0;
  // At once, after all work of the device's streams.
  virtual void upload(void* device, const void* host, std::size_t bytes) = 0;
  virtual void download(void* host, const void* device, std::size_t bytes) = 0;
  virtual void* allocate_pinned(std::size_t bytes) = 0;  // host memory that copies overlap with
  virtual void release_pinned(void* memory) noexcept = 0;
  virtual std::unique_ptr<Stream> stream() = 0;
  virtual std::unique_ptr<Event> event() = 0;

  // An Error that says needed and free if `bytes` more would not fit.
  void require(std::size_t bytes) const;
  const Options& options() const { return options_; }

 protected:
  explicit Device(const Options& options) : options_(options) {}

 private:
  Options options_;
};

// Device memory with its owner.
struct ReleaseMemory {
  Device* device = nullptr;
  void operator()(void* memory) const { device->release(memory); }
};
using Memory = std::unique_ptr<void, ReleaseMemory>;
inline Memory allocate(Device& device, std::size_t bytes) {
  return Memory(device.allocate(bytes), ReleaseMemory{&device});
}

struct ReleasePinned {
  Device* device = nullptr;
  void operator()(void* memory) const { device->release_pinned(memory); }
};
using PinnedMemory = std::unique_ptr<void, ReleasePinned>;
inline PinnedMemory allocate_pinned(Device& device, std::size_t bytes) {
  return PinnedMemory(device.allocate_pinned(bytes), ReleasePinned{&device});
}

}  // namespace hardy::device
