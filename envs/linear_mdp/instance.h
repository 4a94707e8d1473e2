// An instance is a linear MDP with a loss process: built by name ("simplex:seed=1,H=3,S=4,A=3,d=3,K=8"), read
// from a file ("mine.hdf5", "mine.npz"), or put together by the user.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/parameters.h"
#include "envs/linear_mdp/linear_mdp.h"
#include "envs/linear_mdp/losses.h"

namespace hardy::envs {

struct Instance {
  std::shared_ptr<const LinearMdp> mdp;
  std::shared_ptr<const LossProcess> losses;
  std::vector<std::string> notes = {};  // what was converted on the way in
};

// What a family of environments hands over: the MDP, its typical losses nu [rows][H][d] (or tables
// [rows][H][S][A] where linear is false), and the loss process it has where none is asked for.
struct LinearEnvironment {
  LinearMdp mdp;
  std::vector<double> rows;
  bool linear = true;
  std::string default_losses = "cycle";
  std::vector<std::string> notes = {};  // what was converted on the way in
};

// env: a family and its parameters, or a file. losses: "" for the environment's own. episodes: K, for periods
// that are fractions of it. Everything is checked; an Error says what would be right.
Instance make_instance(const std::string& env, const std::string& losses, std::int64_t episodes);
// One for each number of episodes, over one and the same MDP.
std::vector<Instance> make_instances(const std::string& env, const std::string& losses,
                                     const std::vector<std::int64_t>& episodes);
LinearEnvironment make_linear_environment(const std::string& env);

struct LinearFamily {
  std::string name, summary, keys;  // keys: "seed=1, H=3, ...", the parameters with their defaults
};
std::vector<LinearFamily> linear_families();

// A family's file holds a static one of these.
struct RegisterLinearEnvironment {
  RegisterLinearEnvironment(const LinearFamily& family, LinearEnvironment (*make)(Parameters&));
};

// Before a family takes memory for so many float64 numbers: an Error (bad input) where this machine has not
// as much.
void require_numbers(const Parameters& p, std::int64_t numbers);

// Files of instances: who reads a format, which may need the datasets' readers, registers its ending
// (".hdf5").
struct RegisterInstanceFile {
  RegisterInstanceFile(const std::string& ending, LinearEnvironment (*read)(const std::string&));
};
bool is_instance_file(const std::string& env);

}  // namespace hardy::envs
