#include "algorithms/learning/learner_device.h"

#include <algorithm>
#include <cstring>

namespace hardy::algorithms {

LearnerDevice::LearnerDevice(device::Device& device, std::int64_t agents, bool several)
    : agents_(agents),
      several_(several),
      name_(device.info().name),
      mirror_(device),
      side_(device.stream()),
      marked_(device.event()),
      words_(device::allocate(device, static_cast<std::size_t>(16 + 20 * agents))) {
  auto* at = static_cast<std::byte*>(words_.get());
  memory_.step = reinterpret_cast<std::int32_t*>(at);
  memory_.stopped = reinterpret_cast<std::int32_t*>(at + 16);
  memory_.active = reinterpret_cast<std::int32_t*>(at + 16 + 16 * agents);
}

std::size_t LearnerDevice::nodes() const {
  std::size_t most = 0;
  for (const auto& [kind, step] : captured_) most = std::max(most, step->nodes());
  return most;
}

void LearnerDevice::step(std::span<LearnerDevice* const> all, std::int64_t number, std::uint64_t kind,
                         const std::function<void()>& warm_up, const std::function<void()>& body) {
  LearnerDevice& first = *all.front();
  for (LearnerDevice* d : all) d->steps_ = number + 1;
  if (first.mirror_.device().options().check) return body();
  if (first.captured_.empty()) {
    warm_up();  // libraries load their kernels at first use, which a capture would not take
    for (LearnerDevice* d : all) d->naming([&] { d->mirror_.stream().synchronise(); });
  }
  if (!first.captured_[kind]) capture(all, kind, body);
  for (LearnerDevice* d : all) d->naming([&] { d->mirror_.stream().replay(*d->captured_.at(kind)); });
}

// Of the first one, around that of the others, around what is captured.
void LearnerDevice::capture(std::span<LearnerDevice* const> all, std::uint64_t kind,
                            const std::function<void()>& body) {
  if (all.empty()) return body();
  LearnerDevice& d = *all.front();
  d.captured_[kind] = d.mirror_.stream().capture([&] { capture(all.subspan(1), kind, body); });
}

void LearnerDevice::mark() {
  if (!several_) return;
  naming([&] { mirror_.stream().record(*marked_); });
  marked_step_ = steps_;
}
bool LearnerDevice::passed() {
  bool reached = true;
  naming([&] { reached = marked_->reached(); });
  if (reached) good_ = std::max(good_, marked_step_);
  return reached;
}

std::size_t LearnerDevice::slot_bytes() const {
  const auto a = static_cast<std::size_t>(agents_);
  return sources_.size() * a * sizeof(float) + 20 * a;
}

void LearnerDevice::ask(std::int64_t step) {
  device::Device& device = mirror_.device();
  if (free_.empty())
    free_.push_back({device::allocate(device, slot_bytes()), device::allocate_pinned(device, slot_bytes()),
                     device.event(), device.event(), -1});
  Slot slot = std::move(free_.back());
  free_.pop_back();
  slot.step = step;
  // The values as they are now, set aside in the training's own stream; from there they go at leisure.
  auto* to = static_cast<std::byte*>(slot.staging.get());
  const auto set_aside = [&](const void* from, std::size_t bytes) {
    mirror_.stream().copy(to, from, bytes);
    to += bytes;
  };
  const auto a = static_cast<std::size_t>(agents_);
  naming([&] {
    for (const Source& s : sources_) set_aside(s.place, a * sizeof(float));
    set_aside(memory_.stopped, 20 * a);  // and `active`, which follows it
    mirror_.stream().record(*slot.taken);
    side_->wait(*slot.taken);
    side_->copy_out(slot.pinned.get(), slot.staging.get(), slot_bytes());
    side_->record(*slot.copied);
  });
  pending_.push_back(std::move(slot));
}

LearnerDevice::Answer LearnerDevice::read(Slot& slot) const {
  Answer answer;
  answer.reports.step = slot.step;
  const auto a = static_cast<std::size_t>(agents_);
  const auto* values = static_cast<const float*>(slot.pinned.get());
  for (const Source& s : sources_) {
    answer.reports.values[s.name].assign(values, values + a);
    values += a;
  }
  answer.stopped.resize(4 * a);
  answer.active.resize(a);
  std::memcpy(answer.stopped.data(), values, 16 * a);
  std::memcpy(answer.active.data(), reinterpret_cast<const std::byte*>(values) + 16 * a, 4 * a);
  return answer;
}

std::vector<LearnerDevice::Answer> LearnerDevice::answers(bool wait) {
  std::vector<Answer> all;
  while (!pending_.empty()) {
    Slot& slot = pending_.front();
    bool come = true;
    naming([&] { wait ? slot.copied->wait() : void(come = slot.copied->reached()); });
    if (!come) break;
    good_ = slot.step;
    all.push_back(read(slot));
    slot.step = -1;
    free_.push_back(std::move(slot));
    pending_.pop_front();
  }
  return all;
}

void LearnerDevice::download(void* host, std::size_t bytes) {
  naming([&] { mirror_.download(host, bytes); });
  good_ = steps_;
}

void LearnerDevice::upload(std::int64_t step, const std::vector<std::uint8_t>& active) {
  device::Device& device = mirror_.device();
  StepWords now;
  now.set(step);
  device.upload(memory_.step, now.words, sizeof now.words);
  const std::vector<std::int32_t> flags(active.begin(), active.end());
  device.upload(memory_.active, flags.data(), flags.size() * sizeof flags[0]);
  steps_ = good_ = step;
}

}  // namespace hardy::algorithms
