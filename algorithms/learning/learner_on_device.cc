// The learner on a device: what follows its plans there, and what is brought back.
#include <algorithm>
#include <set>
#include <utility>

#include "algorithms/learning/learner.h"

namespace hardy::algorithms {

// All four slabs of the store.
std::span<float> Learner::slabs() const { return {store_.values().data(), 4 * store_.values().size()}; }

std::size_t Learner::device_bytes() const {
  std::size_t total = 0;
  std::set<std::string> tables;  // that updates share
  for (const auto& u : updates_) {
    total += u->plan_->own_bytes();
    for (std::size_t v = 0; v < u->graph_.values(); ++v) {
      const Tensor t{static_cast<std::int32_t>(v)};
      const graph::ValueInfo& info = u->graph_.info(t);
      if (info.source == graph::Source::kInput && !u->host_.count(t.id) && !tables.insert(info.name).second)
        total -= static_cast<std::size_t>(info.shape.elements()) * size_of(info.type);
    }
  }
  return total;
}

void Learner::begin_on_device() {
  std::vector<LearnerDevice::Source> sources;
  for (std::size_t i = 0; i < updates_.size(); ++i) {
    Update& u = *updates_[i];
    nn::Gate gate;
    if (u.settings_.size() > nn::kMostGroups || u.states_.size() > nn::kMostStates)
      throw Error("an update on a device has at most " + std::to_string(nn::kMostGroups) + " losses and " +
                      std::to_string(nn::kMostStates) + " lasting values",
                  "update " + u.name_);
    gate.memory = device_->memory();
    gate.update = static_cast<std::int32_t>(i);
    gate.agents = static_cast<std::int32_t>(agents());
    gate.every = static_cast<std::int32_t>(u.every_);
    for (std::size_t k = 0; k < u.groups_.size(); ++k) {
      const Update::Group& group = u.groups_[k];
      gate.loss[k] = static_cast<const float*>(u.plan_->raw(group.loss));
      gate.settings[k] = u.settings_[k];
      gate.schedule[k] = group.descent.learning_rate;
      sources.push_back({"loss/" + group.name, gate.loss[k]});
    }
    gate.groups = static_cast<std::int32_t>(u.groups_.size());
    gate.rules = static_cast<std::int32_t>(u.settings_.size());
    for (std::size_t k = u.groups_.size(); k < u.settings_.size(); ++k) gate.settings[k] = u.settings_[k];
    for (const Update::StateSlot& s : u.states_)
      if (s.next)
        gate.state[gate.states++] = {place(s.values->data(), s.values->size()),
                                     static_cast<const float*>(u.plan_->raw(s.next))};
    for (const Update::Report& r : u.reports_) sources.push_back({r.name, u.plan_->raw(r.value)});
    u.descent_ = std::make_unique<nn::DeviceDescent>(device_->mirror().device(), u.segments_, gate);
  }
  device_->set_sources(std::move(sources));
  device_->upload(step_, active_);
}

void Learner::enqueue(device::Stream& stream) {
  std::size_t left = 0;
  for (const auto& u : updates_) left += u->due(step_);
  for (const auto& u : updates_) {
    if (!u->due(step_)) continue;
    u->plan_->enqueue(stream);
    u->descent_->enqueue(stream, --left == 0);
  }
}

nn::ParameterStore& Learner::fetched() const {
  if (!device_ || fetched_) return store_;
  device_->download(slabs().data(), slabs().size_bytes());
  for (const auto& [name, values] : state_values_)
    device_->download(const_cast<float*>(values.data()), values.size() * sizeof(float));
  fetched_ = true;
  return store_;
}

// An agent that the gate stopped: its parameters and lasting values are still those of that step, so that the
// CPU finds the op that gave the first bad number.
void Learner::note_stopped(const LearnerDevice::Answer& answer, ThreadTeam& team) {
  for (std::int64_t a = 0; a < agents(); ++a) {
    const auto i = static_cast<std::size_t>(a);
    if (!active_[i] || answer.active[i]) continue;
    const std::int32_t* stopped = &answer.stopped[4 * i];
    const Update& u = *updates_[static_cast<std::size_t>(stopped[0] - 1)];
    step_words_[0] = stopped[2];
    step_words_[1] = stopped[3];
    const std::uint64_t step =
        static_cast<std::uint32_t>(stopped[2]) | std::uint64_t{static_cast<std::uint32_t>(stopped[3])} << 32;
    fetched();
    const std::string op =
        u.plan_->find_non_finite(team, a, agents(), [&](Tensor t) { return u.host_.at(t.id); });
    active_[i] = 0;
    const bool finite = stopped[1] >= nn::kMostGroups;
    const auto group = static_cast<std::size_t>(finite ? stopped[1] - nn::kMostGroups : stopped[1]);
    stop_reason_[i] = reason(u.groups_[group].name, finite, step + 1, op);
  }
}

}  // namespace hardy::algorithms
