// Several devices of one backend that exchange memory within their streams, so that the exchange is part of a
// captured step. Nothing is summed on the way, as among processes (engine/comm/ranks.h): who gathers sums in
// the order of the pieces.
//
//   const auto group = device::make_group(devices);         // needed once
//   group->gather(streams, all, bytes);                     // within the captures of all of the streams
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "engine/device/device.h"

namespace hardy::device {

class Group {
 public:
  virtual ~Group() = default;
  Group() = default;
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  // Puts one exchange into each device's stream: all[d], on the d-th device, holds as many pieces of `bytes`
  // as there are devices; it has its own, the d-th, in place, and all of them afterwards. A device waits
  // there until the others have come.
  virtual void gather(std::span<Stream* const> streams, std::span<void* const> all, std::size_t bytes) = 0;
  // After one of the devices has failed: whoever waits for it waits no longer. What is in the streams is lost
  // and nothing more can be gathered. Captured steps that gather are gone before, as before the destructor.
  virtual void abandon() noexcept = 0;
};

// An Error where their backend has none. At least two devices.
std::unique_ptr<Group> make_group(std::span<Device* const> devices);

}  // namespace hardy::device
