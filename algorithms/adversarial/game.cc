#include "algorithms/adversarial/game.h"

#include "engine/base/error.h"
#include "engine/base/text.h"

namespace hardy::algorithms {

double Game::key(const std::string& name) const {
  const auto found = keys.find(name);
  if (found == keys.end())
    throw Error("the method has no key '" + name + "'", "regret run", "RegretMethod::keys declares them");
  return found->second;
}

RandomChoice parse_random(const std::string& text) {
  if (text == "philox") return {};
  if (text.starts_with("splitmix64:"))
    if (const auto seed = to_integer(text.substr(11)); seed && *seed >= 0)
      return {true, static_cast<std::uint64_t>(*seed)};
  throw Error("'" + text + "' names no random numbers", "--random", "philox, or splitmix64:SEED");
}

}  // namespace hardy::algorithms
