#include "algorithms/learning/builder.h"

#include <algorithm>
#include <utility>

#include "engine/ops/dropout.h"
#include "engine/ops/random.h"
#include "engine/ops/reshape.h"

namespace hardy::algorithms {

// ---------------------------------------------------------------------------------------- Update

Update::Update(ProgramBuilder& builder, const std::string& name) : builder_(builder) {
  program_.name = name;
  program_.shards = builder.defaults_.shards;
  program_.passes = program_.shards * builder.defaults_.passes;
  program_.seeds = graph().input("seeds", DType::kI32, {builder.agents(), 2});
  program_.step = graph().shared_input("step", DType::kI32, {1, 3});
}

std::int64_t Update::agents() const { return builder_.agents(); }

Update& Update::every(std::int64_t n) {
  if (n < 1) throw Error("an update runs every n-th step, n >= 1", "update " + program_.name);
  program_.every = n;
  return *this;
}

Update& Update::accumulate(std::int64_t n) {
  if (n < 1) throw Error("an update takes n passes before its descent, n >= 1", "update " + program_.name);
  if (!graph().nodes().empty())
    throw Error("its passes are chosen after its graph was begun", "update " + program_.name,
                "call accumulate() first");
  program_.passes = n * program_.shards;
  return *this;
}

void Update::needs_whole_batch(const std::string& what) const {
  if (program_.shards > 1)
    throw Error("its loss takes " + what + " of the whole batch, which no shard has",
                "--shards " + std::to_string(program_.shards), "leave it out");
}

Update& Update::accumulate(PassFeed& feed) {
  program_.feed = &feed;
  return *this;
}

void Update::leave(Tensor t, void* memory) {
  program_.tables.push_back({t, memory});
  program_.outputs.push_back(t);
}

void Update::write(Tensor written) {
  if (program_.passes > 1)
    throw Error("writes over what later parts of the batch are drawn from", "update " + program_.name,
                "leave --accumulate and --shards out");
  program_.outputs.push_back(written);
}

Tensor Update::normal(const Shape& shape, RandomStream stream) {
  return ops::random_normal(graph(), shape, program_.seeds, program_.step, stream);
}

Tensor Update::indices(std::int64_t n, Tensor limit, RandomStream stream) {
  return ops::random_index(graph(), n, limit, program_.seeds, program_.step, stream);
}

Tensor Update::dropout(Tensor x, double rate) {
  return ops::dropout(graph(), x, rate, program_.seeds, program_.step, dropouts_++);
}

Tensor Update::table(const std::string& name, DType type, const Shape& shape, void* memory, bool shared) {
  const Tensor t = shared ? graph().shared_input(name, type, shape) : graph().input(name, type, shape);
  program_.tables.push_back({t, memory});
  return t;
}

Tensor Update::parameter(const Network& network, std::size_t tensor) {
  const int index = network.tensors[tensor];
  const auto found = program_.parameters.find(index);
  if (found != program_.parameters.end()) return found->second;
  const nn::ParameterLayout& layout = builder_.program_.layout;
  return program_.parameters[index] = graph().parameter(layout.name(index), DType::kF32, layout.shape(index));
}

std::vector<Tensor> Update::parameters(const Network& network) {
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < network.tensors.size(); ++i) tensors.push_back(parameter(network, i));
  return tensors;
}

Tensor Update::apply(const Network& network, Tensor x) {
  Graph& g = graph();
  const std::vector<Tensor> tensors = parameters(network);
  const Shape s = g.shape(x);
  if (network.role != nn::Role::kShared || s[0] == 1)
    return network.architecture->apply(g, tensors, x, network.name);
  // One network for all agents: their rows are rows of one batch.
  if (s.rank() != 3 || network.architecture->members() > 0)
    g.shape_error("apply", "a network that agents share takes [agents, rows, inputs] and has no members",
                  {x});
  const Tensor y =
      network.architecture->apply(g, tensors, ops::reshape(g, x, {1, s[0] * s[1], s[2]}), network.name);
  return ops::reshape(g, y, {s[0], s[1], g.shape(y).back()});
}

Tensor Update::state(const std::string& name, float start) {
  builder_.program_.values[name] = start;
  program_.states.push_back({name, graph().input(name, DType::kF32, {agents()}), {}});
  return program_.states.back().now;
}

void Update::set_state(const std::string& name, Tensor next) {
  for (UpdateProgram::State& s : program_.states)
    if (s.name == name) s.next = next;
}

void Update::minimise(const std::string& name, Tensor loss, std::initializer_list<Network> networks,
                      const Descent& descent) {
  if (!(graph().shape(loss) == Shape{agents()}))
    graph().shape_error("minimise", "a loss must hold one number per agent", {loss});
  for (const Network& network : networks)
    if (network.role != nn::Role::kTrainable)
      throw Error("is " + nn::name_of(network.role) + ", and only what is trainable descends",
                  "network " + network.name);
  groups_.push_back({name, loss, networks, descent});
}

void Update::follow(std::initializer_list<Network> networks, double polyak) {
  following_.push_back({networks, polyak});
}

void Update::report(const std::string& name, Tensor per_agent) {
  program_.reports.push_back({name, per_agent});
}

// -------------------------------------------------------------------------------- ProgramBuilder

