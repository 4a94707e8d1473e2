#include "engine/run/sha256.h"

#include <openssl/evp.h>

namespace hardy::run {
namespace {

EVP_MD_CTX* of(const std::shared_ptr<void>& context) { return static_cast<EVP_MD_CTX*>(context.get()); }

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  EVP_DigestInit_ex(of(context_), EVP_sha256(), nullptr);
}

void Sha256::add(const void* data, std::size_t bytes) { EVP_DigestUpdate(of(context_), data, bytes); }

std::string Sha256::hex() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int n = 0;
  EVP_DigestFinal_ex(of(context_), digest, &n);
  std::string text;
  for (unsigned int i = 0; i < n; ++i) {
    text += "0123456789abcdef"[digest[i] >> 4];
    text += "0123456789abcdef"[digest[i] & 15];
  }
  return text;
}

}  // namespace hardy::run
