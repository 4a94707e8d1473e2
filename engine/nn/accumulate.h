// Several passes before one descent: what each leaves in the same memory (gradients, losses, what is
// reported) is summed in the passes' order, and after the last their mean stands there. A mean over rows is
// the same however its rows are split among passes of equal size: to the last bit where float32 holds every
// partial sum exactly, else within (rows + passes) 2^-24 of the mean magnitude of what is summed. Where
// nobody knows beforehand how many passes there are, what stands there after each is the sum so far.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/aligned.h"

namespace hardy {
class ThreadTeam;
}

namespace hardy::nn {

struct Accumulated {
  float* value;
  std::int64_t elements;
};

// On the CPU. A device's: DeviceAccumulator (engine/nn/device_descent.h).
class Accumulator {
 public:
  // passes 0: any number of them, and sums instead of means.
  Accumulator(const std::vector<Accumulated>& parts, std::int64_t passes);
  // After pass `pass`, counted from 0: all of 0, 1, ..., passes - 1, in that order.
  void add(std::int64_t pass, ThreadTeam& team);

 private:
  struct Piece {
    float *value, *sum;
    std::int64_t elements;
  };
  std::vector<Piece> pieces_;
  AlignedMemory<float> sums_;
  std::int64_t passes_;
};

// The elements of several places, numbered through.
class AccumulatedElements {
 public:
  explicit AccumulatedElements(const std::vector<Accumulated>& parts);
  std::int64_t size() const { return size_; }
  // work(an element, its number) of all of them.
  template <class Work>
  void each(ThreadTeam& team, const Work& work) const;

 private:
  struct Piece {
    float* value;
    std::int64_t at, elements;
  };
  std::vector<Piece> pieces_;
  std::int64_t size_ = 0;
};

// Of passes in shards whose sums are kept apart until all are there, so that it does not matter in which
// process a shard's passes ran: the sums of the shards are summed in their order, and where a shard has one
// pass this is to the bit what an Accumulator makes of as many.
class ShardedAccumulator {
 public:
  ShardedAccumulator(const std::vector<Accumulated>& parts, std::int64_t shards, std::int64_t passes_a_shard);
  // After pass `pass` of that shard, counted from 0, in that order.
  void add(std::int64_t shard, std::int64_t pass, ThreadTeam& team);
  // One shard behind the other: what processes exchange before mean().
  std::span<float> sums() { return {sums_.get(), static_cast<std::size_t>(shards_ * elements_.size())}; }
  // The mean over all passes stands where what they left stood.
  void mean(ThreadTeam& team);

 private:
  AccumulatedElements elements_;
  AlignedMemory<float> sums_;
  std::int64_t shards_, passes_;
};

// Of passes that several processes take in turn, a round of one each: to the bit the sum that an Accumulator
// of any number of passes makes of all of them.
class TurnAccumulator {
 public:
  TurnAccumulator(const std::vector<Accumulated>& parts, std::int64_t processes);
  // What the pass of that process left, into its place of round().
  void keep(std::int64_t process, ThreadTeam& team);
  // One process behind the other: what they exchange before add().
  std::span<float> round() { return {round_.get(), static_cast<std::size_t>(processes_ * elements_.size())}; }
  // To the sum, in their order: the passes [first, first + passes) of a round. The sum so far stands where
  // what they left stood.
  void add(std::int64_t first, std::int64_t passes, ThreadTeam& team);

 private:
  AccumulatedElements elements_;
  AlignedMemory<float> round_, sums_;
  std::int64_t processes_;
};

}  // namespace hardy::nn
