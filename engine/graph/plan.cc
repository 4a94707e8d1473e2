#include "engine/graph/plan.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "engine/base/aligned.h"
#include "engine/base/threads.h"
#include "engine/graph/agents_apart.h"
#include "engine/graph/branches.h"
#include "engine/graph/device_chains.h"
#include "engine/graph/device_kernels.h"
#include "engine/graph/fold.h"
#include "engine/graph/fuse.h"
#include "engine/graph/memory.h"
#include "engine/graph/merge.h"
#include "engine/graph/on_demand.h"
#include "engine/graph/schedule.h"

namespace hardy::graph {
namespace {

constexpr std::size_t kChainScratch = 64 * 1024;  // bytes a thread has for a chain's intermediates
constexpr std::int64_t kChainBlock = 2048;        // elements, at most
constexpr std::int64_t kChainGrain = 8192;        // elements a thread takes at a time
constexpr std::size_t kMaxOperands = 16;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kDeviceAlign = 256;  // as a device's own allocations: libraries choose kernels by it
alignas(64) thread_local std::byte chain_scratch[kChainScratch];

struct ReleaseHere {
  device::Device* device = nullptr;  // null: the host
  void operator()(void* memory) const { device ? device->release(memory) : std::free(memory); }
};
using Memory = std::unique_ptr<void, ReleaseHere>;

// One node with its operands' memory resolved.
struct Launch {
  Node node;
  std::vector<Buffer> inputs, outputs;
  std::vector<int> input_slot, output_slot;  // of a chain's scratch, -1 elsewhere
  DeviceKernel kernel = nullptr;             // of the plan's device

  std::vector<Access> accesses() const {
    std::vector<Access> all;
    for (const auto* buffers : {&inputs, &outputs})
      for (const Buffer& b : *buffers) {
        if (!b.data) continue;  // a chain's own
        const auto begin = reinterpret_cast<std::uintptr_t>(b.data);
        all.push_back(
            {begin, begin + static_cast<std::size_t>(b.elements()) * size_of(b.type), buffers == &outputs});
      }
    return all;
  }

  KernelCall call() const { return {inputs, outputs, node.attributes.data()}; }
};

struct PlannedStep {
  std::vector<Launch> launches;
  std::vector<ChainLink> links;  // of these, on a device, where there are several
  int slots = 0;                 // scratch places of a chain
  std::int64_t elements = 0, block = kChainBlock;
};

// The chain's elements [begin, end), block by block; a block's intermediates stay in this thread's
// scratch. A scratch operand's pointer is set back by the block's start, so that kernels index it like
// any other operand.
void run_chain(const PlannedStep& step, std::int64_t begin, std::int64_t end) {
  Buffer inputs[kMaxOperands], outputs[1];
  for (std::int64_t at = begin; at < end; at += step.block) {
    const std::int64_t stop = std::min(end, at + step.block);
    for (const Launch& l : step.launches) {
      if (step.slots == 0) {
        l.node.op->cpu_range(l.call(), at, stop);
        continue;
      }
      const auto placed = [&](const Buffer& b, int slot) {
        Buffer r = b;
        if (slot >= 0) {
          const auto size = static_cast<std::int64_t>(size_of(b.type));
          r.data = reinterpret_cast<void*>(reinterpret_cast<std::intptr_t>(chain_scratch) +
                                           (slot * step.block - at) * size);
        }
        return r;
      };
      for (std::size_t i = 0; i < l.inputs.size(); ++i) inputs[i] = placed(l.inputs[i], l.input_slot[i]);
      outputs[0] = placed(l.outputs[0], l.output_slot[0]);
      l.node.op->cpu_range({{inputs, l.inputs.size()}, outputs, l.node.attributes.data()}, at, stop);
    }
  }
}

}  // namespace

struct Plan::Impl {
  Graph whole;                // as it was given
  AgentsApart agents;         // its agents, where they run apart
  Graph g;                    // what one agent runs; `whole` where there is one agent
  device::Device* device;     // null: the CPU
  std::vector<Tensor> root;   // by value: whose memory it shares
  std::vector<char> needed;   // by value: does an output depend on it (or is it one)?
  std::vector<char> kept;     // by root: outside the arena
  std::vector<void*> memory;  // by root, of kept values
  std::vector<Memory> owned;  // by root, where the plan itself allocated
  Folded folded;              // what is the same in every run, and for every agent
  Placement placement;
  Memory arena;
  std::vector<std::vector<PlannedStep>> steps;       // by agent; those on demand last
  std::size_t always = 0;                            // steps of a run
  std::vector<int> branch;                           // on a device, by step
  std::vector<std::vector<std::size_t>> waits;       // by step: those of other branches that it waits for
  std::vector<std::unique_ptr<device::Event>> over;  // by step, where another branch waits for it
  // By branch: where it ends; of the first, where all others begin.
  std::vector<std::unique_ptr<device::Event>> meets;
  bool stale = true;    // pointers in `steps` are older than `memory`
  ThreadTeam alone{1};  // what an agent runs on

