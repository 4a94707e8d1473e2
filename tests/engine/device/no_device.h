// A device that a test makes up, of a backend of the test's: its memory is the host's, and what is put into
// its streams is not done.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "engine/device/device.h"

namespace hardy::test {

using device::Captured;
using device::Event;
using device::Stream;

class NoStream final : public Stream {
 public:
  void copy_in(void*, const void*, std::size_t) override {}
  void copy_out(void*, const void*, std::size_t) override {}
  void copy(void*, const void*, std::size_t) override {}
  void record(Event&) override {}
  void wait(const Event&) override {}
  void synchronise() override {}
  std::unique_ptr<Captured> capture(const std::function<void()>&) override { return nullptr; }
  void replay(const Captured&) override {}
  Stream& branch(std::size_t) override { return *this; }
};
class NoDevice final : public device::Device {
 public:
  explicit NoDevice(std::string backend) : Device({}), backend_(std::move(backend)) {}
  device::Info info() const override { return {backend_ + ":0", "", 0, 0}; }
  const std::string& backend() const override { return backend_; }
  void* allocate(std::size_t bytes) override { return std::malloc(bytes); }
  void release(void* memory) noexcept override { std::free(memory); }
  void upload(void*, const void*, std::size_t) override {}
  void download(void*, const void*, std::size_t) override {}
  void* allocate_pinned(std::size_t bytes) override { return std::malloc(bytes); }
  void release_pinned(void* memory) noexcept override { std::free(memory); }
  std::unique_ptr<Stream> stream() override { return std::make_unique<NoStream>(); }
  std::unique_ptr<Event> event() override { return nullptr; }

 private:
  std::string backend_;
};

}  // namespace hardy::test
