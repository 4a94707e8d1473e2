// What a learner computes: networks and their parameters' layout, and for each update its graph with all
// gradients and what descends by them. Built once (builder.h) and never changed; an executor (executor.h)
// makes it ready for one kind of machine.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "algorithms/learning/network.h"
#include "engine/comm/ranks.h"
#include "engine/graph/graph.h"
#include "engine/nn/optimise.h"
#include "engine/nn/schedules.h"

namespace hardy::algorithms {

using graph::Graph;
using graph::Tensor;

// Passes of an update whose number is not known beforehand: the host fills the update's tables before each.
// Processes take them in turn, and each has the same feed.
class PassFeed {
 public:
  virtual ~PassFeed() = default;
  virtual std::int64_t passes() const = 0;  // of this step; at least 1
  virtual void fill(std::int64_t pass) = 0;
  virtual void ran(std::int64_t /*pass*/) {}  // what it left (Update::leave) may be read
  // After the last: what each of the processes has read of its own passes, to all.
  virtual void share(comm::Ranks& /*ranks*/) {}
};

struct UpdateProgram {
  struct Loss {
    std::string name;
    Tensor value;  // [agents]
    nn::Schedule learning_rate;
  };
  struct Gradient {
    Tensor value;
    int tensor;
  };
  struct Segment {  // one tensor that moves
    int tensor;
    int target;  // its Polyak average; -1: none
    int group;
  };
  struct State {
    std::string name;
    Tensor now, next;  // next {}: it stays
  };
  struct Report {
    std::string name;
    Tensor value;  // [agents]
  };
  struct Table {
    Tensor value;
    void* memory;
  };

  std::string name;
  Graph graph;
  Tensor seeds, step;                // step: two words of the step's number, and the pass within it
  std::map<int, Tensor> parameters;  // by their place in the layout
  std::vector<Tensor> outputs;       // all that is read after a pass
  std::vector<Tensor> on_demand;     // what is read after a pass where reports are asked for alone
  std::vector<Loss> losses;
  std::vector<nn::GroupSettings> groups;  // one a loss; then those whose targets alone move
  std::vector<Gradient> gradients;
  std::vector<Segment> segments;
  std::vector<State> states;
  std::vector<Report> reports;
  std::vector<Table> tables;
  std::int64_t every = 1;    // it runs at each every-th step
  std::int64_t passes = 1;   // over batches, before one descent
  std::int64_t shards = 1;   // of equally many passes, each with a sum of its own
  PassFeed* feed = nullptr;  // instead: as many as it fills, summed

  bool due(std::int64_t step_number) const { return (step_number + 1) % every == 0; }  // counted from 0
};

struct Program {
  std::vector<std::uint64_t> seeds;  // one an agent
  nn::ParameterLayout layout;
  std::vector<nn::TensorSpec> specs;  // by tensor of the layout: how it begins
  std::vector<Network> networks;
  std::vector<std::pair<int, int>> targets;  // a tensor, and the one that follows it
  std::map<std::string, float> values;       // that last from step to step, one an agent: their start
  std::vector<UpdateProgram> updates;

  std::int64_t agents() const { return static_cast<std::int64_t>(seeds.size()); }
};

// Every tensor drawn from its agent's own stream, by its name, so that it depends neither on other agents nor
// on the order of networks; targets are copies. What agents share is drawn from seed 0.
nn::ParameterStore initial_parameters(const Program& program);

}  // namespace hardy::algorithms
