// What follows an update's plan on a device: the sums of squared gradients, the gate (agents with a loss or a
// gradient that is not finite stop, the learning rates of this step, values that last) and one pass over the
// parameters with their Polyak averages. All are launches that read the step's number from the device, so
// that they can be captured once and replayed.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/device/launch.h"
#include "engine/nn/accumulate.h"
#include "engine/nn/optimise.h"
#include "engine/nn/schedules.h"

namespace hardy::nn {

inline constexpr int kMostGroups = 8, kMostStates = 8;

// Device memory that all updates of a learner share.
struct StepMemory {
  // [3]: the low and high words of the step's number, counted from 0, and the pass within it
  std::int32_t* step = nullptr;
  std::int32_t* active = nullptr;  // [agents]
  // [agents, 4]: update + 1 (0: never stopped), group (+ kMostGroups where its loss was finite and a gradient
  // was not), the step's words
  std::int32_t* stopped = nullptr;
};

// --- what the launches are told ---------------------------------------------------------------------
struct Gate {
  struct State {
    float* now;
    const float* next;
  };
  StepMemory memory;
  std::int32_t update = 0, agents = 0, groups = 0, states = 0;  // groups with a loss come first
  std::int32_t rules = 0;                                       // all groups, those that only average too
  std::int32_t every = 1;  // the update runs at each every-th step: its own count follows from the step's
  bool last = false;       // of the step's updates: the number moves on
  const float* loss[kMostGroups] = {};
  State state[kMostStates] = {};
  GroupSettings settings[kMostGroups] = {};
  Schedule schedule[kMostGroups] = {};
  DescentRates* rates = nullptr;  // [groups], written here
  // [groups, agents]: a gradient is not finite. Set with the sums of squares, cleared here for the next step.
  std::int32_t* broken = nullptr;
};
// A run of one agent's elements of one tensor.
struct DescentPiece {
  float *value, *first_moment, *second_moment, *target;  // null where the rule has none
  const float* gradient;
  std::int32_t elements, agent, group;
};
inline constexpr std::int64_t kDescentPiece = 1024;  // elements, at most: a block takes one
struct Descend {
  const DescentPiece* pieces = nullptr;
  std::int64_t count = 0;
  std::int32_t agents = 0, groups = 0;
  const DescentRates* rates = nullptr;
  const std::int32_t* active = nullptr;
  double* squares = nullptr;       // [count]: a piece's sum of squared gradients
  std::int32_t* broken = nullptr;  // the gate's
  float* clips = nullptr;          // [groups, agents]: what gradients are multiplied by; null: 1
  double max_grad_norm[kMostGroups] = {};
};

// What a pass of several left is added to the sums of those before; the last leaves the means, and each the
// number of the pass that follows.
struct Accumulate {
  struct Piece {
    float *value, *sum;
    std::int32_t elements;
  };
  const Piece* pieces = nullptr;
  std::int64_t count = 0, pass = 0, passes = 1;
  std::int32_t* step = nullptr;  // StepMemory's
};

// Passes of shards whose sums are kept apart, one shard's behind the other's (ShardedAccumulator).
struct ShardPasses {
  struct Piece {
    float* value;
    std::int64_t at;  // in a shard's sums
    std::int32_t elements;
  };
  const Piece* pieces = nullptr;
  std::int64_t count = 0, elements = 0;  // pieces; elements of a shard's sums
  float* sums = nullptr;                 // [shards, elements]
  std::int64_t shards = 1, passes = 1;   // passes of a shard
  std::int64_t shard = 0, pass = 0;      // that has run
  std::int32_t* step = nullptr;          // StepMemory's
  std::int32_t next = 0;                 // the pass that follows, of all shards' counted through
};

// What a backend brings. kLoadDescent loads the kernels of the others: loading is part of a kernel's first
// use otherwise, and may wait for the device, which a capture forbids.
inline constexpr device::LaunchName<> kLoadDescent{"load", "step"};
inline constexpr device::LaunchName<const Descend&> kGradientSquares{"gradient_squares", "step"};
inline constexpr device::LaunchName<const Gate&> kGate{"gate", "step"};
inline constexpr device::LaunchName<const Descend&> kClips{"clips", "step"}, kDescend{"descend", "step"};
inline constexpr device::LaunchName<const Accumulate&> kAccumulate{"accumulate", "step"};
// The pass to begin with; a pass's values to its shard's sums; the mean of all shards, in their order.
inline constexpr device::LaunchName<const ShardPasses&> kBeginShards{"begin_shards", "step"},
    kAddToShard{"add_to_shard", "step"}, kMeanOfShards{"mean_of_shards", "step"};

class DeviceAccumulator {
 public:
  // Values point to device memory.
  DeviceAccumulator(device::Device& device, const std::vector<Accumulated>& parts, std::int64_t passes,
                    std::int32_t* step);
  // After the work of pass `pass`, counted from 0.
  void enqueue(device::Stream& stream, std::int64_t pass) const;

 private:
  Accumulate accumulate_;
  device::Memory sums_, pieces_;
  device::Launch<const Accumulate&> run_;
};

// A device's ShardedAccumulator, to the same bits for any number of devices that add some shards each and
// exchange their sums before the mean.
class DeviceShards {
 public:
  DeviceShards(device::Device& device, const std::vector<Accumulated>& parts, std::int64_t shards,
               std::int64_t passes_a_shard, std::int32_t* step);
  void begin(device::Stream& stream, std::int64_t shard) const;  // whose passes come now, and the next one's
  void add(device::Stream& stream, std::int64_t shard, std::int64_t pass) const;  // as ShardedAccumulator
  void mean(device::Stream& stream) const;
  float* sums() const { return passes_.sums; }
  std::size_t bytes() const {  // of all shards' sums
    return static_cast<std::size_t>(passes_.shards * passes_.elements) * sizeof(float);
  }

 private:
  ShardPasses passes_;
  device::Memory sums_, pieces_;
  device::Launch<const ShardPasses&> run_begin_, run_add_, run_mean_;
};

class DeviceDescent {
 public:
  // Segments, losses and states point to device memory.
  DeviceDescent(device::Device& device, const std::vector<Segment>& segments, Gate gate);
  // Loads the kernels, before a capture.
  void load(device::Stream& stream) const;
  // last: of this step's updates, after which the step's number moves on.
  void enqueue(device::Stream& stream, bool last) const;

 private:
  Gate gate_;
  Descend descend_;
  device::Memory pieces_, rates_, squares_, broken_, clips_;
  device::Launch<> load_;
  device::Launch<const Gate&> run_gate_;
  device::Launch<const Descend&> run_squares_, run_clips_, run_descent_;
};

}  // namespace hardy::nn
