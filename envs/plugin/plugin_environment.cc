// The family `plugin`: a simulator of somebody's own, a shared library in C (hardy/plugin.h), as an
// environment.
//   plugin:file=./libmine.so,mass=2       mass is the plug-in's key; the keys of our own are
//   actions=clip | refuse                 what happens to actions out of bounds
//   isolated=true, workers=1, step_timeout=10     it runs in so many processes of its own, which may crash,
//   or hang for so many seconds
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <mutex>

#include "engine/base/error.h"
#include "engine/base/parameters.h"
#include "engine/base/text.h"
#include "envs/breaks.h"
#include "envs/environment.h"
#include "envs/plugin/plugin_batch.h"

namespace hardy::envs {
namespace {

EnvSpec spec_of(const std::string& name, const PluginFacts& facts) {
  const hardy_plugin_spec& s = facts.spec;
  EnvSpec spec;
  spec.name = name;
  spec.observation_size = s.observation_size;
  spec.action_size = s.action_choices > 0 ? 1 : s.action_size;
  spec.action_low = facts.action_low, spec.action_high = facts.action_high;
  spec.action_choices = s.action_choices;
  spec.max_episode_steps = s.max_episode_steps;
  spec.reference_min = s.reference_min, spec.reference_max = s.reference_max;
  if (s.reference_min == 0 && s.reference_max == 0) spec.reference_max = 100;  // the score is the return
  check_spec(spec);
  return spec;
}

class PluginEnvironment final : public BatchEnvironment {
 public:
  PluginEnvironment(const std::string& name, std::unique_ptr<PluginBatch> batch, int instances, bool refuse)
      : batch_(std::move(batch)),
        spec_(spec_of(name, batch_->facts())),
        size_(instances),
        refuses_(refuse),
        observation_size_(static_cast<std::size_t>(spec_.observation_size)),
        last_(static_cast<std::size_t>(instances) * observation_size_),
        steps_(static_cast<std::size_t>(instances), 0),
        held_(spec_.action_low.size() * static_cast<std::size_t>(instances)) {}

  const EnvSpec& spec() const override { return spec_; }
  int size() const override { return size_; }

  void reset(int i, std::uint64_t seed, std::span<double> observation) override {
    require_instance(i);
    const std::lock_guard lock(one_at_a_time_);
    double* const last = last_of(i);
    batch_->reset(i, seed, last);
    for (std::size_t k = 0; k < observation_size_; ++k)
      if (!std::isfinite(last[k]))
        throw Error::failed_run("reset gave an observation that is not finite: number " + std::to_string(k) +
                                    " of seed " + std::to_string(seed),
                                spec_.name);
    steps_[static_cast<std::size_t>(i)] = 0;
    std::copy_n(last, observation_size_, observation.begin());
  }
  void observe(int i, std::span<double> observation) const override {
    require_instance(i);
    std::copy_n(last_of(i), observation_size_, observation.begin());
  }

  void step(int begin, int end, Actions actions, std::span<double> observations, std::span<double> rewards,
            std::span<std::uint8_t> terminated, std::span<std::uint8_t> truncated) override {
    check_step(*this, begin, end, actions, observations, rewards, terminated, truncated);
    step_those(begin, end, actions, observations, rewards, terminated, truncated, {});
  }

  // All in one call, where the batch takes one call at a time anyway.
  void step_running(ThreadTeam& team, Actions actions, std::span<double> observations,
                    std::span<double> rewards, std::span<std::uint8_t> terminated,
                    std::span<std::uint8_t> truncated, std::span<const std::uint8_t> running) override {
    if (parallel())
      return BatchEnvironment::step_running(team, actions, observations, rewards, terminated, truncated,
                                            running);
    for (int i = 0; i < size_ && spec_.discrete(); ++i)  // choices of others may be anything
      if (running.empty() || running[static_cast<std::size_t>(i)] != 0)
        check_step(*this, i, i + 1, actions, observations, rewards, terminated, truncated);
    step_those(0, size_, actions, observations, rewards, terminated, truncated, running);
  }

