// A batch in processes of its own, each of which steps a share of the instances.
#include <algorithm>
#include <exception>

#include "engine/base/error.h"
#include "envs/plugin/plugin_batch.h"
#include "envs/plugin/worker.h"
#include "hardy_build.h"

namespace hardy::envs {
namespace {

constexpr int kTries = 3;  // of a reset, each in a new process

// The instances [begin, end), and their process.
struct Share {
  int begin, end;
  std::unique_ptr<Worker> worker;
  std::string how_lost;
  int size() const { return end - begin; }
};

class IsolatedBatch final : public PluginBatch {
 public:
  IsolatedBatch(WorkerStart start, int workers, int instances, double timeout)
      : start_(std::move(start)), timeout_(timeout), lost_(static_cast<std::size_t>(instances), 0) {
    const int shares = std::min(workers, instances);
    for (int w = 0; w < shares; ++w)
      shares_.push_back({first_of(w, shares), first_of(w + 1, shares), nullptr, ""});
    for (Share& s : shares_) s.worker = std::make_unique<Worker>(start_, s.size(), timeout_);
    for (Share& s : shares_) s.worker->ready();  // they have begun side by side
    learn(*shares_.front().worker);
    for (Share& s : shares_) check_sizes(s.worker->control());
  }

  const PluginFacts& facts() const override { return facts_; }
  bool lost(int i) const override { return lost_[static_cast<std::size_t>(i)] != 0; }
  std::string how_lost(int i) const override { return shares_[share_of(i)].how_lost; }

  void reset(int i, std::uint64_t seed, double* observation) override {
    Share& s = shares_[share_of(i)];
    for (int tries = 0; tries < kTries; ++tries) {
      if (!s.worker->lives()) begin(s);
      Control& c = s.worker->control();
      c.instance = i - s.begin, c.seed = seed;
      if (!s.worker->call(SharedCall::kReset)) {
        lose(s);
        continue;
      }
      lost_[static_cast<std::size_t>(i)] = 0;
      std::copy_n(s.worker->arrays().observations + offset(i - s.begin), width(), observation);
      return;
    }
    throw Error::failed_run(
        "reset: " + s.how_lost + ", " + std::to_string(kTries) + " times with seed " + std::to_string(seed),
        start_.name);
  }

  // All processes step at once.
  void step(const hardy_plugin_step& step, std::span<const std::uint8_t> running) override {
    asked_.clear();
    for (Share& s : shares_)
      if (give(s, step, running)) asked_.push_back(&s);
    std::exception_ptr failure;
    for (Share* s : asked_) {
      try {
        if (s->worker->answered())
          take(*s, step);
        else
          lose(*s);
      } catch (...) {
        if (!failure) failure = std::current_exception();
      }
    }
    if (failure) std::rethrow_exception(failure);
  }

  void save(int i, std::byte* state) override {
    Share& s = shares_[share_of(i)];
    if (!lost(i) && call(s, SharedCall::kSave, i))
      std::copy_n(s.worker->arrays().state, static_cast<std::size_t>(facts_.state_bytes), state);
  }
  void load(int i, const std::byte* state) override {
    Share& s = shares_[share_of(i)];
    if (!s.worker->lives()) begin(s);
    std::copy_n(state, static_cast<std::size_t>(facts_.state_bytes), s.worker->arrays().state);
    if (call(s, SharedCall::kLoad, i)) lost_[static_cast<std::size_t>(i)] = 0;
  }
  void abandon(int i) override {
    shares_[share_of(i)].how_lost = "its state was lost with its process";
    lost_[static_cast<std::size_t>(i)] = 1;
  }

 private:
  int instances() const { return static_cast<int>(lost_.size()); }
  int first_of(std::int64_t share, std::int64_t shares) const {
    return static_cast<int>(instances() * share / shares);
  }
  std::size_t share_of(int i) const {
    return ((static_cast<std::size_t>(i) + 1) * shares_.size() - 1) / lost_.size();
  }
  std::size_t width() const { return static_cast<std::size_t>(facts_.spec.observation_size); }
  std::size_t offset(int i) const { return static_cast<std::size_t>(i) * width(); }

