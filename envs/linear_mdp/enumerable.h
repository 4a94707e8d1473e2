// A linear MDP as the tables that an EnumerableMdp (envs/control/enumerable_mdp.h) plays by index, on any
// device.
#pragma once

#include <vector>

#include "envs/control/enumerable_mdp.h"
#include "envs/linear_mdp/instance.h"

namespace hardy::envs {

struct EnumerableTables {
  std::int64_t layers = 0, states = 0, actions = 0;
  std::vector<double> start, transitions, losses;  // [S], [H - 1, S, A, S], [H, S, A]

  // The task over these tables, which must outlive it.
  EnumerableMdp task() const {
    return {layers, states, actions, start.data(), transitions.data(), losses.data()};
  }
};

// Of an instance's first episode. An Error where P is kept as mu alone (kDenseLimit) or losses are adaptive.
EnumerableTables enumerable_tables(const Instance& instance);
// What the environment "enumerable_mdp" plays.
const EnumerableTables& enumerable_example();

}  // namespace hardy::envs
