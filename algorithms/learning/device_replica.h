// A program on one device: each update's plan, what it leaves to be summed, its gate and its descent, all in
// the device's own memory; and what of a step is put into the device's stream. Of several devices that share
// the shards of a batch each has one, and computes its shards of all agents.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "algorithms/learning/executor.h"
#include "algorithms/learning/learner_device.h"

namespace hardy::algorithms {

class DeviceReplica {
 public:
  // The number-th of `replicas`, of one program in one state on the host.
  DeviceReplica(const Program& program, TrainingState& state, device::Device& device, std::int64_t number,
                std::int64_t replicas);

  LearnerDevice& device() { return device_; }
  std::size_t updates() const { return updates_.size(); }
  std::string describe() const { return describe_plans(updates_); }
  double flops() const { return flops_of_plans(updates_); }

  // Before the first step: what follows the plans.
  void begin();
  // The host's state is sent there.
  void send_parameters();
  void send_values();

  // --- what is put into the stream
  void warm_up();
  void run_own(std::size_t update);  // the passes of its shards, of all where there is one sum alone
  // The sums of all shards, one behind the other, and how many bytes this replica's take; null without
  // shards.
  void* sums(std::size_t update);
  std::size_t sums_bytes(std::size_t update) const;
  void descend(std::size_t update, bool last);  // down the mean of all shards
  void run_all(std::size_t update);             // all passes here, whoever else there is, and no descent

  void run_on_demand();  // what reports read and the passes left out

  // The first value that was not finite for that agent at a step, on the CPU, from the host's state; "".
  std::string first_not_finite(std::size_t update, std::int64_t agent, std::int64_t step, ThreadTeam& team);

 private:
  struct Ready {
    const UpdateProgram* update;
    graph::Plan plan;
    std::map<std::int32_t, void*> host;                  // a graph's input -> where it is on the host
    std::unique_ptr<nn::DeviceAccumulator> accumulator;  // of several passes
    std::unique_ptr<nn::DeviceShards> shards;            // of several shards, instead
    std::unique_ptr<nn::DeviceDescent> descent;
  };

  device::Stream& stream() { return device_.mirror().stream(); }
  float* there(float* host, std::int64_t elements) {
    return host ? device_.mirror().place_of(host, static_cast<std::size_t>(elements)) : nullptr;
  }
  void bind(Ready& r, const Binding& b);
  void make_ready(const UpdateProgram& update);
  bool writes_in_place() const;
  std::size_t bytes() const;
  nn::Gate gate_of(const Ready& r, std::size_t index);
  void run_shards(Ready& r, std::int64_t first, std::int64_t last);

  const Program& program_;
  TrainingState& state_;
  std::int64_t number_, replicas_;
  LearnerDevice device_;
  std::vector<std::int32_t> seeds_;
  StepWords words_;  // for the CPU, when it looks for what was not finite
  std::vector<Ready> updates_;
  bool begun_ = false;
};

}  // namespace hardy::algorithms
