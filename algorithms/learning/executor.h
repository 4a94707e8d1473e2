// Runs a program's steps, on one kind of machine. One virtual call a step: what a step consists of is made
// ready when the executor is made.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "algorithms/learning/program.h"
#include "engine/base/threads.h"
#include "engine/comm/ranks.h"
#include "engine/device/mirror.h"
#include "engine/graph/plan.h"
#include "engine/nn/accumulate.h"
#include "engine/nn/parameters.h"

namespace hardy::algorithms {

// What training changes, on the host. An executor on a device trains its own copy, and brings this one up to
// date when it is told to.
struct TrainingState {
  explicit TrainingState(const Program& program);

  nn::ParameterStore parameters;
  std::map<std::string, std::vector<float>> values;  // Update::state, by name: one an agent
  std::int64_t step = 0;
  std::vector<std::uint8_t> active;  // agents whose losses and gradients were finite until now
  std::vector<std::string> stop_reason;
};

using ReportValues = std::map<std::string, std::vector<double>>;  // one an agent, by name
struct StepReports {
  std::int64_t step = 0;  // as whoever asked for them counts
  ReportValues values;
};

class Executor {
 public:
  virtual ~Executor() = default;
  // One step of every update that is due. Agents with a loss or a gradient that is not finite are stopped
  // before their parameters change.
  virtual void step(ThreadTeam& team) = 0;
  // Values of the last step, waited for; the same beside the training (Learner::ask_for_reports).
  virtual ReportValues reports() = 0;
  virtual void ask_for_reports(std::int64_t step) = 0;
  virtual std::vector<StepReports> reports_that_came(ThreadTeam& team, bool wait) = 0;
  // Between the host's state and where training goes on: parameters with their moments and lasting values are
  // brought here; what the host wrote is sent there, with or without its step and who is active.
  virtual void fetch() = 0;
  virtual void send_parameters() = 0;
  virtual void send_progress() = 0;
  virtual device::Mirror* mirror() = 0;      // null where it trains in the host's memory
  virtual std::size_t nodes() const = 0;     // of a captured step; 0: none is
  virtual std::string describe() const = 0;  // the plans
  virtual double flops() const = 0;          // of a step's matrix products, all agents (graph::Plan::flops)
};

// ranks: processes that have the same program in the same state; each computes its share of the shards, and
// all have the same state afterwards.
std::unique_ptr<Executor> make_cpu_executor(const Program& program, TrainingState& state,
                                            comm::Ranks& ranks = comm::alone());
// devices: of one backend; several share the shards evenly, and all have the same state afterwards.
std::unique_ptr<Executor> make_device_executor(const Program& program, TrainingState& state,
                                               const std::vector<device::Device*>& devices);
// parts: learners of the same program for its agents, equally many each, in their order: nothing goes between
// them.
class Learner;
std::unique_ptr<Executor> make_split_executor(TrainingState& state,
                                              std::vector<std::unique_ptr<Learner>> parts);

// --- what executors share

// What the random ops read: the step's number, and the pass within it.
struct StepWords {
  std::int32_t words[3] = {0, 0, 0};
  void set(std::int64_t step, std::int64_t pass = 0);
};
std::vector<std::int32_t> seed_words(std::span<const std::uint64_t> seeds);  // low and high of each

// Where the host keeps what an update's graph reads and writes: parameters, gradients, lasting values.
struct Binding {
  Tensor value;
  void* memory;
  std::size_t bytes;
};
std::vector<Binding> bindings_of(const UpdateProgram& update, TrainingState& state,
                                 std::vector<std::int32_t>& seeds);
std::size_t value_bytes(const UpdateProgram& update, Tensor value);
// What the optimiser moves, in the host's memory.
std::vector<nn::Segment> segments_of(const UpdateProgram& update, nn::ParameterStore& store);
// What an update leaves after each of several passes, once each, where a plan whose inputs are all bound has
// it.
std::vector<nn::Accumulated> accumulated_by(const UpdateProgram& update, const graph::Plan& plan);
// Of updates made ready, each with its `update` and its `plan`.
template <class Ready>
std::string describe_plans(const std::vector<Ready>& updates) {
  std::string text;
  for (const Ready& r : updates) text += r.update->name + "\n" + r.plan.describe();
  return text;
}
template <class Ready>
double flops_of_plans(const std::vector<Ready>& updates) {
  double total = 0;
  for (const Ready& r : updates) total += r.plan.flops() / static_cast<double>(r.update->every);
  return total;
}
// Why an agent stopped. finite: the loss is, its gradient is not; op: the first value that is not, "" if none
// is known.
std::string stop_reason(const std::string& loss, bool finite, std::uint64_t step, const std::string& op);

}  // namespace hardy::algorithms
