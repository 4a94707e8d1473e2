#include "algorithms/post_training/alphabet.h"

#include <algorithm>

#include "engine/base/error.h"

namespace hardy::algorithms {

Alphabet::Alphabet(std::string characters) : characters_(std::move(characters)) {
  std::fill(std::begin(token_), std::end(token_), -1);
  for (std::size_t i = 0; i < characters_.size(); ++i) {
    std::int32_t& token = token_[static_cast<unsigned char>(characters_[i])];
    if (token >= 0) throw Error(std::string("holds '") + characters_[i] + "' twice", "alphabet");
    token = static_cast<std::int32_t>(i);
  }
}

std::vector<std::int32_t> Alphabet::encode(std::string_view text, const std::string& where) const {
  std::vector<std::int32_t> tokens;
  tokens.reserve(text.size());
  for (const char c : text) {
    const std::int32_t token = token_[static_cast<unsigned char>(c)];
    if (token < 0)
      throw Error(std::string("holds '") + c + "', which the policy has no token for", where,
                  "its characters are " + characters_);
    tokens.push_back(token);
  }
  return tokens;
}

std::string Alphabet::decode(const std::vector<std::int32_t>& tokens) const {
  std::string text;
  for (const std::int32_t token : tokens) {
    if (token < 0 || token >= end()) break;
    text += characters_[static_cast<std::size_t>(token)];
  }
  return text;
}

}  // namespace hardy::algorithms
