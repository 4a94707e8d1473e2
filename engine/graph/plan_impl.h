// What a plan holds: its steps, the memory of their operands, and what a device's branches wait for. Made in
// plan.cc, given memory in plan_memory.cc, run in plan_run.cc.
#pragma once

#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/threads.h"
#include "engine/device/device.h"
#include "engine/graph/agents_apart.h"
#include "engine/graph/fold.h"
#include "engine/graph/memory.h"
#include "engine/graph/plan.h"
#include "engine/graph/planned_step.h"
#include "engine/graph/schedule.h"

namespace hardy::graph {

struct ReleaseHere {
  device::Device* device = nullptr;  // null: the host
  void operator()(void* memory) const { device ? device->release(memory) : std::free(memory); }
};
using PlanMemory = std::unique_ptr<void, ReleaseHere>;

struct Plan::Impl {
  Graph whole;                    // as it was given
  AgentsApart agents;             // its agents, where they run apart
  Graph g;                        // what one agent runs; `whole` where there is one agent
  device::Device* device;         // null: the CPU
  std::vector<Tensor> root;       // by value: whose memory it shares
  std::vector<char> needed;       // by value: does an output depend on it (or is it one)?
  std::vector<char> kept;         // by root: outside the arena
  std::vector<void*> memory;      // by root, of kept values
  std::vector<PlanMemory> owned;  // by root, where the plan itself allocated
  Folded folded;                  // what is the same in every run, and for every agent
  Placement placement;
  PlanMemory arena;
  std::vector<std::vector<PlannedStep>> steps;       // by agent; those on demand last
  std::size_t always = 0;                            // steps of a run
  std::vector<int> branch;                           // on a device, by step
  std::vector<std::vector<std::size_t>> waits;       // by step: those of other branches that it waits for
  std::vector<std::unique_ptr<device::Event>> over;  // by step, where another branch waits for it
  // By branch: where it ends; of the first, where all others begin.
  std::vector<std::unique_ptr<device::Event>> meets;
  bool stale = true;    // pointers in `steps` are older than `memory`
  ThreadTeam alone{1};  // what an agent runs on

  Impl(const Graph& graph, std::span<const Tensor> outputs, const PlanOptions& options);

  // --- the steps
  DeviceKernel kernel_of(const Op& op) const;
  bool may_chain(const Node& node) const;
  void add_step(const Step& step);
  // The steps of a run, or those on demand.
  std::span<const PlannedStep> part(std::size_t agent, bool on_demand) const {
    const std::span<const PlannedStep> all = steps[agent];
    return on_demand ? all.subspan(always) : all.first(always);
  }

  // --- their memory
  PlanMemory allocate(std::size_t size) const;
  std::size_t at(Tensor t) const { return static_cast<std::size_t>(root[static_cast<std::size_t>(t.id)].id); }
  // For values that a caller names: at(), checked.
  std::size_t lasting(Tensor t) const;
  std::size_t bytes(std::size_t v, const Graph& of) const {
    const ValueInfo& info = of.info(Tensor{static_cast<std::int32_t>(v)});
    return static_cast<std::size_t>(info.shape.elements()) * size_of(info.type);
  }
  std::size_t lasting_bytes(std::size_t v) const { return bytes(v, agents.apart[v] ? whole : g); }
  void* kept_memory(std::size_t v);
  Buffer buffer(Tensor t, std::size_t agent);
  // An agent's, whole pages of it: no line is shared by two.
  std::size_t arena_bytes() const;
  void resolve();
  void resolve_links(PlannedStep& step) const;
  void resolve_waits();

  // --- running
  void run_agent(std::size_t agent, ThreadTeam& team, bool on_demand) const;
  // As many agents at once as there are threads, each alone; the whole team takes what does not go round.
  void run(ThreadTeam& team, bool on_demand);
  void put(const PlannedStep& step, device::Stream& stream) const;
};

}  // namespace hardy::graph
