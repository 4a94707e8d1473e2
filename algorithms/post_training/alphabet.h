// Text as tokens: one a character, and one that ends an answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hardy::algorithms {

class Alphabet {
 public:
  // Every character once, in the order of their tokens; the end is the token behind the last.
  explicit Alphabet(std::string characters);

  const std::string& characters() const { return characters_; }
  std::int32_t size() const { return static_cast<std::int32_t>(characters_.size()) + 1; }
  std::int32_t end() const { return static_cast<std::int32_t>(characters_.size()); }
  // An Error that names the first character which is none of its own; `where` says whose text it is.
  std::vector<std::int32_t> encode(std::string_view text, const std::string& where) const;
  std::string decode(const std::vector<std::int32_t>& tokens) const;  // up to the first end

 private:
  std::string characters_;
  std::int32_t token_[256];
};

}  // namespace hardy::algorithms