  bool saves_state() const override { return batch_->facts().state_bytes >= 0; }
  std::size_t state_size() const override { return saves_state() ? words() + observation_size_ + 1 : 0; }
  void save_state(int i, std::span<double> state) const override {
    check_state(i, state.size());
    if (!saves_state()) return;
    std::ranges::fill(state, 0);
    batch_->save(i, reinterpret_cast<std::byte*>(state.data()));
    std::copy_n(last_of(i), observation_size_, state.begin() + static_cast<std::ptrdiff_t>(words()));
    const int steps = steps_[static_cast<std::size_t>(i)];
    state.back() = batch_->lost(i) ? -1 - steps : steps;
  }
  void load_state(int i, std::span<const double> state) override {
    check_state(i, state.size());
    if (!saves_state())
      throw Error("its plug-in cannot take a state back", spec_.name, "begin an episode anew");
    const int steps = static_cast<int>(state.back());
    if (steps < 0)  // what was saved is that it was lost
      batch_->abandon(i);
    else
      batch_->load(i, reinterpret_cast<const std::byte*>(state.data()));
    std::copy_n(state.begin() + static_cast<std::ptrdiff_t>(words()), observation_size_, last_of(i));
    steps_[static_cast<std::size_t>(i)] = steps < 0 ? -1 - steps : steps;
  }

  std::int64_t broken_episodes() const override { return breaks_.count(); }
  std::string first_break() const override { return breaks_.first(); }
  std::int64_t clipped_actions() const override { return clipped_.load(); }

 private:
  // Of [begin, end), those that run.
  void step_those(int begin, int end, Actions actions, std::span<double> observations,
                  std::span<double> rewards, std::span<std::uint8_t> terminated,
                  std::span<std::uint8_t> truncated, std::span<const std::uint8_t> running) {
    const auto runs = [&](int i) { return running.empty() || running[static_cast<std::size_t>(i)] != 0; };
    hardy_plugin_step s{};
    s.struct_size = sizeof s;
    s.begin = begin, s.end = end;
    if (spec_.discrete())
      s.choices = actions.choices().data();
    else
      s.actions = within_bounds(begin, end, actions.numbers(), running);
    s.observations = observations.data(), s.rewards = rewards.data();
    s.terminated = terminated.data(), s.truncated = truncated.data();
    for (int i = begin; i < end; ++i)
      if (runs(i)) terminated[static_cast<std::size_t>(i)] = truncated[static_cast<std::size_t>(i)] = 0;
    if (parallel()) {
      batch_->step(s, running);
    } else {
      const std::lock_guard lock(one_at_a_time_);
      batch_->step(s, running);
    }
    for (int i = begin; i < end; ++i)
      if (runs(i)) settle(i, s);
  }

  bool parallel() const { return (batch_->facts().spec.flags & HARDY_PLUGIN_PARALLEL) != 0; }
  std::size_t words() const { return (static_cast<std::size_t>(batch_->facts().state_bytes) + 7) / 8; }
  double* last_of(int i) { return last_.data() + static_cast<std::size_t>(i) * observation_size_; }
  const double* last_of(int i) const {
    return last_.data() + static_cast<std::size_t>(i) * observation_size_;
  }
  void require_instance(int i) const {
    if (i < 0 || i >= size_) throw Error("there is no instance " + std::to_string(i), spec_.name);
  }
  void check_state(int i, std::size_t size) const {
    require_instance(i);
    if (size != state_size())
      throw Error("a state of " + std::to_string(size) + " numbers", spec_.name,
                  "it holds " + std::to_string(state_size()));
  }

  // The actions themselves, or a copy that is held to the bounds.
  const float* within_bounds(int begin, int end, std::span<const float> actions,
                             std::span<const std::uint8_t> running) {
    const std::size_t act = spec_.action_low.size(), first = static_cast<std::size_t>(begin) * act,
                      last = static_cast<std::size_t>(end) * act;
    std::size_t outside = 0, row = last;  // rows with an action outside, the last of them
    for (std::size_t at = first, k = 0; at < last; ++at, k = k + 1 == act ? 0 : k + 1) {
      if (!running.empty() && running[at / act] == 0) continue;
      const float a = actions[at];
      if (a >= spec_.action_low[k] && a <= spec_.action_high[k]) continue;
      const std::string which =
          "action " + std::to_string(k) + " of instance " + std::to_string(at / act) + " is ";
      if (!std::isfinite(a)) throw Error::failed_run(which + "not finite", spec_.name);
      if (refuses_)
        throw Error::failed_run(which + to_text(static_cast<double>(a)), spec_.name,
                                "its bounds are " + to_text(static_cast<double>(spec_.action_low[k])) +
                                    " and " + to_text(static_cast<double>(spec_.action_high[k])) +
                                    "; actions=clip moves actions to them");
      outside += row != at / act;
      row = at / act;
    }
    if (outside == 0) return actions.data();
    clipped_ += static_cast<std::int64_t>(outside);
    for (std::size_t at = first; at < last; ++at)
      held_[at] = std::clamp(actions[at], spec_.action_low[at % act], spec_.action_high[at % act]);
    return held_.data();
  }

