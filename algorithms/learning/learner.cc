#include "algorithms/learning/learner.h"

#include <algorithm>

#include "engine/comm/agree.h"

namespace hardy::algorithms {
namespace {

template <class T>
T& built(const std::unique_ptr<T>& part) {
  if (!part) throw Error("is not built yet", "learner", "call finish() first");
  return *part;
}

// Where it trains; none: the CPU.
std::vector<device::Device*> devices_of(device::Device* first, const DescentDefaults& defaults) {
  std::vector<device::Device*> all = defaults.more_devices;
  if (first) all.insert(all.begin(), first);
  return all;
}
bool splits_agents(const DescentDefaults& defaults) {
  return !defaults.more_devices.empty() && defaults.shards == 1;
}

}  // namespace

Learner::Learner(std::vector<std::uint64_t> seeds, device::Device* device, const DescentDefaults& defaults)
    : seeds_(std::move(seeds)),
      device_(device),
      ranks_(*defaults.ranks),
      defaults_(defaults),
      builder_(seeds_, defaults) {
  // One shard alone is computed on each of them.
  if ((defaults.shards > 1 && defaults.shards % ranks_.size() != 0) || (device_ && ranks_.size() > 1))
    throw Error("processes share its shards evenly, on CPUs", "learner");
  const auto devices = static_cast<std::int64_t>(devices_of(device_, defaults_).size());
  if (devices > 1 && (defaults.shards > 1 ? defaults.shards : agents()) % devices != 0)
    throw Error("devices share its shards, or else its agents, evenly", "learner");
}

void Learner::build(const std::function<void(Learner&)>& method) {
  method(*this);
  if (splits_agents(defaults_)) {
    const std::vector<device::Device*> devices = devices_of(device_, defaults_);
    const auto each = static_cast<std::ptrdiff_t>(seeds_.size() / devices.size());
    DescentDefaults alone = defaults_;
    alone.more_devices.clear();
    for (auto own = seeds_.begin(); own != seeds_.end(); own += each) {
      parts_.push_back(std::make_unique<Learner>(std::vector<std::uint64_t>(own, own + each),
                                                 devices[parts_.size()], alone));
      parts_.back()->build(method);
    }
  }
  finish();
}

void Learner::finish() {
  program_ = std::make_unique<const Program>(builder_.build());
  if (splits_agents(defaults_)) {
    if (parts_.empty()) throw Error("trains on several devices and was not built for them", "learner");
    state_ = std::make_unique<TrainingState>(*program_);
    executor_ = make_split_executor(*state_, std::move(parts_));
    return;
  }
  const std::vector<device::Device*> devices = devices_of(device_, defaults_);
  for (device::Device* device : devices)
    device->require(program_->layout.all() * sizeof(float));  // before any work
  state_ = std::make_unique<TrainingState>(*program_);
  executor_ = devices.empty() ? make_cpu_executor(*program_, *state_, ranks_)
                              : make_device_executor(*program_, *state_, devices);
}

const Program& Learner::program() const { return built(program_); }
Executor& Learner::executor() const { return built(executor_); }
const TrainingState& Learner::training() const { return built(state_); }

const nn::ParameterStore& Learner::parameters() const {
  executor().fetch();
  return state_->parameters;
}

void Learner::write_parameters(const std::function<void(nn::ParameterStore&)>& write) {
  executor().fetch();
  write(state_->parameters);
  executor().send_parameters();
}

Learner::State Learner::state() const {
  executor().fetch();
  return {state_->step, state_->active, state_->stop_reason, state_->values};
}

void Learner::restore(const State& state) {
  executor().fetch();
  if (state.active.size() != seeds_.size() || state.stop_reason.size() != seeds_.size())
    throw Error("the state is of another number of agents");
  for (auto& [name, values] : state_->values) {
    const auto found = state.values.find(name);
    if (found == state.values.end() || found->second.size() != values.size())
      throw Error("the state lacks this value", name);
    std::ranges::copy(found->second, values.begin());  // in place: graphs read this memory
  }
  state_->step = state.step;
  state_->active = state.active;
  state_->stop_reason = state.stop_reason;
  executor().send_progress();
}

void Learner::share_state() {
  if (ranks_.size() == 1) return;
  TrainingState& s = *state_;
  ranks_.broadcast(std::as_writable_bytes(s.parameters.memory()));
  for (auto& [name, values] : s.values) ranks_.broadcast(std::as_writable_bytes(std::span(values)));
  ranks_.broadcast(std::as_writable_bytes(std::span(&s.step, 1)));
  ranks_.broadcast(std::as_writable_bytes(std::span(s.active)));
  for (std::string& reason : s.stop_reason) reason = comm::from_first(ranks_, reason);
}

}  // namespace hardy::algorithms
