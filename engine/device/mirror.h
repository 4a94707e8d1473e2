// Host memory with a copy on a device: what binds a plan's inputs on either side. place(p) is p's twin;
// ranges of what is already there share it.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/device/device.h"

namespace hardy::device {

class Mirror {
 public:
  explicit Mirror(Device& device) : device_(device), stream_(device.stream()) {}

  Device& device() { return device_; }
  Stream& stream() { return *stream_; }  // the one that training steps run in

  // The device's copy of [host, host + bytes), made and filled where there is none yet.
  void* place(const void* host, std::size_t bytes);
  template <class T>
  T* place_of(T* host, std::size_t count) {
    return static_cast<T*>(place(host, count * sizeof(T)));
  }
  // Brings one side up to date, in the stream's order; the range has a place.
  void upload(const void* host, std::size_t bytes);
  void download(void* host, std::size_t bytes);

 private:
  struct Region {
    const std::byte* host;
    std::size_t bytes;
    Memory memory;
  };
  std::byte* find(const void* host, std::size_t bytes) const;  // null: has no place

  Device& device_;
  std::unique_ptr<Stream> stream_;
  std::vector<Region> regions_;
};

}  // namespace hardy::device
