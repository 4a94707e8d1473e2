#include "datasets/summary.h"

namespace hardy::datasets {

Episodes episodes_of(const Arrays& arrays) {
  Episodes e;
  const std::vector<float> rewards = arrays.at("rewards").floats(),
                           terminals = arrays.at("terminals").floats();
  const std::vector<float> timeouts =
      arrays.count("timeouts") ? arrays.at("timeouts").floats() : std::vector<float>(rewards.size(), 0);
  double total = 0;
  std::int64_t length = 0;
  for (std::size_t i = 0; i < rewards.size(); ++i) {
    total += rewards[i];
    ++length;
    const bool terminal = terminals[i] != 0, timeout = timeouts[i] != 0;
    if (!terminal && !timeout && i + 1 < rewards.size()) continue;
    e.returns.push_back(total);
    e.lengths.push_back(length);
    e.terminated += terminal;
    e.timed_out += timeout && !terminal;
    total = 0;
    length = 0;
  }
  return e;
}

}  // namespace hardy::datasets
