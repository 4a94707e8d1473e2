// Everything that gradient descent needs around a method's losses. A method builds networks and updates
// (builder.h); finish() makes a program of them (program.h) and an executor of it for a device (executor.h);
// steps then change the state that a checkpoint keeps.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "algorithms/learning/builder.h"
#include "algorithms/learning/executor.h"

namespace hardy::algorithms {

class Learner {
 public:
  // seeds: one an agent; everything random about an agent follows from its seed. device: where it trains;
  // null: on the CPU.
  explicit Learner(std::vector<std::uint64_t> seeds, device::Device* device = nullptr,
                   const DescentDefaults& defaults = {});

  std::int64_t agents() const { return static_cast<std::int64_t>(seeds_.size()); }
  std::span<const std::uint64_t> seeds() const { return seeds_; }
  comm::Ranks& ranks() const { return ranks_; }  // that train it together; alone() where one process does

  // --- building
  // Has the method say what it learns, and finishes. What trains on several devices is built so: the method
  // is asked once more for each of them, for its agents.
  void build(const std::function<void(Learner&)>& method);
  Network network(const std::string& name, nn::ArchitecturePtr architecture,
                  nn::Role role = nn::Role::kTrainable) {
    return builder_.network(name, std::move(architecture), role);
  }
  Network network(const std::string& name, const nn::MlpSpec& spec) { return network(name, nn::mlp(spec)); }
  Network vector(const std::string& name, std::int64_t size, float start) {  // a bare parameter [A, size]
    return network(name, nn::vector(size, start));
  }
  Network target_of(const Network& network, const std::string& name = "") {  // begins as its copy
    return builder_.target_of(network, name);
  }
  Update& update(const std::string& name) { return builder_.update(name); }
  void finish();  // differentiates, plans, initialises; nothing may be built afterwards

  const Program& program() const;

  // --- running
  // One step of every update that is due. Agents with a loss or a gradient that is not finite are stopped
  // before their parameters change. On a device the step is put into its stream as one launch; what came of
  // it is seen by what follows.
  void step(ThreadTeam& team) { executor().step(team); }
  std::int64_t steps_done() const { return state_ ? state_->step : 0; }
  bool active(std::int64_t agent) const { return training().active[static_cast<std::size_t>(agent)] != 0; }
  const std::string& stop_reason(std::int64_t agent) const {
    return training().stop_reason[static_cast<std::size_t>(agent)];
  }
  // Values of the last step, by name: one an agent. On a device this waits for them.
  ReportValues reports() { return executor().reports(); }
  // The same beside the training: asked for after a step, which the caller numbers as it counts, and fetched
  // when they have come (all, if `wait`). On a device, that an agent was stopped is seen when the reports of
  // a later step come.
  void ask_for_reports(std::int64_t step) { executor().ask_for_reports(step); }
  std::vector<StepReports> reports_that_came(ThreadTeam& team, bool wait = false) {
    return executor().reports_that_came(team, wait);
  }
  device::Mirror* mirror() { return executor().mirror(); }  // null on the CPU, and on several devices

  // Brought to the host first where the learner trains on a device.
  const nn::ParameterStore& parameters() const;
  // The host's own values, moments too: what `write` leaves in the store is what training goes on with,
  // wherever it trains.
  void write_parameters(const std::function<void(nn::ParameterStore&)>& write);

  // --- what a checkpoint keeps beside the parameters
  struct State {
    std::int64_t step = 0;
    std::vector<std::uint8_t> active;
    std::vector<std::string> stop_reason;
    std::map<std::string, std::vector<float>> values;  // Update::state by name
  };
  State state() const;
  void restore(const State& state);
  // All ranks have the first one's state afterwards, moments and all.
  void share_state();

  std::string describe_plans() const { return executor().describe(); }
  double flops() const { return executor().flops(); }              // of a step's matrix products, all agents
  std::size_t device_nodes() const { return executor().nodes(); }  // of the captured step

 private:
  Executor& executor() const;
  const TrainingState& training() const;

  std::vector<std::uint64_t> seeds_;
  device::Device* device_;
  comm::Ranks& ranks_;
  DescentDefaults defaults_;
  ProgramBuilder builder_;
  std::unique_ptr<const Program> program_;
  std::unique_ptr<TrainingState> state_;
  std::vector<std::unique_ptr<Learner>> parts_;  // of what trains on several devices, until it is finished
  std::unique_ptr<Executor> executor_;           // after what it refers to
};

}  // namespace hardy::algorithms
