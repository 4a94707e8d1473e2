#include "engine/graph/plan.h"

#include <algorithm>

#include "engine/base/error.h"
#include "engine/graph/branches.h"
#include "engine/graph/fuse.h"
#include "engine/graph/merge.h"
#include "engine/graph/on_demand.h"
#include "engine/graph/plan_impl.h"

namespace hardy::graph {
namespace {

constexpr std::size_t kDeviceAlign = 256;  // as a device's own allocations: libraries choose kernels by it

}  // namespace

Plan::Impl::Impl(const Graph& graph, std::span<const Tensor> outputs, const PlanOptions& options)
    : whole(graph),
      agents(agents_apart(graph, options.device ? 1 : options.agents, outputs)),
      g(agents.count > 1 ? graph.of_one_agent(agents.apart) : graph),
      device(options.device),
      steps(static_cast<std::size_t>(agents.count)) {}

DeviceKernel Plan::Impl::kernel_of(const Op& op) const {
  if (const DeviceKernel kernel = find_kernel(device->backend(), kernel_key(op))) return kernel;
  throw Error("has no kernel for the op " + kernel_key(op), device->info().name,
              "train on the CPU, or add it (docs/architecture.md)");
}

bool Plan::Impl::may_chain(const Node& node) const {
  const auto f32 = [&](Tensor t) { return g.type(t) == DType::kF32; };
  return node.op->cpu_range && node.inputs.size() <= kMostLinkOperands && f32(node.outputs[0]) &&
         std::ranges::all_of(node.inputs, f32) &&
         find_chains(device->backend()).codes.contains(kernel_key(*node.op));
}

void Plan::Impl::add_step(const Step& step) {
  PlannedStep planned;
  planned.elements = g.shape(step.nodes.front().outputs[0]).elements();
  std::vector<int> slot(g.values(), -1);
  std::size_t widest = 1;
  for (const Node& node : step.nodes) {
    if (node.inputs.size() > kMaxOperands)
      throw Error("too many operands to plan", std::string("op ") + node.op->name);
    Launch l{node, std::vector<Buffer>(node.inputs.size()), std::vector<Buffer>(node.outputs.size()), {}, {}};
    if (device) l.kernel = kernel_of(*node.op);
    for (Tensor t : node.inputs) l.input_slot.push_back(slot[at(t)]);
    for (Tensor t : node.outputs) {
      if (placement.scratch[at(t)]) slot[at(t)] = planned.slots++;
      widest = std::max(widest, size_of(g.type(t)));
      l.output_slot.push_back(slot[at(t)]);
    }
    planned.launches.push_back(std::move(l));
  }
  planned.block = chain_block(planned.slots, widest);
  for (auto& agent : steps) agent.push_back(planned);
}

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
