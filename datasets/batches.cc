#include "datasets/batches.h"

#include <algorithm>

#include "engine/base/error.h"
#include "engine/base/random.h"

namespace hardy::datasets {

void sample_batch(const Transitions& t, std::int64_t size, std::uint64_t seed, std::uint64_t step,
                  TransitionBatch& b) {
  if (t.rows <= 0) throw Error("there is no transition to draw from");
  if (size <= 0) throw Error("a batch has 1 row or more", std::to_string(size));
  const Random random(seed, RandomStream::kBatch, step);
  b.size = size;
  const auto n = static_cast<std::size_t>(size);
  const auto draw = [&](const std::vector<float>& from, int width, std::vector<float>& to) {
    const auto w = static_cast<std::size_t>(width);
    to.resize(n * w);
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t row = random.integer(i, static_cast<std::uint32_t>(t.rows));
      std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(row * w), w,
                  to.begin() + static_cast<std::ptrdiff_t>(i * w));
    }
  };
  draw(t.observations, t.observation_size, b.observations);
  draw(t.actions, t.action_size, b.actions);
  draw(t.rewards, 1, b.rewards);
  draw(t.next_observations, t.observation_size, b.next_observations);
  draw(t.terminals, 1, b.terminals);
}

}  // namespace hardy::datasets
