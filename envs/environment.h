// Environments in batches: n independent instances behind one interface. Memory belongs to the caller;
// an instance's numbers depend on its own seed and actions alone.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/actions.h"

namespace hardy {
class Parameters;
class ThreadTeam;
}  // namespace hardy

namespace hardy::envs {

struct EnvSpec {
  std::string name;
  int observation_size = 0, action_size = 0;
  // Continuous actions lie within these bounds, one pair a dimension. Discrete ones are an integer from 0 on,
  // below action_choices; their action_size is 1, and they have no bounds.
  std::vector<float> action_low, action_high;
  int action_choices = 0;  // 0: continuous
  int max_episode_steps = 0;
  // Returns of a random and of an expert policy: what a normalised score is measured between.
  double reference_min = 0, reference_max = 1;
  // Where the task has a success: an episode of at least this return is one.
  std::optional<double> success_return = {};

  bool discrete() const { return action_choices > 0; }
};

// What every user of an environment relies on: sizes and a time limit of at least 1, finite bounds for each
// continuous action with low < high, reference returns that are finite with min < max. An Error names the
// environment, the entry and what would be right.
void check_spec(const EnvSpec& spec);

// 100 (R - min) / (max - min), as D4RL normalises.
double normalised_score(const EnvSpec& spec, double episode_return);

class BatchEnvironment {
 public:
  virtual ~BatchEnvironment() = default;
  virtual const EnvSpec& spec() const = 0;
  virtual int size() const = 0;

  // Starts instance i anew, deterministic in the seed; writes its observation [observation_size].
  virtual void reset(int i, std::uint64_t seed, std::span<double> observation) = 0;
  // The observation of instance i as it stands (what the last reset, step or load_state left).
  virtual void observe(int i, std::span<double> observation) const = 0;
  // Steps the instances [begin, end). All spans are of the whole batch: actions [n, action_size] or choices
  // [n], observations [n, observation_size], the rest [n]. terminated: the task ended; truncated: the time
  // limit was reached without it. Nothing is reset by itself. Allocates nothing.
  virtual void step(int begin, int end, Actions actions, std::span<double> observations,
                    std::span<double> rewards, std::span<std::uint8_t> terminated,
                    std::span<std::uint8_t> truncated) = 0;

  // step() of the instances that run (all, where `running` is empty), shared among the team's threads one by
  // one; an environment that would rather step many at once says so here. What step_all() calls, which has
  // looked at the spans. If instances fail, the Error of the lowest one is thrown after all have been
  // stepped.
  virtual void step_running(ThreadTeam& team, Actions actions, std::span<double> observations,
                            std::span<double> rewards, std::span<std::uint8_t> terminated,
                            std::span<std::uint8_t> truncated, std::span<const std::uint8_t> running);

  // Whether a state can be saved; where it cannot, its size is 0, load_state is an Error, and whoever goes on
  // later begins episodes anew.
  virtual bool saves_state() const { return true; }
  // Everything that the next step depends on.
  virtual std::size_t state_size() const = 0;
  virtual void save_state(int i, std::span<double> state) const = 0;
  virtual void load_state(int i, std::span<const double> state) = 0;

  // Episodes so far that broke off: the simulation did not stay finite, or its process was lost.
  virtual std::int64_t broken_episodes() const { return 0; }
  // How the first of them did, "" where none has: "the reward is not finite in step 7 of ...".
  virtual std::string first_break() const { return ""; }
  // Actions so far that lay outside of the bounds and were moved to them, an action a step and instance.
  virtual std::int64_t clipped_actions() const { return 0; }

  // Generalised positions and velocities, where the task has them.
  virtual int positions() const { return 0; }
  virtual int velocities() const { return 0; }
  virtual void physics(int /*i*/, std::span<double> /*qpos*/, std::span<double> /*qvel*/) const {}
};

// Throws an Error if the range or a span's length does not fit the batch, if actions are numbers where the
// task wants choices or the other way round, or if one of those to be stepped is no choice of the task.
void check_step(const BatchEnvironment& env, int begin, int end, Actions actions,
                std::span<const double> observations, std::span<const double> rewards,
                std::span<const std::uint8_t> terminated, std::span<const std::uint8_t> truncated);

// Steps all instances, shared among the team's threads; the same bits for any team. If instances fail, the
// Error of the lowest one is thrown after all have been stepped. running [n]: only those that are not 0;
// empty: all.
void step_all(BatchEnvironment& env, ThreadTeam& team, Actions actions, std::span<double> observations,
              std::span<double> rewards, std::span<std::uint8_t> terminated,
              std::span<std::uint8_t> truncated, std::span<const std::uint8_t> running = {});

// The registry: an environment's file holds a static Registration. Names take keys,
// "name:key=value,key=value", which a factory that wants them asks for; a key that nobody asked for is an
// Error that says the nearest one.
using Factory = std::unique_ptr<BatchEnvironment> (*)(int instances);
using KeyedFactory = std::unique_ptr<BatchEnvironment> (*)(Parameters& keys, int instances);
struct Registration {
  Registration(const std::string& name, Factory factory);
  // needs: keys without which there is no such environment, as an example of them ("file=robot.xml"); "":
  // none. paths: its keys whose values are files or folders.
  Registration(const std::string& name, KeyedFactory factory, const std::string& needs = "",
               const std::vector<std::string>& paths = {"file"});
};
// An unknown name is an Error that says the nearest known one; so is a batch whose specification is none
// (check_spec) or that has another size than was asked for.
std::unique_ptr<BatchEnvironment> make_environment(const std::string& name, int instances);
// Of a name that is made of a file (file=F), F; else "".
std::string file_in(const std::string& name);
// The name with another file in it, where it has one.
std::string with_file(const std::string& name, const std::string& file);
// The same name wherever it is used later: files and folders in it (file=) by their absolute paths. A program
// without '/' stays, which PATH leads to.
std::string absolute_name(const std::string& name);
// Those that are made by their name alone, and, behind them, examples of those that need keys.
std::vector<std::string> environment_names();
std::vector<std::string> environment_examples();
// "NAME or NAME:key=value,...; one of ant, hopper, ...": for helps.
std::string environment_help();

}  // namespace hardy::envs
