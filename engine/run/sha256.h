// SHA-256 of bytes that come in pieces.
#pragma once

#include <array>
#include <cstddef>
#include <string>

namespace hardy::run {

class Sha256 {
 public:
  Sha256();
  void add(const void* data, std::size_t bytes);
  std::string hex();  // lowercase; nothing may be added afterwards

 private:
  alignas(8) std::array<std::byte, 112> state_;  // OpenSSL's SHA256_CTX
};

}  // namespace hardy::run
