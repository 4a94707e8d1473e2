#include "engine/device/mirror.h"

#include "engine/base/error.h"

namespace hardy::device {

std::byte* Mirror::find(const void* host, std::size_t bytes) const {
  const auto* at = static_cast<const std::byte*>(host);
  for (const Region& r : regions_)
    if (at >= r.host && at + bytes <= r.host + r.bytes)
      return static_cast<std::byte*>(r.memory.get()) + (at - r.host);
  return nullptr;
}

void* Mirror::place(const void* host, std::size_t bytes) {
  if (void* found = find(host, bytes)) return found;
  regions_.push_back({static_cast<const std::byte*>(host), bytes, allocate(device_, bytes)});
  upload(host, bytes);
  return regions_.back().memory.get();
}

void Mirror::upload(const void* host, std::size_t bytes) {
  std::byte* to = find(host, bytes);
  if (!to) throw Error::failed_run("this memory has no place on the device", device_.info().name);
  stream_->copy_in(to, host, bytes);
}

void Mirror::download(void* host, std::size_t bytes) {
  const std::byte* from = find(host, bytes);
  if (!from) throw Error::failed_run("this memory has no place on the device", device_.info().name);
  stream_->copy_out(host, from, bytes);
  stream_->synchronise();
}

}  // namespace hardy::device
