// Environment steps of all agents within the device that learns, for tasks that are there (envs/control): the
// policy acts, its actions are played, the replay's rows are written and episodes begin anew without a word
// to the host. The bits are those of the way over the host wherever both compute alike.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "algorithms/acting/policy.h"
#include "algorithms/learning/replay.h"
#include "envs/environment.h"

namespace hardy::algorithms {

// Where the agents stand, in their order.
struct InteractionState {
  std::vector<std::uint64_t> episodes;        // begun
  std::vector<double> returns, last_returns;  // of the episode so far, of the last one that ended
  std::vector<double> observations, states;   // [agents, ...] of the environments
};

class DeviceInteraction {
 public:
  virtual ~DeviceInteraction() = default;
  // Step t, put into the training's stream. uniform: the share of even draws among the actions.
  virtual void step(std::int64_t t, double uniform) = 0;
  // To the device, which goes on from there with step t; and what is there now. The latter is an Error where
  // an action was not finite meanwhile.
  virtual void send(std::int64_t t, const InteractionState& state) = 0;
  virtual void bring(InteractionState& state) = 0;
};

// Null where the task or the policy's head is not among those that are there. The replay's tables have their
// places in the mirror; the actor acts for all agents on its device. All of them outlive it.
std::unique_ptr<DeviceInteraction> make_device_interaction(const envs::BatchEnvironment& env, Actor& actor,
                                                           Replay& replay,
                                                           std::span<const std::uint64_t> seeds,
                                                           device::Mirror& mirror);

}  // namespace hardy::algorithms
