// Values as bytes, and parts of a whole that processes exchange. Between builds of one kind alone: numbers
// are as memory has them. A type that memory does not hold in one piece says its parts, in its own namespace:
//
//   template <class Part>
//   void each_part(comm::Of<Answer> auto& a, const Part& part) { part(a.tokens), part(a.ended); }
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "engine/base/error.h"
#include "engine/comm/ranks.h"

namespace hardy::comm {

template <class T, class Whole>
concept Of = std::is_same_v<std::remove_const_t<T>, Whole>;

class Packer {
 public:
  std::vector<std::byte> bytes;

  template <class T>
  void put(const T& x) {
    if constexpr (std::is_trivially_copyable_v<T>) {
      put_raw(&x, sizeof x);
    } else {
      each_part(x, [this](const auto& part) { this->put(part); });
    }
  }
  template <class T>
  void put(const std::vector<T>& all) {
    put(all.size());
    if constexpr (std::is_trivially_copyable_v<T>) {
      put_raw(all.data(), all.size() * sizeof(T));
    } else {
      for (const T& x : all) put(x);
    }
  }
  void put(const std::string& text) {
    put(text.size());
    put_raw(text.data(), text.size());
  }

 private:
  void put_raw(const void* from, std::size_t n) {
    const auto* at = static_cast<const std::byte*>(from);
    bytes.insert(bytes.end(), at, at + n);
  }
};

// Throws an Error where the bytes are fewer than what is asked of them.
class Unpacker {
 public:
  explicit Unpacker(std::span<const std::byte> bytes) : bytes_(bytes) {}
  bool at_end() const { return bytes_.empty(); }

  template <class T>
  void get(T& x) {
    if constexpr (std::is_trivially_copyable_v<T>) {
      get_raw(&x, sizeof x);
    } else {
      each_part(x, [this](auto& part) { this->get(part); });
    }
  }
  template <class T>
  void get(std::vector<T>& all) {
    if constexpr (std::is_trivially_copyable_v<T>) {
      all.resize(size_of_next(sizeof(T)));
      get_raw(all.data(), all.size() * sizeof(T));
    } else {
      all.resize(size_of_next(1));
      for (T& x : all) get(x);
    }
  }
  void get(std::string& text) {
    text.resize(size_of_next(1));
    get_raw(text.data(), text.size());
  }

 private:
  std::size_t size_of_next(std::size_t each) {
    std::size_t n = 0;
    get(n);
    if (n > bytes_.size() / each) refuse();
    return n;
  }
  void get_raw(void* to, std::size_t n) {
    if (bytes_.size() < n) refuse();
    if (n > 0) std::memcpy(to, bytes_.data(), n);
    bytes_ = bytes_.subspan(n);
  }
  [[noreturn]] static void refuse() { throw Error("what another rank sent is not whole", "ranks"); }

  std::span<const std::byte> bytes_;
};

// Rank r has filled things [bounds[r], bounds[r + 1]), and all ranks have all of them afterwards. An Error
// where another rank's are not so many.
template <class T>
void exchange(Ranks& ranks, std::span<T> things, const std::vector<std::size_t>& bounds) {
  if (ranks.size() == 1) return;
  const auto part = [&](std::size_t r) { return things.subspan(bounds[r], bounds[r + 1] - bounds[r]); };
  const auto own = static_cast<std::size_t>(ranks.rank());
  Packer mine;
  for (const T& x : part(own)) mine.put(x);
  const auto all = gather_all(ranks, mine.bytes);
  for (std::size_t r = 0; r < all.size(); ++r) {
    if (r == own) continue;
    Unpacker theirs(all[r]);
    for (T& x : part(r)) theirs.get(x);
    if (!theirs.at_end()) throw Error("another rank sent more than its share", "ranks");
  }
}

}  // namespace hardy::comm
