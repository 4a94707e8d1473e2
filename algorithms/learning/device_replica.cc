#include "algorithms/learning/device_replica.h"

#include <algorithm>
#include <set>
#include <utility>

namespace hardy::algorithms {

DeviceReplica::DeviceReplica(const Program& program, TrainingState& state, device::Device& device,
                             std::int64_t number, std::int64_t replicas)
    : program_(program),
      state_(state),
      number_(number),
      replicas_(replicas),
      device_(device, program.agents(), replicas > 1),
      seeds_(seed_words(program.seeds)) {
  const std::span<float> memory = state_.parameters.memory();
  device_.mirror().place_of(memory.data(), memory.size());  // as one piece
  for (const UpdateProgram& update : program.updates) {
    if (update.feed)
      throw Error("its passes come from the host: it trains on the CPU", "update " + update.name);
    make_ready(update);
  }
  device.require(bytes());
  for (Ready& r : updates_)
    for (const UpdateProgram::Table& t : r.update->tables)
      bind(r, {t.value, t.memory, value_bytes(*r.update, t.value)});
}

void DeviceReplica::bind(Ready& r, const Binding& b) {
  r.host[b.value.id] = b.memory;
  r.plan.bind(b.value, device_.mirror().place(b.memory, b.bytes));
}

void DeviceReplica::make_ready(const UpdateProgram& update) {
  Ready r{&update,
          graph::Plan(update.graph, update.outputs,
                      graph::PlanOptions{.agents = program_.agents(),
                                         .device = &device_.mirror().device(),
                                         .on_demand = update.on_demand}),
          {},
          nullptr,
          nullptr,
          nullptr};
  for (const Binding& b : bindings_of(update, state_, seeds_)) bind(r, b);
  r.plan.bind(update.step, device_.memory().step);
  r.host[update.step.id] = words_.words;
  updates_.push_back(std::move(r));
}

// That plans and tables will take beside what is there already.
std::size_t DeviceReplica::bytes() const {
  std::size_t total = 0;
  std::set<void*> tables;  // that updates share
  for (const Ready& r : updates_) {
    total += r.plan.own_bytes();
    for (const UpdateProgram::Table& t : r.update->tables)
      if (!tables.insert(t.memory).second) total -= value_bytes(*r.update, t.value);
  }
  return total;
}

void DeviceReplica::begin() {
  if (begun_) return;
  std::vector<LearnerDevice::Source> sources;
  device::Device& device = device_.mirror().device();
  for (std::size_t i = 0; i < updates_.size(); ++i) {
    Ready& r = updates_[i];
    const UpdateProgram& u = *r.update;
    if (u.shards > 1)
      r.shards = std::make_unique<nn::DeviceShards>(device, accumulated_by(u, r.plan), u.shards,
                                                    u.passes / u.shards, device_.memory().step);
    else if (u.passes > 1)
      r.accumulator = std::make_unique<nn::DeviceAccumulator>(device, accumulated_by(u, r.plan), u.passes,
                                                              device_.memory().step);
    std::vector<nn::Segment> segments = segments_of(u, state_.parameters);
    for (nn::Segment& s : segments) {
      const std::int64_t n = s.agents * s.elements_per_agent;
      s.value = there(s.value, n);
      s.gradient = there(const_cast<float*>(s.gradient), n);
      s.first_moment = there(s.first_moment, n);
      s.second_moment = there(s.second_moment, n);
      s.target = there(s.target, n);
    }
    r.descent = std::make_unique<nn::DeviceDescent>(device, segments, gate_of(r, i));
    for (const UpdateProgram::Loss& loss : u.losses)
      sources.push_back({"loss/" + loss.name, r.plan.raw(loss.value)});
    for (const UpdateProgram::Report& report : u.reports)
      sources.push_back({report.name, r.plan.raw(report.value)});
  }
  device_.set_sources(std::move(sources));
  device_.upload(state_.step, state_.active);
  begun_ = true;
}

nn::Gate DeviceReplica::gate_of(const Ready& r, std::size_t index) {
  const UpdateProgram& u = *r.update;
  if (u.groups.size() > nn::kMostGroups || u.states.size() > nn::kMostStates)
    throw Error("an update on a device has at most " + std::to_string(nn::kMostGroups) + " losses and " +
                    std::to_string(nn::kMostStates) + " lasting values",
                "update " + u.name);
  nn::Gate gate;
  gate.memory = device_.memory();
  gate.update = static_cast<std::int32_t>(index);
  gate.agents = static_cast<std::int32_t>(program_.agents());
  gate.every = static_cast<std::int32_t>(u.every);
  gate.groups = static_cast<std::int32_t>(u.losses.size());
  gate.rules = static_cast<std::int32_t>(u.groups.size());
  for (std::size_t k = 0; k < u.groups.size(); ++k) gate.settings[k] = u.groups[k];
  for (std::size_t k = 0; k < u.losses.size(); ++k) {
    gate.loss[k] = r.plan.data<float>(u.losses[k].value);
    gate.schedule[k] = u.losses[k].learning_rate;
  }
  for (const UpdateProgram::State& s : u.states) {
    std::vector<float>& values = state_.values.at(s.name);
    if (s.next)
      gate.state[gate.states++] = {there(values.data(), static_cast<std::int64_t>(values.size())),
                                   r.plan.data<float>(s.next)};
  }
  return gate;
}

void DeviceReplica::send_parameters() {
  const std::span<float> memory = state_.parameters.memory();
  device_.mirror().upload(memory.data(), memory.size_bytes());
}
void DeviceReplica::send_values() {
  for (const auto& [name, values] : state_.values)
    device_.mirror().upload(values.data(), values.size() * sizeof(float));
  device_.upload(state_.step, state_.active);
}

void DeviceReplica::warm_up() {
  for (Ready& r : updates_) {
    r.plan.enqueue(stream());
    r.descent->load(stream());
  }
  if (!writes_in_place()) return;  // else what the host still has is as it was before
  stream().synchronise();
  send_parameters();
}

// Whether a step changes parameters by its plans: those that it writes over.
bool DeviceReplica::writes_in_place() const {
  return std::ranges::any_of(updates_, [](const Ready& r) {
    return std::ranges::any_of(r.update->graph.nodes(), [](const graph::Node& n) { return n.op->writes; });
  });
}

void DeviceReplica::run_shards(Ready& r, std::int64_t first, std::int64_t last) {
  const std::int64_t passes = r.update->passes / r.update->shards;
  r.shards->begin(stream(), first);
  for (std::int64_t shard = first; shard < last; ++shard)
    for (std::int64_t pass = 0; pass < passes; ++pass) {
      r.plan.enqueue(stream());
      r.shards->add(stream(), shard, pass);
    }
}

void DeviceReplica::run_own(std::size_t update) {
  Ready& r = updates_[update];
  if (r.shards) {
    const std::int64_t each = r.update->shards / replicas_;
    return run_shards(r, number_ * each, (number_ + 1) * each);
  }
  for (std::int64_t pass = 0; pass < r.update->passes; ++pass) {
    r.plan.enqueue(stream());
    if (r.accumulator) r.accumulator->enqueue(stream(), pass);
  }
}

void* DeviceReplica::sums(std::size_t update) {
  return updates_[update].shards ? updates_[update].shards->sums() : nullptr;
}
std::size_t DeviceReplica::sums_bytes(std::size_t update) const {
  return updates_[update].shards->bytes() / static_cast<std::size_t>(replicas_);
}

void DeviceReplica::descend(std::size_t update, bool last) {
  Ready& r = updates_[update];
  if (r.shards) r.shards->mean(stream());
  r.descent->enqueue(stream(), last);
}

void DeviceReplica::run_all(std::size_t update) {
  Ready& r = updates_[update];
  if (!r.shards) return run_own(update);
  run_shards(r, 0, r.update->shards);
  r.shards->mean(stream());
}

void DeviceReplica::run_on_demand() {
  for (Ready& r : updates_) r.plan.enqueue_on_demand(stream());
}

std::string DeviceReplica::first_not_finite(std::size_t update, std::int64_t agent, std::int64_t step,
                                            ThreadTeam& team) {
  Ready& r = updates_[update];
  std::string op;
  for (std::int64_t pass = 0; pass < r.update->passes && op.empty(); ++pass) {
    words_.set(step, pass);
    op = r.plan.find_non_finite(team, agent, program_.agents(), [&](Tensor t) { return r.host.at(t.id); });
  }
  return op;
}

}  // namespace hardy::algorithms