  Impl(const Graph& graph, std::span<const Tensor> outputs, const PlanOptions& options)
      : whole(graph),
        agents(agents_apart(graph, options.device ? 1 : options.agents, outputs)),
        g(agents.count > 1 ? graph.of_one_agent(agents.apart) : graph),
        device(options.device),
        steps(static_cast<std::size_t>(agents.count)) {}

  Memory allocate(std::size_t size) const {
    return {device ? device->allocate(size) : allocate_zeroed(size), ReleaseHere{device}};
  }

  std::size_t at(Tensor t) const { return static_cast<std::size_t>(root[static_cast<std::size_t>(t.id)].id); }
  // For values that a caller names: at(), checked.
  std::size_t lasting(Tensor t) const {
    if (!t || static_cast<std::size_t>(t.id) >= root.size())
      throw Error("the value was not in the graph when the plan was made", "plan");
    if (!kept[at(t)]) throw Error("only inputs, parameters and outputs have lasting memory", g.describe(t));
    return at(t);
  }
  std::size_t bytes(std::size_t v, const Graph& of) const {
    const ValueInfo& info = of.info(Tensor{static_cast<std::int32_t>(v)});
    return static_cast<std::size_t>(info.shape.elements()) * size_of(info.type);
  }

  std::size_t lasting_bytes(std::size_t v) const { return bytes(v, agents.apart[v] ? whole : g); }

