// SHA-256 of bytes that come in pieces.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace hardy::run {

class Sha256 {
 public:
  Sha256();
  void add(const void* data, std::size_t bytes);
  std::string hex();  // lowercase; nothing may be added afterwards

 private:
  std::shared_ptr<void> context_;
};

}  // namespace hardy::run
