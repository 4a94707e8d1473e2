// SHA-256 of memory and files (OpenSSL's): checkpoints, policies and datasets are known by it.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

namespace hardy::run {

class Sha256 {
 public:
  using Digest = std::array<unsigned char, 32>;

  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(const void* data, std::size_t bytes);
  Digest digest();  // ends the computation

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string hex(const Sha256::Digest& digest);
std::string sha256_of_file(const std::filesystem::path& path);  // hexadecimal

}  // namespace hardy::run