ProgramBuilder::ProgramBuilder(std::vector<std::uint64_t> seeds, const DescentDefaults& defaults)
    : defaults_(defaults), program_{std::move(seeds), nn::ParameterLayout(0), {}, {}, {}, {}, {}} {
  if (program_.seeds.empty()) throw Error("a learner needs at least one agent");
  program_.layout = nn::ParameterLayout(agents());
}

void ProgramBuilder::require_open(const std::string& name) const {
  if (built_) throw Error("nothing can be built after finish()", name);
}

Network ProgramBuilder::network(const std::string& name, nn::ArchitecturePtr architecture, nn::Role role) {
  require_open("network " + name);
  if (role == nn::Role::kTarget)
    throw Error("a target is one of another network", "network " + name, "call target_of()");
  Network network{name, std::move(architecture), role, {}};
  for (const nn::TensorSpec& t :
       network.architecture->tensors(name, role == nn::Role::kShared ? 1 : agents())) {
    network.tensors.push_back(program_.layout.add(t.name, t.shape, role));
    program_.specs.push_back(t);
  }
  program_.networks.push_back(network);
  return network;
}

Network ProgramBuilder::target_of(const Network& of, const std::string& name) {
  Network target{name.empty() ? of.name + "_target" : name, of.architecture, nn::Role::kTarget, {}};
  require_open("network " + target.name);
  if (of.role == nn::Role::kShared)
    throw Error("is shared by all agents, and does not move", "network " + of.name);
  for (const nn::TensorSpec& t : of.architecture->tensors(target.name, agents())) {
    const int index = program_.layout.add(t.name, t.shape, nn::Role::kTarget);
    program_.targets.emplace_back(of.tensors[target.tensors.size()], index);
    target.tensors.push_back(index);
    program_.specs.push_back(t);
  }
  program_.networks.push_back(target);
  return target;
}

Update& ProgramBuilder::update(const std::string& name) {
  require_open("update " + name);
  updates_.push_back(std::make_unique<Update>(*this, name));
  return *updates_.back();
}

int ProgramBuilder::target_of(int tensor) const {
  for (const auto& [from, to] : program_.targets)
    if (from == tensor) return to;
  return -1;
}

// The losses' gradients become outputs, and what descends by them segments.
void ProgramBuilder::add_descents(Update& update, std::vector<int>& descending) const {
  UpdateProgram& p = update.program_;
  for (const Update::Group& group : update.groups_) {
    std::vector<int> indices;
    std::vector<Tensor> wrt;
    for (const Network& network : group.networks)
      for (std::size_t i = 0; i < network.tensors.size(); ++i) {
        indices.push_back(network.tensors[i]);
        wrt.push_back(update.parameter(network, i));
      }
    const std::vector<Tensor> gradients = graph::differentiate(p.graph, group.loss, wrt);
    nn::GroupSettings rule = group.descent.rule;
    rule.polyak = group.descent.polyak;
    rule.max_grad_norm = group.descent.clip_norm.value_or(defaults_.clip_norm);
    p.groups.push_back(rule);
    for (std::size_t i = 0; i < wrt.size(); ++i) {
      if (!gradients[i])
        throw Error("the loss does not depend on this parameter", p.graph.describe(wrt[i]),
                    "drop it from minimise()");
      const int index = indices[i];
      descending.push_back(index);
      p.outputs.push_back(gradients[i]);
      p.gradients.push_back({gradients[i], index});
      p.segments.push_back(
          {index, rule.polyak > 0 ? target_of(index) : -1, static_cast<int>(p.losses.size())});
    }
    p.outputs.push_back(group.loss);
    p.losses.push_back({group.name, group.loss, group.descent.learning_rate});
  }
}

void ProgramBuilder::add_averages(Update& update, const std::vector<int>& descending) const {
  UpdateProgram& p = update.program_;
  for (const Update::Following& f : update.following_) {
    p.groups.push_back({.rule = nn::GroupSettings::Rule::kStay, .polyak = f.polyak});
    for (const Network& network : f.networks)
      for (const int index : network.tensors) {
        const int target = target_of(index);
        if (target < 0 || std::ranges::find(descending, index) != descending.end())
          throw Error(target >= 0 ? "it descends in this update: Descent::polyak moves its target"
                                  : "it has no target that could follow",
                      "network " + network.name);
        p.segments.push_back({index, target, static_cast<int>(p.groups.size() - 1)});
      }
  }
}

void ProgramBuilder::finish(Update& update) const {
  std::vector<int> descending;
  add_descents(update, descending);
  add_averages(update, descending);
  UpdateProgram& p = update.program_;
  for (const UpdateProgram::State& s : p.states)
    if (s.next) p.outputs.push_back(s.next);
  const bool sums = p.passes > 1 || p.feed;  // of the reports as well
  for (const UpdateProgram::Report& r : p.reports) (sums ? p.outputs : p.on_demand).push_back(r.value);
  if (p.outputs.empty()) p.passes = p.shards = 1;  // it only moves targets
}

Program ProgramBuilder::build() {
  require_open("learner");
  if (!updates_.empty() &&
      std::ranges::none_of(updates_, [](const auto& u) { return u->program_.every == 1; }))
    throw Error("no update runs at every step", "learner", "let one of them do so");
  for (const auto& u : updates_) finish(*u);
  built_ = true;
  for (const auto& u : updates_) program_.updates.push_back(std::move(u->program_));
  return program_;
}

}  // namespace hardy::algorithms