  void learn(Worker& worker) {
    const Control& c = worker.control();
    const SharedArrays a = worker.arrays();
    hardy_plugin_spec& s = facts_.spec;
    s.struct_size = sizeof s;
    s.observation_size = c.observation_size, s.action_size = c.action_size,
    s.action_choices = c.action_choices;
    s.max_episode_steps = c.max_episode_steps;
    s.reference_min = c.reference_min, s.reference_max = c.reference_max;
    if (c.has_bounds) {
      facts_.action_low.assign(a.action_low, a.action_low + c.action_size);
      facts_.action_high.assign(a.action_high, a.action_high + c.action_size);
    }
    s.action_low = facts_.action_low.data(), s.action_high = facts_.action_high.data();
    facts_.state_bytes = c.state_bytes;
  }
  void check_sizes(const Control& c) const {
    const hardy_plugin_spec& s = facts_.spec;
    if (c.observation_size != s.observation_size || c.action_size != s.action_size ||
        c.action_choices != s.action_choices || c.state_bytes != facts_.state_bytes)
      throw Error::failed_run("its sizes are others than before", start_.name, "was the simulator replaced?");
  }
  void begin(Share& s) {
    s.worker = std::make_unique<Worker>(start_, s.size(), timeout_);
    s.worker->ready();
    check_sizes(s.worker->control());
  }
  void lose(Share& s) {
    s.how_lost = s.worker->how_ended();
    std::fill(lost_.begin() + s.begin, lost_.begin() + s.end, std::uint8_t{1});
  }
  bool call(Share& s, SharedCall call, int i) {
    s.worker->control().instance = i - s.begin;
    if (s.worker->call(call)) return true;
    lose(s);
    return false;
  }

  // Gives a share its actions, those of its instances that are to be stepped and are not lost; whether there
  // are any.
  bool give(Share& s, const hardy_plugin_step& step, std::span<const std::uint8_t> running) {
    if (!s.worker->lives()) return false;
    const SharedArrays a = s.worker->arrays();
    const auto first = static_cast<std::size_t>(s.begin), n = static_cast<std::size_t>(s.size());
    bool any = false;
    for (std::size_t i = 0, at = first; i < n; ++i, ++at) {
      const int instance = s.begin + static_cast<int>(i);
      a.running[i] = instance >= step.begin && instance < step.end && lost_[at] == 0 &&
                     (running.empty() || running[at] != 0);
      any = any || a.running[i] != 0;
      a.terminated[i] = a.truncated[i] = a.failed[i] = 0;
    }
    if (!any) return false;
    const std::size_t act = facts_.action_low.size();
    if (step.choices != nullptr)
      std::copy_n(step.choices + first, n, a.choices);
    else
      std::copy_n(step.actions + first * act, n * act, a.actions);
    s.worker->ask(SharedCall::kStep);
    return true;
  }
  void take(Share& s, const hardy_plugin_step& step) {
    const SharedArrays a = s.worker->arrays();
    for (int i = 0; i < s.size(); ++i) {
      if (a.running[i] == 0) continue;
      const std::size_t at = static_cast<std::size_t>(s.begin) + static_cast<std::size_t>(i);
      if (a.failed[i] != 0) {
        lost_[at] = 1;
        s.how_lost = s.worker->control().text;
      }
      std::copy_n(a.observations + offset(i), width(), step.observations + at * width());
      step.rewards[at] = a.rewards[i];
      step.terminated[at] = a.terminated[i];
      step.truncated[at] = a.truncated[i];
    }
  }

  WorkerStart start_;
  double timeout_;
  PluginFacts facts_;
  std::vector<std::uint8_t> lost_;
  std::vector<Share> shares_;
  std::vector<Share*> asked_;  // of the step that is under way
};

}  // namespace

std::unique_ptr<PluginBatch> make_worker_batch(const WorkerStart& start, int workers, int instances,
                                               double step_timeout) {
  return std::make_unique<IsolatedBatch>(start, workers, instances, step_timeout);
}

std::unique_ptr<PluginBatch> make_isolated_batch(const std::string& file, const std::string& config,
                                                 int workers, int instances, double step_timeout) {
  const std::string program = companion_file("hardy_plugin_worker", HARDY_LIBEXEC_FROM_LIB).string();
  return make_worker_batch({{program}, file, config, ""}, workers, instances, step_timeout);
}

}  // namespace hardy::envs
