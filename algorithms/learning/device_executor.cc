// Steps on a device: each update's plan, its gate and its descent, put into one stream and captured at the
// first step as one graph; and what is brought back.
#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "algorithms/learning/executor.h"
#include "algorithms/learning/learner_device.h"

namespace hardy::algorithms {
namespace {

class DeviceExecutor final : public Executor {
 public:
  DeviceExecutor(const Program& program, TrainingState& state, device::Device& device)
      : program_(program),
        state_(state),
        device_(device, program.agents()),
        seeds_(seed_words(program.seeds)) {
    device_.mirror().place_of(memory().data(), memory().size());  // as one piece
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

  void step(ThreadTeam&) override {
    begin();
    std::uint64_t kind = 0;
    for (std::size_t i = 0; i < updates_.size(); ++i)
      kind |= std::uint64_t{updates_[i].update->due(state_.step)} << i;
    device_.step(
        state_.step, kind,
        [&](device::Stream& stream) {
          for (Ready& r : updates_) {
            r.plan.enqueue(stream);
            r.descent->load(stream);
          }
          if (writes_in_place()) {  // what the host still has is as it was before
            stream.synchronise();
            send_parameters();
          }
        },
        [&](device::Stream& stream) { enqueue(stream); });
    fetched_ = false;
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
    for (Ready& r : updates_)  // what is not due, as the CPU's executor evaluates it
      if (state_.step > 0 && !r.update->due(state_.step - 1)) run(r, device_.mirror().stream());
    device_.ask(step);
  }

  std::vector<StepReports> reports_that_came(ThreadTeam& team, bool wait) override {
    std::vector<StepReports> all = std::exchange(came_, {});
    for (LearnerDevice::Answer& answer : device_.answers(wait)) {
      note_stopped(answer, team);
      all.push_back(std::move(answer.reports));
    }
    return all;
  }

  void fetch() override {
    if (fetched_) return;
    device_.download(memory().data(), memory().size_bytes());
    for (auto& [name, values] : state_.values) device_.download(values.data(), values.size() * sizeof(float));
    fetched_ = true;
  }
  void send_parameters() override {
    device_.mirror().upload(memory().data(), memory().size_bytes());
    fetched_ = true;
  }
  void send_progress() override {
    for (const auto& [name, values] : state_.values)
      device_.mirror().upload(values.data(), values.size() * sizeof(float));
    device_.upload(state_.step, state_.active);
  }
  device::Mirror* mirror() override { return &device_.mirror(); }
  std::size_t nodes() const override { return device_.nodes(); }
  std::string describe() const override { return describe_plans(updates_); }

 private:
  struct Ready {
    const UpdateProgram* update;
    graph::Plan plan;
    std::map<std::int32_t, void*> host;                  // a graph's input -> where it is on the host
    std::unique_ptr<nn::DeviceAccumulator> accumulator;  // of several passes
    std::unique_ptr<nn::DeviceDescent> descent;
  };

  std::span<float> memory() { return state_.parameters.memory(); }
  float* there(float* host, std::int64_t elements) {
    return host ? device_.mirror().place_of(host, static_cast<std::size_t>(elements)) : nullptr;
  }
  void bind(Ready& r, const Binding& b) {
    r.host[b.value.id] = b.memory;
    r.plan.bind(b.value, device_.mirror().place(b.memory, b.bytes));
  }

  void make_ready(const UpdateProgram& update) {
    Ready r{
        &update,
        graph::Plan(update.graph, update.outputs,
                    graph::PlanOptions{.agents = program_.agents(), .device = &device_.mirror().device()}),
        {},
        nullptr,
        nullptr};
    for (const Binding& b : bindings_of(update, state_, seeds_)) bind(r, b);
    r.plan.bind(update.step, device_.memory().step);
    r.host[update.step.id] = words_.words;
    updates_.push_back(std::move(r));
  }

  // Whether a step changes parameters by its plans: those that it writes over.
  bool writes_in_place() const {
    return std::ranges::any_of(updates_, [](const Ready& r) {
      return std::ranges::any_of(r.update->graph.nodes(), [](const graph::Node& n) { return n.op->writes; });
    });
  }

  // That plans and tables will take beside what is there already.
  std::size_t bytes() const {
    std::size_t total = 0;
    std::set<void*> tables;  // that updates share
    for (const Ready& r : updates_) {
      total += r.plan.own_bytes();
      for (const UpdateProgram::Table& t : r.update->tables)
        if (!tables.insert(t.memory).second) total -= value_bytes(*r.update, t.value);
    }
    return total;
  }

  // Before the first step: what follows the plans.
  void begin() {
    if (begun_) return;
    std::vector<LearnerDevice::Source> sources;
    for (std::size_t i = 0; i < updates_.size(); ++i) {
      Ready& r = updates_[i];
      const UpdateProgram& u = *r.update;
      if (u.passes > 1)
        r.accumulator = std::make_unique<nn::DeviceAccumulator>(
            device_.mirror().device(), accumulated_by(u, r.plan), u.passes, device_.memory().step);
      std::vector<nn::Segment> segments = segments_of(u, state_.parameters);
      for (nn::Segment& s : segments) {
        const std::int64_t n = s.agents * s.elements_per_agent;
        s.value = there(s.value, n);
        s.gradient = there(const_cast<float*>(s.gradient), n);
        s.first_moment = there(s.first_moment, n);
        s.second_moment = there(s.second_moment, n);
        s.target = there(s.target, n);
      }
      r.descent = std::make_unique<nn::DeviceDescent>(device_.mirror().device(), segments, gate_of(r, i));
      for (const UpdateProgram::Loss& loss : u.losses)
        sources.push_back({"loss/" + loss.name, r.plan.raw(loss.value)});
      for (const UpdateProgram::Report& report : u.reports)
        sources.push_back({report.name, r.plan.raw(report.value)});
    }
    device_.set_sources(std::move(sources));
    device_.upload(state_.step, state_.active);
    begun_ = true;
  }

  nn::Gate gate_of(const Ready& r, std::size_t index) {
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

  static void run(Ready& r, device::Stream& stream) {
    for (std::int64_t pass = 0; pass < r.update->passes; ++pass) {
      r.plan.enqueue(stream);
      if (r.accumulator) r.accumulator->enqueue(stream, pass);
    }
  }

  void enqueue(device::Stream& stream) {
    std::size_t left = 0;
    for (const Ready& r : updates_) left += r.update->due(state_.step);
    for (Ready& r : updates_) {
      if (!r.update->due(state_.step)) continue;
      run(r, stream);
      r.descent->enqueue(stream, --left == 0);
    }
  }

  // An agent that the gate stopped: its parameters and lasting values are still those of that step, so that
  // the CPU finds the op that gave the first bad number.
  void note_stopped(const LearnerDevice::Answer& answer, ThreadTeam& team) {
    for (std::size_t a = 0; a < state_.active.size(); ++a) {
      if (!state_.active[a] || answer.active[a]) continue;
      const std::int32_t* stopped = &answer.stopped[4 * a];
      const Ready& r = updates_[static_cast<std::size_t>(stopped[0] - 1)];
      const std::uint64_t step = static_cast<std::uint32_t>(stopped[2]) |
                                 std::uint64_t{static_cast<std::uint32_t>(stopped[3])} << 32;
      fetch();
      std::string op;
      for (std::int64_t pass = 0; pass < r.update->passes && op.empty(); ++pass) {
        words_.set(static_cast<std::int64_t>(step), pass);
        op = r.plan.find_non_finite(team, static_cast<std::int64_t>(a), program_.agents(),
                                    [&](Tensor t) { return r.host.at(t.id); });
      }
      state_.active[a] = 0;
      const bool finite = stopped[1] >= nn::kMostGroups;
      const auto loss = static_cast<std::size_t>(finite ? stopped[1] - nn::kMostGroups : stopped[1]);
      state_.stop_reason[a] = stop_reason(r.update->losses[loss].name, finite, step + 1, op);
    }
  }

  const Program& program_;
  TrainingState& state_;
  LearnerDevice device_;
  std::vector<std::int32_t> seeds_;
  StepWords words_;  // for the CPU, when it looks for what was not finite
  std::vector<Ready> updates_;
  std::vector<StepReports> came_;
  bool begun_ = false;
  bool fetched_ = true;  // the host's state is what the device has
};

}  // namespace

std::unique_ptr<Executor> make_device_executor(const Program& program, TrainingState& state,
                                               device::Device& device) {
  return std::make_unique<DeviceExecutor>(program, state, device);
}

}  // namespace hardy::algorithms
