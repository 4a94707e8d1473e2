// Steps on devices: each update's passes, the exchange of the shards' sums where there are several devices,
// its gate and its descent, put into one stream a device and captured at the first step as one graph each;
// and what is brought back. Several devices have the same state at every step, to the bit.
#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "algorithms/learning/device_replica.h"
#include "engine/device/group.h"

namespace hardy::algorithms {
namespace {

class DeviceExecutor final : public Executor {
 public:
  DeviceExecutor(const Program& program, TrainingState& state, const std::vector<device::Device*>& devices)
      : program_(program), state_(state) {
    const auto n = static_cast<std::int64_t>(devices.size());
    if (n > 1) group_ = device::make_group(devices);
    for (std::int64_t i = 0; i < n; ++i) {
      replicas_.push_back(
          std::make_unique<DeviceReplica>(program, state, *devices[static_cast<std::size_t>(i)], i, n));
      lives_.push_back(&replicas_.back()->device());
    }
  }

  void step(ThreadTeam&) override {
    begin();
    std::uint64_t kind = 0;
    for (std::size_t i = 0; i < program_.updates.size(); ++i)
      kind |= std::uint64_t{program_.updates[i].due(state_.step)} << i;
    watched([&] {
      LearnerDevice::step(
          lives_, state_.step, kind, [&] { warm_up(); }, [&] { enqueue(); });
    });
    fetched_ = false;
    ran_ = true;
    ++state_.step;
  }

  ReportValues reports() override {
    ThreadTeam team;
    ask_for_reports(state_.step);
    std::vector<StepReports> all = reports_that_came(team, true);
    ReportValues last = std::move(all.back().values);
    all.pop_back();
    came_.insert(came_.end(), all.begin(), all.end());  // asked for by others
    return last;
  }

  void ask_for_reports(std::int64_t step) override {
    begin();
    watched([&] {
      for (std::size_t i = 0; i < program_.updates.size(); ++i)  // what is not due, as the CPU's evaluates it
        if (state_.step > 0 && !program_.updates[i].due(state_.step - 1))
          first().device().naming([&] { first().run_all(i); });
      if (ran_) first().device().naming([&] { first().run_on_demand(); });
      first().device().ask(step);
      for (LearnerDevice* d : lives_) d->mark();
    });
  }

  std::vector<StepReports> reports_that_came(ThreadTeam& team, bool wait) override {
    std::vector<StepReports> all = std::exchange(came_, {});
    std::vector<LearnerDevice::Answer> answers;
    watched([&] {
      wait ? settle() : void(settled());
      answers = first().device().answers(wait);
    });
    for (LearnerDevice::Answer& answer : answers) {
      note_stopped(answer, team);
      all.push_back(std::move(answer.reports));
    }
    return all;
  }

  void fetch() override {
    if (fetched_) return;
    watched([&] {
      for (LearnerDevice* d : lives_) d->mark();
      settle();
      const std::span<float> memory = state_.parameters.memory();
      first().device().download(memory.data(), memory.size_bytes());
      for (auto& [name, values] : state_.values)
        first().device().download(values.data(), values.size() * sizeof(float));
    });
    fetched_ = true;
  }
  void send_parameters() override {
    for (const auto& r : replicas_) r->send_parameters();
    fetched_ = true;
  }
  void send_progress() override {
    for (const auto& r : replicas_) r->send_values();
  }
  device::Mirror* mirror() override { return lives_.size() > 1 ? nullptr : &first().device().mirror(); }
  std::size_t nodes() const override { return replicas_.front()->device().nodes(); }  // of each
  std::string describe() const override { return replicas_.front()->describe(); }
  double flops() const override { return replicas_.front()->flops(); }

 private:
  DeviceReplica& first() { return *replicas_.front(); }  // which is asked: all have the same
  void begin() {
    for (const auto& r : replicas_) r->begin();
  }

  void warm_up() {
    for (const auto& r : replicas_) r->device().naming([&] { r->warm_up(); });
    // NCCL connects the devices at its first exchange, of sums that nobody reads.
    for (std::size_t i = 0; group_ && i < program_.updates.size(); ++i) gather(i);
  }

  void enqueue() {
    std::size_t left = 0;
    for (const UpdateProgram& u : program_.updates) left += u.due(state_.step);
    for (std::size_t i = 0; i < program_.updates.size(); ++i) {
      if (!program_.updates[i].due(state_.step)) continue;
      --left;
      for (const auto& r : replicas_) r->device().naming([&] { r->run_own(i); });
      if (group_) gather(i);
      for (const auto& r : replicas_) r->device().naming([&] { r->descend(i, left == 0); });
    }
  }

  void gather(std::size_t update) {
    if (!first().sums(update)) return;  // it only moves targets: there is nothing to share
    std::vector<device::Stream*> streams;
    std::vector<void*> all;
    for (const auto& r : replicas_) {
      streams.push_back(&r->device().mirror().stream());
      all.push_back(r->sums(update));
    }
    group_->gather(streams, all, first().sums_bytes(update));
  }

  // One that fails never comes to the next exchange, and the others wait there for it: they are looked at in
  // turn, waited for only when all have come, and let go where one failed.
  template <class Work>
  void watched(const Work& work) {
    if (!group_) return work();
    try {
      work();
    } catch (...) {
      for (LearnerDevice* d : lives_) d->forget_captured();
      group_->abandon();
      throw;
    }
  }
  bool settled() {
    return lives_.size() == 1 || std::ranges::count_if(lives_, [](LearnerDevice* d) {
                                   return d->passed();
                                 }) == static_cast<std::ptrdiff_t>(lives_.size());
  }
  void settle() {
    while (!settled()) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }

  // An agent that the gate stopped: its parameters and lasting values are still those of that step, so that
  // the CPU finds the op that gave the first bad number.
  void note_stopped(const LearnerDevice::Answer& answer, ThreadTeam& team) {
    for (std::size_t a = 0; a < state_.active.size(); ++a) {
      if (!state_.active[a] || answer.active[a]) continue;
      const std::int32_t* stopped = &answer.stopped[4 * a];
      const auto update = static_cast<std::size_t>(stopped[0] - 1);
      const std::uint64_t step = static_cast<std::uint32_t>(stopped[2]) |
                                 std::uint64_t{static_cast<std::uint32_t>(stopped[3])} << 32;
      fetch();
      const std::string op = first().first_not_finite(update, static_cast<std::int64_t>(a),
                                                      static_cast<std::int64_t>(step), team);
      state_.active[a] = 0;
      const bool finite = stopped[1] >= nn::kMostGroups;
      const auto loss = static_cast<std::size_t>(finite ? stopped[1] - nn::kMostGroups : stopped[1]);
      state_.stop_reason[a] = stop_reason(program_.updates[update].losses[loss].name, finite, step + 1, op);
    }
  }

  const Program& program_;
  TrainingState& state_;
  std::unique_ptr<device::Group> group_;  // of several devices; outlives their captured steps
  std::vector<std::unique_ptr<DeviceReplica>> replicas_;
  std::vector<LearnerDevice*> lives_;  // theirs
  std::vector<StepReports> came_;
  bool fetched_ = true;  // the host's state is what the devices have
  bool ran_ = false;     // a step, here
};

}  // namespace

std::unique_ptr<Executor> make_device_executor(const Program& program, TrainingState& state,
                                               const std::vector<device::Device*>& devices) {
  return std::make_unique<DeviceExecutor>(program, state, devices);
}

}  // namespace hardy::algorithms
