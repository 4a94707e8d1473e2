// What a plan needs of the machine it runs on: memory, streams and events, capture and replay of what a
// stream was given, and a table of kernels by op. Devices register at start (RegisterBackend); an engine
// that was built without one simply lacks it.
//
//   std::unique_ptr<Device> gpu = open_device("cuda:0");
//   Plan plan(g, {loss}, {.device = gpu.get()});
//   plan.bind(x, memory_on_the_gpu);
//   const auto step = stream->capture([&] { plan.enqueue(*stream); });
//   stream->replay(*step);
//
// Nothing here is called once a step has been captured, but replay(): a step costs no virtual call, no
// look-up and no allocation.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/graph/op.h"

namespace hardy::graph {

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
  // What body puts in is kept instead of run.
  virtual std::unique_ptr<Captured> capture(const std::function<void()>& body) = 0;
  virtual void replay(const Captured& captured) = 0;
};

// Puts one op's work into the stream, which is of the kernel's own backend. Throws an Error that names the
// kernel where it cannot be launched.
using DeviceKernel = void (*)(const KernelCall&, Stream&);

struct DeviceInfo {
  std::string name;   // "cuda:0"
  std::string about;  // "NVIDIA H100 80GB HBM3, compute capability 9.0"
  std::size_t memory_bytes = 0, memory_free_bytes = 0;
};

struct DeviceOptions {
  bool tf32 = false;   // f32 matrix products may round their operands to TF32
  bool check = false;  // steps run kernel by kernel, each waited for, so that a failing one is named
};

class Device {
 public:
  virtual ~Device() = default;
  virtual DeviceInfo info() const = 0;
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
  const DeviceOptions& options() const { return options_; }

 protected:
  explicit Device(const DeviceOptions& options) : options_(options) {}

 private:
  DeviceOptions options_;
};

// Device memory with its owner.
struct ReleaseMemory {
  Device* device = nullptr;
  void operator()(void* memory) const { device->release(memory); }
};
using DeviceMemory = std::unique_ptr<void, ReleaseMemory>;
inline DeviceMemory allocate(Device& device, std::size_t bytes) {
  return DeviceMemory(device.allocate(bytes), ReleaseMemory{&device});
}

struct ReleasePinned {
  Device* device = nullptr;
  void operator()(void* memory) const { device->release_pinned(memory); }
};
using PinnedMemory = std::unique_ptr<void, ReleasePinned>;
inline PinnedMemory allocate_pinned(Device& device, std::size_t bytes) {
  return PinnedMemory(device.allocate_pinned(bytes), ReleasePinned{&device});
}

// --- the table of kernels ------------------------------------------------------------------------

// A pointwise functor's derivative by operand j has the key "name/dj", its second by j and k "name/dj/dk",
// any other op its name.
std::string kernel_key(const Op& op);
struct RegisterKernel {
  RegisterKernel(const std::string& backend, const std::string& key, DeviceKernel kernel);
};
DeviceKernel find_kernel(const std::string& backend, const std::string& key);  // null: there is none
std::vector<std::string> kernel_keys(const std::string& backend);

// --- the backends --------------------------------------------------------------------------------

struct Backend {
  std::string name;                      // "cuda"
  std::vector<DeviceInfo> (*devices)();  // what is seen
  std::string (*obstacle)();             // why none can be used; "" if one can
  std::unique_ptr<Device> (*open)(int index, const DeviceOptions& options);  // index < devices().size()
};
struct RegisterBackend {
  explicit RegisterBackend(const Backend& backend);
};
const std::vector<Backend>& backends();
// Loads libhardy_<name>.so where it lies beside this library and the backend is not there yet; false where
// there is none. An Error where it cannot be loaded.
bool load_backend(const std::string& name);

// "cuda" (its first device), "cuda:1". An Error: no such backend (and what adds it), no device, no such
// index.
std::unique_ptr<Device> open_device(const std::string& name, const DeviceOptions& options = {});
// What a command's --device chose: null for "cpu", where options that are for GPUs are an Error.
std::unique_ptr<Device> open_chosen_device(const std::string& name, const DeviceOptions& options);

}  // namespace hardy::graph
