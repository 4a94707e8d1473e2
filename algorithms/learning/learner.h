// Everything that gradient descent needs around a method's losses: networks, their parameters for all
// agents, targets, the graphs, the optimisers, the draws, and the state that a checkpoint keeps.
//
// A method builds one or more updates, run in order at each step (or every n-th one); each is a graph that
// ends in optimiser steps:
//
//   Update& u = learner.update("critic");
//   Network q = learner.ensemble("q", spec);
//   u.minimise(loss, {q}, {.learning_rate = Schedule::constant(3e-4)});
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "algorithms/learning/learner_device.h"
#include "engine/base/threads.h"
#include "engine/graph/graph.h"
#include "engine/graph/plan.h"
#include "engine/nn/mlp.h"
#include "engine/nn/optimise.h"
#include "engine/nn/parameters.h"
#include "engine/nn/schedules.h"

namespace hardy::algorithms {

using graph::Graph;
using graph::Tensor;

struct Network {
  std::string name;
  nn::MlpSpec spec;
  std::vector<int> tensors;  // in the store: w0, b0, w1, ...
  bool target = false;
};

struct Descent {
  nn::Schedule learning_rate = nn::Schedule::constant(3e-4);
  double polyak = 0;  // > 0: the networks' targets follow, target <- (1 - polyak) target + polyak value
  nn::GroupSettings rule = {};
};

class Learner;

class Update {
 public:
  Update(Learner& learner, std::string name);

  Graph& graph() { return graph_; }
  std::int64_t agents() const;
  // Runs at every n-th step only, the n-th being the first; its schedules and Adam's bias count its own
  // steps.
  Update& every(std::int64_t n);
  // This step's draws: standard normal [A, ...], uniform indices [A, n] below `limit` (i32 [1]).
  Tensor normal(const Shape& shape, Stream stream);
  Tensor indices(std::int64_t n, Tensor limit, Stream stream);

  // Memory that the graph reads in place at every step: on a device, its copy there (Learner::mirror()). It
  // outlives the learner. shared: the same for all agents, whatever its leading axis.
  Tensor table(const std::string& name, DType type, const Shape& shape, void* memory, bool shared);

  Tensor apply(const Network& network, Tensor x);
  Tensor parameter(const Network& network, std::size_t tensor);  // one tensor of it as a graph value
  // One number per agent that lasts from step to step and into checkpoints; `next` is its value after the
  // step.
  Tensor state(const std::string& name, float start);
  void set_state(const std::string& name, Tensor next);

  // After the pass, one optimiser step on the networks' parameters down the gradient of loss [A].
  void minimise(const std::string& name, Tensor loss, std::initializer_list<Network> networks,
                const Descent& descent);
  // After the descents of this update: the networks' targets follow, target <- (1 - polyak) target + polyak
  // value. For targets that move with another update than their networks; else Descent::polyak serves.
  void follow(std::initializer_list<Network> networks, double polyak);
  void report(const std::string& name, Tensor per_agent);  // [A], logged beside the losses

 private:
  friend class Learner;
  struct Group {
    std::string name;
    Tensor loss;
    std::vector<Network> networks;
    Descent descent;
  };
  struct StateSlot {
    std::string name;
    Tensor now, next;
    std::vector<float>* values = nullptr;
  };
  struct Report {
    std::string name;
    Tensor value;
  };
  struct Table {
    Tensor value;
    void* memory;
  };
  struct Following {
    std::vector<Network> networks;
    double polyak;
  };
  bool due(std::int64_t step) const { return (step + 1) % every_ == 0; }  // steps counted from 0

  Learner& learner_;
  std::string name_;
  Graph graph_;
  Tensor seeds_, step_;
  std::map<int, Tensor> parameters_;  // store index -> graph value
  std::vector<Group> groups_;
  std::vector<StateSlot> states_;
  std::vector<Report> reports_;
  std::vector<Table> tables_;
  std::vector<Following> following_;
  std::int64_t every_ = 1;
  std::unique_ptr<graph::Plan> plan_;
  std::unique_ptr<nn::Optimiser> optimiser_;  // of the CPU
  std::vector<double> rates_;
  std::vector<nn::Segment> segments_;  // what the optimiser moves, where the plan runs
  std::vector<nn::GroupSettings> settings_;
  std::unique_ptr<nn::DeviceDescent> descent_;  // of a device
  std::map<std::int32_t, void*> host_;          // graph input -> where it is on the host
};

class Learner {
 public:
  // seeds: one an agent; everything random about an agent follows from its seed. device: where it trains;
  // null: on the CPU.
  explicit Learner(std::vector<std::uint64_t> seeds, device::Device* device = nullptr);

