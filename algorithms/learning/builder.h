// How a method says what it learns: networks and targets, and one or more updates, run in order at each step
// (or every n-th one); each is a graph that ends in optimiser steps:
//
//   Network q = learner.network("q", spec);
//   Update& u = learner.update("critic");
//   u.minimise("q", loss, {q}, {.learning_rate = nn::Schedule::constant(3e-4)});
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "algorithms/learning/program.h"
#include "engine/base/random.h"
#include "engine/comm/ranks.h"
#include "engine/device/device.h"
#include "engine/nn/mlp.h"

namespace hardy::algorithms {

struct Descent {
  nn::Schedule learning_rate = nn::Schedule::constant(3e-4);
  double polyak = 0;  // > 0: the networks' targets follow, target <- (1 - polyak) target + polyak value
  // The 2-norm, per agent, that the gradient of this loss over all its networks together is held to
  // (clip_grad_norm_ of PyTorch); 0: it is left as it is. None: what the learner was given for all losses.
  std::optional<double> clip_norm = {};
  nn::GroupSettings rule = {};
};

// What holds for all updates of a learner that do not say otherwise.
struct DescentDefaults {
  double clip_norm = 0;
  std::int64_t passes = 1;  // as Update::accumulate has it, of each shard
  // Parts of a batch whose passes are summed apart before they are summed together, in their order: the same
  // bits, whichever process computes which.
  std::int64_t shards = 1;
  // Processes that share the shards evenly, and take a feed's passes in turn; on the CPU.
  comm::Ranks* ranks = &comm::alone();
  // Beside the learner's own: they share the shards evenly, or where there is one the agents
  // (Learner::build).
  std::vector<device::Device*> more_devices = {};
};

class ProgramBuilder;

class Update {
 public:
  Update(ProgramBuilder& builder, const std::string& name);

  Graph& graph() { return program_.graph; }
  std::int64_t agents() const;
  // Runs at every n-th step only, the n-th being the first; its schedules and Adam's bias count its own
  // steps.
  Update& every(std::int64_t n);
  // Runs its graph over n batches before one descent, down the mean of their gradients; losses, reports and
  // lasting values are means as well. Each pass goes on drawing where the one before stopped, so that n
  // passes over B / n rows see the rows and the noise of one pass over B rows, where what is drawn has the
  // rows as the first axis after the agents, and then the gradient of a mean over rows is the same
  // (engine/nn/accumulate.h). Said before anything is drawn.
  Update& accumulate(std::int64_t n);
  std::int64_t passes() const { return program_.passes; }  // of all shards
  // Says that a loss divides by (or else bends) a mean over the whole batch, `what`: shards have none of it,
  // and more than one are refused.
  void needs_whole_batch(const std::string& what) const;
  // Runs its graph as often as the feed fills its tables, before one descent down the sum of the gradients;
  // losses and reports are sums as well. At every step, and on the CPU alone. The feed outlives the learner.
  Update& accumulate(PassFeed& feed);
  // This step's draws: standard normal [A, ...], uniform indices [A, n] below `limit` (i32 [1]).
  Tensor normal(const Shape& shape, RandomStream stream);
  Tensor indices(std::int64_t n, Tensor limit, RandomStream stream);
  // x [A, ...] with a share of its elements dropped, the others made up for it (engine/ops/dropout.h): each
  // call of an update draws for itself.
  Tensor dropout(Tensor x, double rate);

  // Memory that the graph reads in place at every step: on a device, its copy there (Learner::mirror()). It
  // outlives the learner. shared: the same for all agents, whatever its leading axis.
  Tensor table(const std::string& name, DType type, const Shape& shape, void* memory, bool shared);

  // The value of `t` after each pass, at `memory` of its size, for the host to read. On the CPU alone.
  void leave(Tensor t, void* memory);

  // An op that writes in place, which runs with the update though no loss reads what it gave. Of one pass.
  void write(Tensor written);

  Tensor apply(const Network& network, Tensor x);
  Tensor parameter(const Network& network, std::size_t tensor);  // one tensor of it as a graph value
  std::vector<Tensor> parameters(const Network& network);        // all of them
  // One number per agent that lasts from step to step and into checkpoints; `next` is its value after the
  // step.
  Tensor state(const std::string& name, float start);
  void set_state(const std::string& name, Tensor next);

  // After the passes, one optimiser step on the networks' parameters down the gradient of loss [A].
  void minimise(const std::string& name, Tensor loss, std::initializer_list<Network> networks,
                const Descent& descent);
  // After the descents of this update: the networks' targets follow, target <- (1 - polyak) target + polyak
  // value. For targets that move with another update than their networks; else Descent::polyak serves.
  void follow(std::initializer_list<Network> networks, double polyak);
  void report(const std::string& name, Tensor per_agent);  // [A], logged beside the losses

 private:
  friend class ProgramBuilder;
  struct Group {
    std::string name;
    Tensor loss;
    std::vector<Network> networks;
    Descent descent;
  };
  struct Following {
    std::vector<Network> networks;
    double polyak;
  };
  ProgramBuilder& builder_;
  UpdateProgram program_;
  std::vector<Group> groups_;
  std::vector<Following> following_;
  std::int64_t dropouts_ = 0;
};

class ProgramBuilder {
 public:
  // seeds: one an agent; everything random about an agent follows from its seed.
  ProgramBuilder(std::vector<std::uint64_t> seeds, const DescentDefaults& defaults);
  ProgramBuilder(const ProgramBuilder&) = delete;  // its updates refer to it
  ProgramBuilder& operator=(const ProgramBuilder&) = delete;

  std::int64_t agents() const { return program_.agents(); }
  const std::vector<std::uint64_t>& seeds() const { return program_.seeds; }
  Network network(const std::string& name, nn::ArchitecturePtr architecture, nn::Role role);
  // Begins as its copy. name: "": the network's and "_target".
  Network target_of(const Network& network, const std::string& name = "");
  Update& update(const std::string& name);
  // Differentiates all losses. Nothing can be built afterwards.
  Program build();

 private:
  friend class Update;
  void require_open(const std::string& name) const;
  int target_of(int tensor) const;  // -1: it has none
  void finish(Update& update) const;
  void add_descents(Update& update, std::vector<int>& descending) const;
  void add_averages(Update& update, const std::vector<int>& descending) const;

  DescentDefaults defaults_;
  Program program_;
  std::vector<std::unique_ptr<Update>> updates_;
  bool built_ = false;
};

}  // namespace hardy::algorithms
