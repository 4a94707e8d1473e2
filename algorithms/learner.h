// Everything that gradient descent needs around a method's losses: networks, their parameters for all
// agents, targets, the graphs, the optimisers, the draws, and the state that a checkpoint keeps.
//
// A method builds one or more updates, run in order at each step; each is a graph that ends in
// optimiser steps:
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
  // This step's draws: standard normal [A, ...], uniform indices [A, n] below `limit` (i32 [1]).
  Tensor normal(const Shape& shape, Stream stream);
  Tensor indices(std::int64_t n, Tensor limit, Stream stream);

  Tensor apply(const Network& network, Tensor x);
  Tensor parameter(const Network& network, std::size_t tensor);  // one tensor of it as a graph value
  // One number per agent that lasts from step to step and into checkpoints; `next` is its value after the
  // step.
  Tensor state(const std::string& name, float start);
  void set_state(const std::string& name, Tensor next);

  // After the pass, one optimiser step on the networks' parameters down the gradient of loss [A].
  void minimise(const std::string& name, Tensor loss, std::initializer_list<Network> networks,
                const Descent& descent);
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

  Learner& learner_;
  std::string name_;
  Graph graph_;
  Tensor seeds_, step_;
  std::map<int, Tensor> parameters_;  // store index -> graph value
  std::vector<Group> groups_;
  std::vector<StateSlot> states_;
  std::vector<Report> reports_;
  std::unique_ptr<graph::Plan> plan_;
  std::unique_ptr<nn::Optimiser> optimiser_;
  std::vector<double> rates_;
};

class Learner {
 public:
  // seeds: one an agent; everything random about an agent follows from its seed.
  explicit Learner(std::vector<std::uint64_t> seeds);

  std::int64_t agents() const { return static_cast<std::int64_t>(seeds_.size()); }
  std::span<const std::uint64_t> seeds() const { return seeds_; }

  // --- building
  Network network(const std::string& name, const nn::MlpSpec& spec);
  Network vector(const std::string& name, std::int64_t size, float start);  // a bare parameter [A, size]
  Network target_of(const Network& network);                                // begins as its copy
  Update& update(const std::string& name);
  void finish();  // allocates, initialises, differentiates and plans; nothing may be built afterwards

  // Memory behind a graph input, read in place at every step.
  void bind(Update& update, Tensor input, void* memory);

  // --- running
  // One step of every update. Agents whose loss is not finite are stopped before their parameters change.
  void step(ThreadTeam& team);
  std::int64_t steps_done() const { return step_; }
  bool active(std::int64_t agent) const { return active_[static_cast<std::size_t>(agent)] != 0; }
  const std::string& stop_reason(std::int64_t agent) const {
    return stop_reason_[static_cast<std::size_t>(agent)];
  }
  // Values of the last step, by name: one an agent.
  std::map<std::string, std::vector<double>> reports() const;

  nn::ParameterStore& parameters() { return store_; }
  const nn::ParameterStore& parameters() const { return store_; }

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

 private:
  friend class Update;
  void stop_agents_with_bad_losses(Update& update, ThreadTeam& team);
  void plan(Update& update);

  std::vector<std::uint64_t> seeds_;
  nn::ParameterStore store_;
  std::vector<nn::TensorSpec> specs_;                                   // by store index
  std::vector<std::pair<std::vector<int>, std::vector<int>>> targets_;  // (network's tensors, its target's)
  std::vector<std::unique_ptr<Update>> updates_;
  std::map<std::string, std::vector<float>> state_values_;
  std::vector<std::int32_t> seed_words_;
  std::int32_t step_words_[2] = {0, 0};
  std::int64_t step_ = 0;
  std::vector<std::uint8_t> active_;
  std::vector<std::string> stop_reason_;
};

}  // namespace hardy::algorithms
