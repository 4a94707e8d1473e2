#include "engine/nn/device_descent.h"

#include <algorithm>
#include <string>

#include "engine/base/error.h"

namespace hardy::nn {
namespace {

graph::DeviceKernel kernel(const graph::Device& device, const char* key) {
  if (const graph::DeviceKernel found = graph::find_kernel(device.backend(), key)) return found;
  throw Error(std::string("has no kernel ") + key, device.info().name);
}

template <class Attributes>
void run(graph::DeviceKernel kernel, const Attributes& attributes, graph::Stream& stream) {
  kernel({{}, {}, reinterpret_cast<const std::byte*>(&attributes)}, stream);
}

}  // namespace

DeviceDescent::DeviceDescent(graph::Device& device, const std::vector<Segment>& segments, Gate gate)
    : gate_(gate),
      rates_(graph::allocate(device, kMostGroups * sizeof(DescentRates))),
      load_kernels_(kernel(device, "step/load")),
      squares_kernel_(kernel(device, "step/gradient_squares")),
      gate_kernel_(kernel(device, "step/gate")),
      clips_kernel_(kernel(device, "step/clips")),
      descend_kernel_(kernel(device, "step/descend")) {
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
  pieces_ = graph::allocate(device, bytes);
  device.upload(pieces_.get(), pieces.data(), bytes);
  descend_.pieces = static_cast<const DescentPiece*>(pieces_.get());
  descend_.count = static_cast<std::int64_t>(pieces.size());
  descend_.agents = gate_.agents;
  descend_.groups = gate_.rules;
  descend_.rates = gate_.rates;
  descend_.active = gate_.memory.active;
  const auto cells = static_cast<std::size_t>(gate_.rules) * static_cast<std::size_t>(gate_.agents);
  squares_ = graph::allocate(device, pieces.size() * sizeof(double));
  broken_ = graph::allocate(device, cells * sizeof(std::int32_t));
  descend_.squares = static_cast<double*>(squares_.get());
  descend_.broken = gate_.broken = static_cast<std::int32_t*>(broken_.get());
  bool clips = false;
  for (int g = 0; g < gate_.rules; ++g) {
    descend_.max_grad_norm[g] = gate_.settings[g].max_grad_norm;
    clips = clips || descend_.max_grad_norm[g] > 0;
  }
  if (!clips) return;
  clips_ = graph::allocate(device, cells * sizeof(float));
  descend_.clips = static_cast<float*>(clips_.get());
}

void DeviceDescent::load(graph::Stream& stream) const { load_kernels_({}, stream); }

void DeviceDescent::enqueue(graph::Stream& stream, bool last) const {
  Gate gate = gate_;
  gate.last = last;
  run(squares_kernel_, descend_, stream);
  run(gate_kernel_, gate, stream);
  if (descend_.clips) run(clips_kernel_, descend_, stream);
  run(descend_kernel_, descend_, stream);
}

}  // namespace hardy::nn
