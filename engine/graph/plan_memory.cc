// Where the operands of a plan's steps lie, and what a device's branches wait for because of it.
#include <algorithm>
#include <cstring>
#include <map>

#include "engine/base/aligned.h"
#include "engine/base/error.h"
#include "engine/graph/plan_impl.h"

namespace hardy::graph {
namespace {

constexpr std::size_t kPage = 4096;

}  // namespace

PlanMemory Plan::Impl::allocate(std::size_t size) const {
  return {device ? device->allocate(size) : allocate_zeroed(size), ReleaseHere{device}};
}

std::size_t Plan::Impl::lasting(Tensor t) const {
  if (!t || static_cast<std::size_t>(t.id) >= root.size())
    throw Error("the value was not in the graph when the plan was made", "plan");
  if (!kept[at(t)]) throw Error("only inputs, parameters and outputs have lasting memory", g.describe(t));
  return at(t);
}

void* Plan::Impl::kept_memory(std::size_t v) {
  if (!memory[v]) {
    owned[v] = allocate(lasting_bytes(v));
    memory[v] = owned[v].get();
    const ValueInfo& info = g.info(Tensor{static_cast<std::int32_t>(v)});
    const std::vector<std::byte>& data = info.source == Source::kConstant ? info.data : folded.data[v];
    if (!data.empty() && device)
      device->upload(memory[v], data.data(), data.size());
    else if (!data.empty())
      std::memcpy(memory[v], data.data(), data.size());
  }
  return memory[v];
}

Buffer Plan::Impl::buffer(Tensor t, std::size_t agent) {
  const std::size_t v = at(t);
  void* data = nullptr;
  if (kept[v])
    data = static_cast<std::byte*>(kept_memory(v)) + (agents.apart[v] ? agent * bytes(v, g) : 0);
  else if (placement.offset[v] != kNoPlace)
    data = static_cast<std::byte*>(arena.get()) + agent * arena_bytes() + placement.offset[v];
  return {data, g.type(t), g.shape(t)};
}

std::size_t Plan::Impl::arena_bytes() const {
  return agents.count > 1 ? (placement.bytes + kPage - 1) / kPage * kPage : placement.bytes;
}

void Plan::Impl::resolve() {
  if (!arena) arena = allocate(arena_bytes());
  for (std::size_t agent = 0; agent < steps.size(); ++agent)
    for (PlannedStep& step : steps[agent])
      for (Launch& l : step.launches) {
        for (std::size_t i = 0; i < l.inputs.size(); ++i) l.inputs[i] = buffer(l.node.inputs[i], agent);
        for (std::size_t i = 0; i < l.outputs.size(); ++i) l.outputs[i] = buffer(l.node.outputs[i], agent);
      }
  if (device) {
    for (PlannedStep& step : steps[0]) resolve_links(step);
    resolve_waits();
  }
  stale = false;
}

void Plan::Impl::resolve_links(PlannedStep& step) const {
  step.links.clear();
  if (step.launches.size() == 1) return;
  std::map<Tensor, std::int32_t, decltype([](Tensor a, Tensor b) { return a.id < b.id; })> makers;
  for (const Launch& l : step.launches) {
    ChainLink link{l.call(), find_chains(device->backend()).codes.at(kernel_key(*l.node.op)), {}};
    for (Tensor t : l.node.inputs) {
      const auto maker = makers.find(g.contents_of(t));
      link.makers.push_back(maker == makers.end() ? -1 : maker->second);
    }
    makers[g.contents_of(l.node.outputs[0])] = static_cast<std::int32_t>(step.links.size());
    step.links.push_back(std::move(link));
  }
}

void Plan::Impl::resolve_waits() {
  std::vector<std::vector<Access>> accesses;
  for (const PlannedStep& step : part(0, false)) {
    accesses.emplace_back();
    for (const Launch& l : step.launches)
      std::ranges::copy(l.accesses(), std::back_inserter(accesses.back()));
  }
  waits = waits_of(branch, accesses);
  over.resize(waits.size());
  for (const auto& those : waits)
    for (const std::size_t s : those)
      if (!over[s]) over[s] = device->event();
  meets.resize(branch.empty() ? 0 : static_cast<std::size_t>(*std::ranges::max_element(branch)) + 1);
  for (auto& event : meets)
    if (!event) event = device->event();
}

}  // namespace hardy::graph
