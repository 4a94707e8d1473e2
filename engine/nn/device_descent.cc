#include "engine/nn/device_descent.h"

#include <algorithm>
#include <vector>

namespace hardy::nn {
DeviceAccumulator::DeviceAccumulator(device::Device& device, const std::vector<Accumulated>& parts,
                                     std::int64_t passes, std::int32_t* step)
    : run_(device::find_launch(device, kAccumulate)) {
  std::size_t all = 0;
  for (const Accumulated& part : parts) all += static_cast<std::size_t>(part.elements);
  sums_ = device::allocate(device, all * sizeof(float));
  auto* sum = static_cast<float*>(sums_.get());
  std::vector<Accumulate::Piece> pieces;
  for (const Accumulated& part : parts)
    for (std::int64_t at = 0; at < part.elements; at += kDescentPiece) {
      const std::int64_t n = std::min(kDescentPiece, part.elements - at);
      pieces.push_back({part.value + at, sum, static_cast<std::int32_t>(n)});
      sum += n;
    }
  const std::size_t bytes = pieces.size() * sizeof(Accumulate::Piece);
  pieces_ = device::allocate(device, bytes);
  device.upload(pieces_.get(), pieces.data(), bytes);
  accumulate_ = {static_cast<const Accumulate::Piece*>(pieces_.get()),
                 static_cast<std::int64_t>(pieces.size()), 0, passes, step};
}

void DeviceAccumulator::enqueue(device::Stream& stream, std::int64_t pass) const {
  Accumulate now = accumulate_;
  now.pass = pass;
  run_(stream, now);
}

DeviceShards::DeviceShards(device::Device& device, const std::vector<Accumulated>& parts, std::int64_t shards,
                           std::int64_t passes_a_shard, std::int32_t* step)
    : run_begin_(device::find_launch(device, kBeginShards)),
      run_add_(device::find_launch(device, kAddToShard)),
      run_mean_(device::find_launch(device, kMeanOfShards)) {
  std::vector<ShardPasses::Piece> pieces;
  for (const Accumulated& part : parts)
    for (std::int64_t at = 0; at < part.elements; at += kDescentPiece) {
      const std::int64_t n = std::min(kDescentPiece, part.elements - at);
      pieces.push_back({part.value + at, passes_.elements, static_cast<std::int32_t>(n)});
      passes_.elements += n;
    }
  const std::size_t bytes = pieces.size() * sizeof(ShardPasses::Piece);
  pieces_ = device::allocate(device, bytes);
  device.upload(pieces_.get(), pieces.data(), bytes);
  passes_.pieces = static_cast<const ShardPasses::Piece*>(pieces_.get());
  passes_.count = static_cast<std::int64_t>(pieces.size());
  passes_.shards = shards;
  passes_.passes = passes_a_shard;
  passes_.step = step;
  sums_ = device::allocate(device, this->bytes());
  passes_.sums = static_cast<float*>(sums_.get());
}

void DeviceShards::begin(device::Stream& stream, std::int64_t shard) const {
  ShardPasses now = passes_;
  now.next = static_cast<std::int32_t>(shard * now.passes);
  run_begin_(stream, now);
}

void DeviceShards::add(device::Stream& stream, std::int64_t shard, std::int64_t pass) const {
  ShardPasses now = passes_;
  now.shard = shard;
  now.pass = pass;
  now.next = static_cast<std::int32_t>(shard * now.passes + pass + 1);
  run_add_(stream, now);
}

void DeviceShards::mean(device::Stream& stream) const { run_mean_(stream, passes_); }

DeviceDescent::DeviceDescent(device::Device& device, const std::vector<Segment>& segments, Gate gate)
    : gate_(gate),
      rates_(device::allocate(device, kMostGroups * sizeof(DescentRates))),
      load_(device::find_launch(device, kLoadDescent)),
      run_gate_(device::find_launch(device, kGate)),
      run_squares_(device::find_launch(device, kGradientSquares)),
      run_clips_(device::find_launch(device, kClips)),
      run_descent_(device::find_launch(device, kDescend)) {
  gate_.rates = static_cast<DescentRates*>(rates_.get());
  std::vector<DescentPiece> pieces;
  for (const Segment& s : segments) {
    const GroupSettings& group = gate_.settings[s.group];
    const bool averages = s.target && group.polyak > 0 && group.average_in_step;
    const bool stays = group.rule == GroupSettings::Rule::kStay,
               adam = !stays && group.rule != GroupSettings::Rule::kSgd,
               momentum = adam || (!stays && group.momentum != 0);
    for (std::int64_t a = 0; a < s.agents; ++a)
      for (std::int64_t begin = 0; begin < s.elements_per_agent; begin += kDescentPiece) {
        const std::int64_t at = a * s.elements_per_agent + begin;
        pieces.push_back({s.value + at, momentum ? s.first_moment + at : nullptr,
                          adam ? s.second_moment + at : nullptr, averages ? s.target + at : nullptr,
                          stays ? nullptr : s.gradient + at,
                          static_cast<std::int32_t>(std::min(kDescentPiece, s.elements_per_agent - begin)),
                          static_cast<std::int32_t>(a), s.group});
      }
  }
  const std::size_t bytes = pieces.size() * sizeof(DescentPiece);
  pieces_ = device::allocate(device, bytes);
  device.upload(pieces_.get(), pieces.data(), bytes);
  descend_.pieces = static_cast<const DescentPiece*>(pieces_.get());
  descend_.count = static_cast<std::int64_t>(pieces.size());
  descend_.agents = gate_.agents;
  descend_.groups = gate_.rules;
  descend_.rates = gate_.rates;
  descend_.active = gate_.memory.active;
  const auto cells = static_cast<std::size_t>(gate_.rules) * static_cast<std::size_t>(gate_.agents);
  squares_ = device::allocate(device, pieces.size() * sizeof(double));
  broken_ = device::allocate(device, cells * sizeof(std::int32_t));
  descend_.squares = static_cast<double*>(squares_.get());
  descend_.broken = gate_.broken = static_cast<std::int32_t*>(broken_.get());
  bool clips = false;
  for (int g = 0; g < gate_.rules; ++g) {
    descend_.max_grad_norm[g] = gate_.settings[g].max_grad_norm;
    clips = clips || descend_.max_grad_norm[g] > 0;
  }
  if (!clips) return;
  clips_ = device::allocate(device, cells * sizeof(float));
  descend_.clips = static_cast<float*>(clips_.get());
}

void DeviceDescent::load(device::Stream& stream) const { load_(stream); }

void DeviceDescent::enqueue(device::Stream& stream, bool last) const {
  Gate gate = gate_;
  gate.last = last;
  run_squares_(stream, descend_);
  run_gate_(stream, gate);
  if (descend_.clips) run_clips_(stream, descend_);
  run_descent_(stream, descend_);
}

}  // namespace hardy::nn
