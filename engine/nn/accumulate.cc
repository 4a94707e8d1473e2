#include "engine/nn/accumulate.h"

#include <algorithm>

#include "engine/base/threads.h"
#include "engine/nn/descent_formula.h"

namespace hardy::nn {
namespace {

constexpr std::int64_t kPiece = 8192;  // elements a task takes

}  // namespace

Accumulator::Accumulator(const std::vector<Accumulated>& parts, std::int64_t passes) : passes_(passes) {
  std::size_t all = 0;
  for (const Accumulated& part : parts) all += static_cast<std::size_t>(part.elements);
  sums_.reset(static_cast<float*>(allocate_zeroed(all * sizeof(float))));
  float* sum = sums_.get();
  for (const Accumulated& part : parts)
    for (std::int64_t at = 0; at < part.elements; at += kPiece) {
      const std::int64_t n = std::min(kPiece, part.elements - at);
      pieces_.push_back({part.value + at, sum, n});
      sum += n;
    }
}

void Accumulator::add(std::int64_t pass, ThreadTeam& team) {
  team.run(static_cast<std::int64_t>(pieces_.size()), [&](std::int64_t p) {
    const Piece& piece = pieces_[static_cast<std::size_t>(p)];
    for (std::int64_t i = 0; i < piece.elements; ++i) {
      const PassSum now = passes_ > 0 ? accumulated(piece.value[i], piece.sum[i], pass, passes_)
                                      : added(piece.value[i], piece.sum[i], pass);
      piece.value[i] = now.value;
      piece.sum[i] = now.sum;
    }
  });
}

AccumulatedElements::AccumulatedElements(const std::vector<Accumulated>& parts) {
  for (const Accumulated& part : parts)
    for (std::int64_t at = 0; at < part.elements; at += kPiece) {
      const std::int64_t n = std::min(kPiece, part.elements - at);
      pieces_.push_back({part.value + at, size_, n});
      size_ += n;
    }
}

template <class Work>
void AccumulatedElements::each(ThreadTeam& team, const Work& work) const {
  team.run(static_cast<std::int64_t>(pieces_.size()), [&](std::int64_t p) {
    const Piece& piece = pieces_[static_cast<std::size_t>(p)];
    for (std::int64_t i = 0; i < piece.elements; ++i) work(piece.value[i], piece.at + i);
  });
}

ShardedAccumulator::ShardedAccumulator(const std::vector<Accumulated>& parts, std::int64_t shards,
                                       std::int64_t passes_a_shard)
    : elements_(parts), shards_(shards), passes_(passes_a_shard) {
  sums_.reset(static_cast<float*>(allocate_zeroed(sums().size() * sizeof(float))));
}

void ShardedAccumulator::add(std::int64_t shard, std::int64_t pass, ThreadTeam& team) {
  float* const sums = sums_.get() + shard * elements_.size();
  elements_.each(team, [&](float& value, std::int64_t i) { sums[i] = added(value, sums[i], pass).sum; });
}

void ShardedAccumulator::mean(ThreadTeam& team) {
  const float* const sums = sums_.get();
  elements_.each(team, [&](float& value, std::int64_t i) {
    float sum = sums[i];
    for (std::int64_t s = 1; s < shards_; ++s) sum += sums[s * elements_.size() + i];
    value = sum / static_cast<float>(shards_ * passes_);
  });
}

TurnAccumulator::TurnAccumulator(const std::vector<Accumulated>& parts, std::int64_t processes)
    : elements_(parts), processes_(processes) {
  round_.reset(static_cast<float*>(allocate_zeroed(round().size() * sizeof(float))));
  sums_.reset(
      static_cast<float*>(allocate_zeroed(static_cast<std::size_t>(elements_.size()) * sizeof(float))));
}

void TurnAccumulator::keep(std::int64_t process, ThreadTeam& team) {
  float* const own = round_.get() + process * elements_.size();
  elements_.each(team, [&](const float& value, std::int64_t i) { own[i] = value; });
}

void TurnAccumulator::add(std::int64_t first, std::int64_t passes, ThreadTeam& team) {
  float* const sums = sums_.get();
  const float* const round = round_.get();
  elements_.each(team, [&](float& value, std::int64_t i) {
    for (std::int64_t p = 0; p < passes; ++p)
      sums[i] = added(round[p * elements_.size() + i], sums[i], first + p).sum;
    value = sums[i];
  });
}

}  // namespace hardy::nn