  std::int64_t agents() const { return static_cast<std::int64_t>(seeds_.size()); }
  std::span<const std::uint64_t> seeds() const { return seeds_; }

  // --- building
  Network network(const std::string& name, const nn::MlpSpec& spec);
  Network vector(const std::string& name, std::int64_t size, float start);  // a bare parameter [A, size]
  Network target_of(const Network& network);                                // begins as its copy
  Update& update(const std::string& name);
  void finish();  // allocates, initialises, differentiates and plans; nothing may be built afterwards

  device::Mirror* mirror() { return device_ ? &device_->mirror() : nullptr; }  // null on the CPU

  // --- running
  // One step of every update. Agents with a loss or a gradient that is not finite are stopped before their
  // parameters change. On a device the step is put into its stream as one launch; what came of it is seen by
  // what follows.
  void step(ThreadTeam& team);
  std::int64_t steps_done() const { return step_; }
  bool active(std::int64_t agent) const { return active_[static_cast<std::size_t>(agent)] != 0; }
  const std::string& stop_reason(std::int64_t agent) const {
    return stop_reason_[static_cast<std::size_t>(agent)];
  }
  // Values of the last step, by name: one an agent. On a device this waits for them.
  std::map<std::string, std::vector<double>> reports();
  // The same beside the training: asked for after a step, which the caller numbers as it counts, and fetched
  // when they have come (all, if `wait`). On a device, that an agent was stopped is seen when the reports of
  // a later step come.
  void ask_for_reports(std::int64_t step);
  std::vector<StepReports> reports_that_came(ThreadTeam& team, bool wait = false);

  // Brought to the host first where the learner trains on a device.
  nn::ParameterStore& parameters() { return fetched(); }
  const nn::ParameterStore& parameters() const { return fetched(); }

  // --- the state that a checkpoint keeps
  struct State {
    std::int64_t step = 0;
    std::vector<std::uint8_t> active;
    std::vector<std::string> stop_reason;
    std::map<std::string, std::vector<float>> values;  // Update::state by name
  };
  State state() const;
  void restore(const State& state);  // the store's slabs are restored by the caller

  std::string describe_plans() const;
  std::size_t device_bytes() const;  // that plans, parameters and tables take, or will take, on the device
  std::size_t device_nodes() const { return device_ ? device_->nodes() : 0; }  // of the captured step

 private:
  friend class Update;
  nn::ParameterStore& fetched() const;
  std::span<float> slabs() const;
  template <class T>
  T* place(T* host, std::size_t count) const {
    return device_ ? device_->mirror().place_of(host, count) : host;
  }
  void bind(Update& update, Tensor input, void* memory);
  float* target_of(int tensor);  // where its Polyak average is; null: it has none
  void make_optimiser(Update& update);
  void begin_on_device();
  void enqueue(device::Stream& stream);
  void note_stopped(const LearnerDevice::Answer& answer, ThreadTeam& team);
  static std::string reason(const std::string& loss, bool finite, std::uint64_t step, const std::string& op);
  void stop_broken_agents(Update& update, ThreadTeam& team);
  void evaluate_undue();
  void set_step_words();
  void plan(Update& update);

  std::vector<std::uint64_t> seeds_;
  mutable nn::ParameterStore
      store_;  // on a device: a copy of what is there, brought up to date when asked for
  std::vector<nn::TensorSpec> specs_;                                   // by store index
  std::vector<std::pair<std::vector<int>, std::vector<int>>> targets_;  // (network's tensors, its target's)
  std::vector<std::unique_ptr<Update>> updates_;
  std::map<std::string, std::vector<float>> state_values_;
  std::vector<std::int32_t> seed_words_;
  std::int32_t step_words_[2] = {0, 0};
  std::int64_t step_ = 0;
  std::vector<std::uint8_t> active_;
  std::vector<std::string> stop_reason_;
  std::unique_ptr<LearnerDevice> device_;  // null on the CPU
  mutable bool fetched_ = true;            // the store is what the device has
  std::vector<StepReports> came_;          // on the CPU, asked for and not yet fetched
};

}  // namespace hardy::algorithms
