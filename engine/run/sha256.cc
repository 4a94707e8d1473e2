#include "engine/run/sha256.h"

// The function alone: OpenSSL's newer interface brings the whole of libcrypto along, which a small library
// that links it statically would then hold.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <new>

namespace hardy::run {
namespace {

SHA256_CTX* of(std::array<std::byte, 112>& state) {
  static_assert(sizeof(SHA256_CTX) == sizeof state && alignof(SHA256_CTX) <= 8);
  return std::launder(reinterpret_cast<SHA256_CTX*>(state.data()));
}

}  // namespace

Sha256::Sha256() {
  ::new (state_.data()) SHA256_CTX;
  SHA256_Init(of(state_));
}

void Sha256::add(const void* data, std::size_t bytes) { SHA256_Update(of(state_), data, bytes); }

std::string Sha256::hex() {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256_Final(digest, of(state_));
  std::string text;
  for (const unsigned char byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace hardy::run
