// Agents split among several devices: a learner of its own on each, for its agents. They train side by side
// and nothing goes between them; the whole learner's state on the host is put together from theirs.
#include <algorithm>
#include <deque>
#include <iterator>
#include <utility>

#include "algorithms/learning/learner.h"
#include "algorithms/learning/learner_device.h"

namespace hardy::algorithms {
namespace {

class SplitExecutor final : public Executor {
  struct Part {
    std::unique_ptr<Learner> learner;
    std::string device;
    std::int64_t first, agents;  // of the whole learner's

    template <class Work>
    auto run(const Work& work) const {
      return on_device(device, [&] { return work(*learner); });
    }
  };

 public:
  SplitExecutor(TrainingState& state, std::vector<std::unique_ptr<Learner>> parts)
      : state_(state), came_(parts.size()) {
    std::int64_t first = 0;
    for (std::unique_ptr<Learner>& p : parts) {
      const std::int64_t agents = p->agents();
      std::string name = p->mirror()->device().info().name;
      parts_.push_back({std::move(p), std::move(name), first, agents});
      first += agents;
    }
  }

  // Put into every device's stream, one after the other: none is waited for.
  void step(ThreadTeam& team) override {
    for (Part& p : parts_) p.run([&](Learner& l) { l.step(team); });
    ++state_.step;
    fetched_ = false;
  }

  ReportValues reports() override {
    ReportValues all;
    for (Part& p : parts_) add(p.run([](Learner& l) { return l.reports(); }), all);
    note_stopped();
    return all;
  }
  void ask_for_reports(std::int64_t step) override {
    for (Part& p : parts_) p.run([&](Learner& l) { l.ask_for_reports(step); });
  }
  // Those that have come from every device.
  std::vector<StepReports> reports_that_came(ThreadTeam& team, bool wait) override {
    for (std::size_t i = 0; i < parts_.size(); ++i)
      std::ranges::move(parts_[i].run([&](Learner& l) { return l.reports_that_came(team, wait); }),
                        std::back_inserter(came_[i]));
    note_stopped();
    std::vector<StepReports> all;
    while (std::ranges::none_of(came_, [](const auto& of_part) { return of_part.empty(); })) {
      all.push_back({came_[0].front().step, {}});
      for (std::deque<StepReports>& of_part : came_) {
        add(of_part.front().values, all.back().values);
        of_part.pop_front();
      }
    }
    return all;
  }

  void fetch() override {
    if (fetched_) return;
    for (const Part& p : parts_)
      p.run([&](Learner& l) {
        each_slice(p, l.parameters(),
                   [](float* here, const float* there, std::size_t n) { std::copy_n(there, n, here); });
        for (const auto& [name, values] : l.state().values)
          std::ranges::copy(values, state_.values.at(name).begin() + p.first);
      });
    note_stopped();
    fetched_ = true;
  }
  void send_parameters() override {
    for (const Part& p : parts_)
      p.run([&](Learner& l) {
        l.write_parameters([&](nn::ParameterStore& theirs) {
          each_slice(p, theirs,
                     [](const float* here, float* there, std::size_t n) { std::copy_n(here, n, there); });
        });
      });
    fetched_ = true;
  }
  void send_progress() override {
    for (Part& p : parts_) {
      const auto own = [&](const auto& all) {
        const auto begin = all.begin() + p.first;
        return std::remove_cvref_t<decltype(all)>(begin, begin + p.agents);
      };
      Learner::State state{state_.step, own(state_.active), own(state_.stop_reason), {}};
      for (const auto& [name, values] : state_.values) state.values[name] = own(values);
      p.run([&](Learner& l) { l.restore(state); });
    }
  }
  device::Mirror* mirror() override { return nullptr; }
  std::size_t nodes() const override { return parts_.front().learner->device_nodes(); }  // of each
  std::string describe() const override { return parts_.front().learner->describe_plans(); }
  double flops() const override {
    double total = 0;
    for (const Part& p : parts_) total += p.learner->flops();
    return total;
  }

 private:
  static void add(const ReportValues& part, ReportValues& all) {
    for (const auto& [name, values] : part) {
      std::vector<double>& to = all[name];
      to.insert(to.end(), values.begin(), values.end());
    }
  }

  // A stopped agent is the whole learner's as well, under its own number there.
  void note_stopped() {
    for (const Part& p : parts_)
      for (std::int64_t a = 0; a < p.agents; ++a) {
        const auto i = static_cast<std::size_t>(p.first + a);
        state_.active[i] = p.learner->active(a);
        state_.stop_reason[i] = p.learner->stop_reason(a);
      }
  }

  // move(here, there, elements): values, gradients and moments of the part's agents, tensor by tensor; what
  // all agents share is the same in every part.
  template <class Store, class Move>
  void each_slice(const Part& p, Store& theirs, const Move& move) {
    nn::ParameterStore& ours = state_.parameters;
    for (int t = 0; t < ours.size(); ++t) {
      const bool shared = ours.role(t) == nn::Role::kShared;
      const std::int64_t elements = ours.shape(t).elements() / ours.shape(t)[0];
      const auto n = static_cast<std::size_t>(shared ? elements : elements * p.agents);
      const std::int64_t at = shared ? 0 : elements * p.first;
      move(ours.value(t) + at, theirs.value(t), n);
      if (ours.role(t) != nn::Role::kTrainable) continue;
      move(ours.gradient(t) + at, theirs.gradient(t), n);
      move(ours.first_moment(t) + at, theirs.first_moment(t), n);
      move(ours.second_moment(t) + at, theirs.second_moment(t), n);
    }
  }

  TrainingState& state_;
  std::vector<Part> parts_;
  std::vector<std::deque<StepReports>> came_;  // of each part, not yet of all
  bool fetched_ = true;                        // the host's state is what the devices have
};

}  // namespace

std::unique_ptr<Executor> make_split_executor(TrainingState& state,
                                              std::vector<std::unique_ptr<Learner>> parts) {
  return std::make_unique<SplitExecutor>(state, std::move(parts));
}

}  // namespace hardy::algorithms
