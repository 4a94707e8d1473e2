// Environments by name whose states cannot be listed: a simulator is all there is of them. Features are a
// function of the state, losses are linear in them, so that every oblivious loss process serves here too.
#pragma once

#include "envs/linear_mdp/instance.h"
#include "envs/linear_mdp/simulator.h"

namespace hardy::envs {

// An implicit family, or any instance that make_instance() knows. Oblivious losses alone.
std::unique_ptr<SimulatedGame> make_simulator(const std::string& env, const std::string& losses,
                                              std::int64_t episodes);

std::vector<LinearFamily> implicit_families();
bool is_implicit(const std::string& family);

// A family's file holds a static one of these.
struct RegisterImplicitEnvironment {
  RegisterImplicitEnvironment(const LinearFamily& family,
                              std::unique_ptr<SimulatedGame> (*make)(Parameters&, const std::string& losses,
                                                                     std::int64_t episodes));
};

}  // namespace hardy::envs