  // What the plug-in wrote of instance i, as the interface promises it. An episode that breaks is cut where
  // it was last well, with reward 0.
  void settle(int i, const hardy_plugin_step& s) {
    const auto n = static_cast<std::size_t>(i);
    double* const observation = s.observations + n * observation_size_;
    double* const last = last_of(i);
    const int steps = ++steps_[n];
    if (batch_->lost(i)) {
      cut(i, s, batch_->how_lost(i));
    } else if (const auto bad = std::find_if_not(observation, observation + observation_size_,
                                                 [](double x) { return std::isfinite(x); });
               bad != observation + observation_size_) {
      cut(i, s, "observation " + std::to_string(bad - observation) + " is not finite");
    } else if (!std::isfinite(s.rewards[n])) {
      cut(i, s, "the reward is not finite");
    } else {
      s.terminated[n] = s.terminated[n] != 0;
      s.truncated[n] = s.terminated[n] == 0 && (s.truncated[n] != 0 || steps >= spec_.max_episode_steps);
      std::copy_n(observation, observation_size_, last);
    }
  }
  void cut(int i, const hardy_plugin_step& s, const std::string& why) {
    const auto n = static_cast<std::size_t>(i);
    std::copy_n(last_of(i), observation_size_, s.observations + n * observation_size_);
    s.rewards[n] = 0;
    s.terminated[n] = 0, s.truncated[n] = 1;
    breaks_.add(i, steps_[n], why);
  }

  std::unique_ptr<PluginBatch> batch_;
  EnvSpec spec_;
  int size_;
  bool refuses_;
  std::size_t observation_size_;
  std::vector<double> last_;  // observations as they stand
  std::vector<int> steps_;    // of the episodes
  std::vector<float> held_;
  std::mutex one_at_a_time_;
  Breaks breaks_;
  std::atomic<std::int64_t> clipped_{0};
};

std::unique_ptr<BatchEnvironment> make_plugin(Parameters& keys, int instances) {
  const std::string file = keys.word("file", ""), isolated = keys.word("isolated", "false");
  if (file.empty())
    throw Error("which library? it has no file=", keys.text(), "e.g. plugin:file=./libmine.so");
  const bool refuse = refuses_actions(keys);
  if (isolated != "true" && isolated != "false")
    throw Error("isolated=" + isolated + " is not known", keys.text(), "give true or false");
  const WorkerKeys processes = isolated == "true" ? worker_keys(keys) : WorkerKeys{};
  std::string config;  // all other keys are the plug-in's
  for (const auto& [key, value] : keys.rest()) config += (config.empty() ? "" : ",") + key + "=" + value;
  return make_adapted(keys.text(),
                      isolated == "true" ? make_isolated_batch(file, config, processes.workers, instances,
                                                               processes.step_timeout)
                                         : make_plugin_batch(PluginLibrary(file), config, instances),
                      instances, refuse);
}

const Registration registration("plugin", make_plugin, "file=./libmine.so");

}  // namespace

std::unique_ptr<BatchEnvironment> make_adapted(const std::string& name, std::unique_ptr<PluginBatch> batch,
                                               int instances, bool refuse) {
  return std::make_unique<PluginEnvironment>(name, std::move(batch), instances, refuse);
}

bool refuses_actions(Parameters& keys) {
  const std::string actions = keys.word("actions", "clip");
  if (actions != "clip" && actions != "refuse")
    throw Error("actions=" + actions + " is not known", keys.text(), "give clip or refuse");
  return actions == "refuse";
}

WorkerKeys worker_keys(Parameters& keys) {
  constexpr int kMostWorkers = 4096;
  return {static_cast<int>(keys.integer("workers", 1, 1, kMostWorkers)),
          keys.number("step_timeout", 10, 1e-3, 1e6)};
}

}  // namespace hardy::envs
