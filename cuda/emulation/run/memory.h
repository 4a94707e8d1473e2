// Device memory: one arena that host code cannot touch outside of device work, filled with 0xff when fresh.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>

namespace hardy::emulation {

class DeviceMemory {
 public:
  static constexpr std::size_t kRedZone = 256;  // between allocations

  struct Allocation {
    std::size_t bytes = 0;
    int device = 0;
    bool freed = false;
  };

  // Null: more than options().memory of that device would be in use.
  void* allocate(std::size_t bytes, int device);
  bool release(void* pointer);  // false: not the start of a live allocation
  void clear();                 // every allocation is gone
  std::size_t used(int device) const;
  int device_of(const void* address) const;  // -1: in no allocation

  bool contains(const void* address) const {
    const char* a = static_cast<const char*>(address);
    return base_ != nullptr && a >= base_ && a < base_ + kArena;
  }
  std::size_t offset(const void* address) const {
    return static_cast<std::size_t>(static_cast<const char*>(address) - base_);
  }
  // [address, address + bytes) lies in one live allocation; true for host memory too.
  bool in_bounds(const void* address, std::size_t bytes) const;
  // The allocation that begins last at or before `address`, and how far behind its start that is.
  struct Place {
    std::size_t offset = 0, bytes = 0;
    bool freed = false;
  };
  Place locate(const void* address) const;
  // "4 bytes past the end of an allocation of 256 bytes", "in an allocation of 256 bytes that was freed".
  std::string describe(const void* address) const;

  void* allocate_pinned(std::size_t bytes);
  bool release_pinned(void* pointer);
  bool is_pinned(const void* address) const;

  // Between open() and close() the arena can be read and written; calls nest.
  void open();
  void close();

  static constexpr std::size_t kArena = std::size_t{1} << 34;

 private:
  void reserve();
  void protect(std::size_t from, std::size_t to, bool accessible);

  char* base_ = nullptr;
  std::size_t end_ = 0;                    // of what has ever been given out
  std::map<int, std::size_t> used_bytes_;  // by device
  int open_ = 0;
  std::map<const char*, Allocation> allocations_;         // live and freed, by address
  std::multimap<std::size_t, const char*> free_by_size_;  // whole slots, oldest first
  std::map<const char*, std::size_t> pinned_;
};
DeviceMemory& device_memory();

}  // namespace hardy::emulation