  void* kept_memory(std::size_t v) {
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

  Buffer buffer(Tensor t, std::size_t agent) {
    const std::size_t v = at(t);
    void* data = nullptr;
    if (kept[v])
      data = static_cast<std::byte*>(kept_memory(v)) + (agents.apart[v] ? agent * bytes(v, g) : 0);
    else if (placement.offset[v] != kNoPlace)
      data = static_cast<std::byte*>(arena.get()) + agent * arena_bytes() + placement.offset[v];
    return {data, g.type(t), g.shape(t)};
  }
  // An agent's, whole pages of it: no line is shared by two.
  std::size_t arena_bytes() const {
    return agents.count > 1 ? (placement.bytes + kPage - 1) / kPage * kPage : placement.bytes;
  }

  void resolve() {
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
  void resolve_links(PlannedStep& step) const {
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
  void resolve_waits() {
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

  DeviceKernel kernel_of(const Op& op) const {
    if (const DeviceKernel kernel = find_kernel(device->backend(), kernel_key(op))) return kernel;
    throw Error("has no kernel for the op " + kernel_key(op), device->info().name,
                "train on the CPU, or add it (docs/architecture.md)");
  }

  bool may_chain(const Node& node) const {
    const auto f32 = [&](Tensor t) { return g.type(t) == DType::kF32; };
    return node.op->cpu_range && node.inputs.size() <= kMostLinkOperands && f32(node.outputs[0]) &&
           std::ranges::all_of(node.inputs, f32) &&
           find_chains(device->backend()).codes.contains(kernel_key(*node.op));
  }

  void add_step(const Step& step) {
    PlannedStep planned;
    planned.elements = g.shape(step.nodes.front().outputs[0]).elements();
    std::vector<int> slot(g.values(), -1);
    std::size_t widest = 1;
    for (const Node& node : step.nodes) {
      if (node.inputs.size() > kMaxOperands)
        throw Error("too many operands to plan", std::string("op ") + node.op->name);
      Launch l{
          node, std::vector<Buffer>(node.inputs.size()), std::vector<Buffer>(node.outputs.size()), {}, {}};
      if (device) l.kernel = kernel_of(*node.op);
      for (Tensor t : node.inputs) l.input_slot.push_back(slot[at(t)]);
      for (Tensor t : node.outputs) {
        if (placement.scratch[at(t)]) slot[at(t)] = planned.slots++;
        widest = std::max(widest, size_of(g.type(t)));
        l.output_slot.push_back(slot[at(t)]);
      }
      planned.launches.push_back(std::move(l));
    }
    if (planned.slots) {
      const auto fits =
          static_cast<std::int64_t>(kChainScratch / (static_cast<std::size_t>(planned.slots) * widest));
      planned.block = std::min(kChainBlock, std::max<std::int64_t>(1, fits));
    }
    for (auto& agent : steps) agent.push_back(planned);
  }

  // The steps of a run, or those on demand.
  std::span<const PlannedStep> part(std::size_t agent, bool on_demand) const {
    const std::span<const PlannedStep> all = steps[agent];
    return on_demand ? all.subspan(always) : all.first(always);
  }
  void run_agent(std::size_t agent, ThreadTeam& team, bool on_demand) const {
    for (const PlannedStep& step : part(agent, on_demand)) {
      const Launch& first = step.launches.front();
      if (!first.node.op->cpu_range) {
        first.node.op->cpu(first.call(), team);
      } else if (step.elements <= kChainGrain || team.size() == 1) {
        run_chain(step, 0, step.elements);
      } else {
        team.for_range(step.elements, kChainGrain,
                       [&](std::int64_t begin, std::int64_t end) { run_chain(step, begin, end); });
      }
    }
  }
  // As many agents at once as there are threads, each alone; the whole team takes what does not go round.
  void run(ThreadTeam& team, bool on_demand) {
    if (stale) resolve();
    const auto passes = static_cast<std::int64_t>(steps.size());
    const std::int64_t apart = passes > 1 ? passes / team.size() * team.size() : 0;
    team.run(apart,
             [&](std::int64_t agent) { run_agent(static_cast<std::size_t>(agent), alone, on_demand); });
    for (std::int64_t agent = apart; agent < passes; ++agent)
      run_agent(static_cast<std::size_t>(agent), team, on_demand);
  }

  void put(const PlannedStep& step, device::Stream& stream) const {
    const Launch& l = step.launches.front();
    try {
      if (step.links.empty())
        l.kernel(l.call(), stream);
      else
        find_chains(device->backend()).run(step.links, stream);
      if (device->options().check) stream.synchronise();
    } catch (const Error& e) {
      std::string names;
      for (const Launch& each : step.launches)
        names += (names.empty() ? "" : " -> ") + kernel_key(*each.node.op);
      throw Error::failed_run(e.message(), "op " + names + " " + l.outputs.front().shape.str());
    }
  }
};

Plan::Plan(const Graph& graph, std::span<const Tensor> of_every_run, const PlanOptions& options) {
  std::vector<Tensor> outputs(of_every_run.begin(), of_every_run.end());
  outputs.insert(outputs.end(), options.on_demand.begin(), options.on_demand.end());
  for (Tensor t : outputs)
    if (!t || static_cast<std::size_t>(t.id) >= graph.values())
      throw Error("an output is not a value of this graph", "plan");
  impl_ = std::make_unique<Impl>(graph, outputs, options);
  Impl& p = *impl_;
  const Graph& g = p.g;
  for (std::size_t v = 0; v < g.values(); ++v)
    p.root.push_back(g.memory_of(Tensor{static_cast<std::int32_t>(v)}));

  // Only what an output needs, and of that only what is not the same in every run.
  std::vector<char>& needed = p.needed;
  std::vector<char> output(g.values(), 0);
  needed.assign(g.values(), 0);
  for (Tensor t : outputs)
    needed[static_cast<std::size_t>(t.id)] = output[static_cast<std::size_t>(t.id)] = 1;
  std::vector<Node> live;
  for (std::size_t n = g.nodes().size(); n-- > 0;) {
    const Node& node = g.nodes()[n];
    const bool wanted = std::any_of(node.outputs.begin(), node.outputs.end(),
                                    [&](Tensor t) { return needed[static_cast<std::size_t>(t.id)]; });
    if (!wanted) continue;
    for (Tensor t : node.inputs) needed[static_cast<std::size_t>(t.id)] = 1;
    live.push_back(node);
  }
  std::reverse(live.begin(), live.end());
  for (Tensor t : outputs)
    if (const Node* writer = g.writer_over(t, live))
      throw Error(
          "an output is written over in the run: what " + std::string(writer->op->name) + " gives lasts",
          g.describe(t) + " " + g.shape(t).str());

  p.kept.assign(g.values(), 0);
  p.memory.assign(g.values(), nullptr);
  p.owned.resize(g.values());
  for (std::size_t v = 0; v < g.values(); ++v)
    if (g.info(Tensor{static_cast<std::int32_t>(v)}).source != Source::kComputed) p.kept[v] = 1;
  for (Tensor t : outputs) p.kept[p.at(t)] = 1;
  p.folded.data.resize(g.values());
  if (options.fuse) {
    p.folded = fold_constants(g, live, p.root, p.kept);
    live = fuse(g, merge_equal(g, p.folded.nodes, p.kept), output, options.device != nullptr);
    for (std::size_t v = 0; v < g.values(); ++v)
      if (!p.folded.data[v].empty()) p.kept[v] = 1, p.agents.apart[v] = 0;
  }

  std::vector<Node> later;
  if (!options.on_demand.empty()) {
    std::vector<char> always(g.values(), 0);
    for (Tensor t : of_every_run) always[static_cast<std::size_t>(t.id)] = 1;
    later = take_on_demand(g, p.agents, live, std::move(always));
  }
  std::vector<char> made_later(g.values(), 0);
  for (const Node& node : later)
    for (Tensor t : node.outputs) made_later[static_cast<std::size_t>(t.id)] = 1;
  for (const Node& node : later)  // what it reads stays as the run left it
    for (Tensor t : node.inputs)
      if (!made_later[static_cast<std::size_t>(t.id)]) p.kept[p.at(t)] = 1;

  // Chains run block by block through a core's cache, on a device link by link in its registers.
  const auto scheduled = [&](const std::vector<Node>& nodes) {
    std::vector<Step> in_turn = schedule(g, nodes, p.root, options.fuse && !options.device);
    if (!options.fuse || !options.device) return in_turn;
    return join_chains(g, in_turn, [&](const Node& node) { return p.may_chain(node); });
  };
  std::vector<Step> steps = scheduled(live);
  p.always = steps.size();
  const std::vector<Step> on_demand = scheduled(later);
  const auto with_those_on_demand = [&] {
    std::vector<Step> all = steps;
    all.insert(all.end(), on_demand.begin(), on_demand.end());
    return all;
  };
  if (p.device) {
    const device::Options& chosen = p.device->options();
    const std::vector<Step> in_turn = steps;
    const auto placed = [&](const Order& order) {
      return place(g, with_those_on_demand(), p.root, p.kept, options.in_place, order, kDeviceAlign);
    };
    Placement least = placed({});
    const auto too_much = [&] { return p.placement.bytes > 2 * least.bytes; };
    p.branch = branch_out(g, steps, chosen.check ? 1 : static_cast<int>(chosen.branches));
    p.placement = placed(order_of(g, with_those_on_demand(), p.branch));
    // Branches that share memory wait for each other: less is side by side, and memory has a bound.
    if (too_much()) p.placement = placed({});
    if (too_much()) {
      steps = in_turn;
      p.branch.assign(steps.size(), 0);
      p.placement = std::move(least);
    }
  } else {
    p.placement = place(g, with_those_on_demand(), p.root, p.kept, options.in_place);
  }
  for (const Step& step : with_those_on_demand()) p.add_step(step);
  if (!p.device)  // a device's is asked for when it is needed
    p.arena = p.allocate(p.arena_bytes() * p.steps.size());
}

Plan::~Plan() = default;
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;

void Plan::bind(Tensor t, void* memory) {
  const std::size_t v = impl_->lasting(t);
  impl_->memory[v] = memory;
  impl_->owned[v].reset();
  impl_->stale = true;
}

void* Plan::raw(Tensor t) const {
  const std::size_t v = impl_->lasting(t);
  if (!impl_->memory[v]) impl_->stale = true;
  return impl_->kept_memory(v);
}

void Plan::enqueue(device::Stream& stream) {
  Impl& p = *impl_;
  if (p.stale) p.resolve();
  const auto branch = [&](std::size_t b) -> device::Stream& {
    return b == 0 ? stream : stream.branch(b - 1);
  };
  if (p.meets.size() > 1) stream.record(*p.meets[0]);
  for (std::size_t b = 1; b < p.meets.size(); ++b) branch(b).wait(*p.meets[0]);
  for (std::size_t s = 0; s < p.always; ++s) {
    device::Stream& own = branch(static_cast<std::size_t>(p.branch[s]));
    for (const std::size_t before : p.waits[s]) own.wait(*p.over[before]);
    p.put(p.steps[0][s], own);
    if (p.over[s]) own.record(*p.over[s]);
  }
  for (std::size_t b = 1; b < p.meets.size(); ++b) {
    branch(b).record(*p.meets[b]);
    stream.wait(*p.meets[b]);
  }
}

void Plan::enqueue_on_demand(device::Stream& stream) {
  if (impl_->stale) impl_->resolve();
  for (const PlannedStep& step : impl_->part(0, true)) impl_->put(step, stream);
}

void Plan::run(ThreadTeam& team) {
  if (!impl_->device) return impl_->run(team, false);
  const std::unique_ptr<device::Stream> stream = impl_->device->stream();
  enqueue(*stream);
  stream->synchronise();
}
void Plan::run_on_demand(ThreadTeam& team) {
  if (!impl_->device) return impl_->run(team, true);
  const std::unique_ptr<device::Stream> stream = impl_->device->stream();
  enqueue_on_demand(*stream);
  stream->synchronise();
}

namespace {

template <class T>
bool finite(const T* x, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i)
    if (!std::isfinite(x[i])) return false;
  return true;
}

}  // namespace

std::string Plan::find_non_finite(ThreadTeam& team, std::int64_t agent, std::int64_t agents) {
  return find_non_finite(team, agent, agents, [this](Tensor t) { return raw(t); });
}

std::string Plan::find_non_finite(ThreadTeam& team, std::int64_t agent, std::int64_t agents,
                                  const HostMemory& memory) const {
  const Graph& g = impl_->whole;
  std::vector<Tensor> values;  // sources first, then what the run computes, in building order
  for (std::size_t v = 0; v < g.values(); ++v)
    if (impl_->needed[v]) values.push_back(Tensor{static_cast<std::int32_t>(v)});
  std::ranges::stable_partition(values, [&](Tensor t) { return g.info(t).source != Source::kComputed; });
  // What is written over does not last: the state after it is looked at.
  std::vector<Tensor> lasting;
  std::ranges::copy_if(values, std::back_inserter(lasting),
                       [&](Tensor t) { return !g.writer_over(t, g.nodes()); });
  Plan plain(g, lasting, {.fuse = false, .in_place = false});
  std::vector<std::vector<std::byte, AlignedAllocator<std::byte>>>
      copies;  // of what it writes over: this is no step
  for (Tensor t : values) {
    const ValueInfo& info = g.info(t);
    if (info.source != Source::kInput && info.source != Source::kParameter) continue;
    void* place = memory(t);
    if (g.writer_over(t, g.nodes())) {
      const auto* from = static_cast<const std::byte*>(place);
      copies.emplace_back(from, from + static_cast<std::size_t>(info.shape.elements()) * size_of(info.type));
      place = copies.back().data();
    }
    plain.bind(t, place);
  }
  plain.run(team);
  for (Tensor t : lasting) {
    const ValueInfo& info = g.info(t);
    const bool sliced = info.shape.rank() > 0 && info.shape[0] == agents;
    if (info.source == Source::kInput && !sliced)
      continue;  // a table that agents share: its rows are not all read
    const std::int64_t n = info.shape.elements();
    const std::int64_t begin = sliced ? n / agents * agent : 0, end = sliced ? n / agents * (agent + 1) : n;
    const bool good = info.type == DType::kF32   ? finite(plain.data<float>(t), begin, end)
                      : info.type == DType::kF64 ? finite(plain.data<double>(t), begin, end)
                                                 : true;
    if (!good) return g.describe(t) + " " + info.shape.str();
  }
  return "";
}

std::size_t Plan::arena_bytes() const { return impl_->arena_bytes() * impl_->steps.size(); }
std::size_t Plan::own_bytes() const {
  std::size_t total = arena_bytes();
  for (std::size_t v = 0; v < impl_->kept.size(); ++v)
    if (impl_->kept[v] && impl_->needed[v] && !impl_->memory[v]) total += impl_->lasting_bytes(v);
  return total;
}
std::size_t Plan::steps() const { return impl_->always; }

double Plan::flops() const {
  double total = 0;
  for (std::size_t agent = 0; agent < impl_->steps.size(); ++agent)
    for (const PlannedStep& step : impl_->part(agent, false))
      for (const Launch& l : step.launches)
        if (l.node.op->flops) total += l.node.op->flops(l.call());
  return total;
}

std::string Plan::describe() const {
  std::string text;
  if (impl_->agents.count > 1) text = std::to_string(impl_->agents.count) + " agents apart, each:\n";
  for (const bool on_demand : {false, true}) {
    const std::span<const PlannedStep> steps = impl_->part(0, on_demand);
    if (on_demand && !steps.empty()) text += "on demand:\n";
    for (const PlannedStep& step : steps) {
      for (std::size_t i = 0; i < step.launches.size(); ++i) {
        const Node& node = step.launches[i].node;
        text += (i ? " -> " : "") + std::string(node.op->name);
        if (i + 1 == step.launches.size()) text += " " + impl_->g.shape(node.outputs[0]).str();
      }
      text += "\n";
    }
  }
  return text;
}

}  // namespace hardy::graph
