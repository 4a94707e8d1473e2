// Steps on the CPU: each update's plan over the threads' team, then its optimiser, in the host's own memory.
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "algorithms/learning/executor.h"

namespace hardy::algorithms {
namespace {

class CpuExecutor final : public Executor {
 public:
  CpuExecutor(const Program& program, TrainingState& state, comm::Ranks& ranks)
      : state_(state), ranks_(ranks), seeds_(seed_words(program.seeds)) {
    for (const UpdateProgram& update : program.updates) make_ready(update, program.agents());
  }

  void step(ThreadTeam& team) override {
    words_.set(state_.step);
    for (Ready& r : updates_)
      if (r.update->due(state_.step)) step(r, team);
    ++state_.step;
  }

  ReportValues reports() override {
    evaluate_undue();
    ThreadTeam alone(1);
    for (Ready& r : updates_) r.plan.run_on_demand(alone);
    ReportValues values;
    const auto read = [&](const Ready& r, Tensor t) {
      const float* x = r.plan.data<float>(t);
      return std::vector<double>(x, x + state_.active.size());
    };
    for (const Ready& r : updates_) {
      for (const UpdateProgram::Loss& loss : r.update->losses)
        values["loss/" + loss.name] = read(r, loss.value);
      for (const UpdateProgram::Report& report : r.update->reports)
        values[report.name] = read(r, report.value);
    }
    return values;
  }
  void ask_for_reports(std::int64_t step) override { came_.push_back({step, reports()}); }
  std::vector<StepReports> reports_that_came(ThreadTeam&, bool) override { return std::exchange(came_, {}); }

  // It trains where the host writes and reads.
  void fetch() override {}
  void send_parameters() override {}
  void send_progress() override {}
  device::Mirror* mirror() override { return nullptr; }
  std::size_t nodes() const override { return 0; }
  std::string describe() const override { return describe_plans(updates_); }
  double flops() const override { return flops_of_plans(updates_); }

 private:
  struct Ready {
    const UpdateProgram* update;
    graph::Plan plan;
    nn::Optimiser optimiser;
    std::optional<nn::Accumulator> accumulator;    // of several passes
    std::optional<nn::ShardedAccumulator> shards;  // of several shards, instead
    std::optional<nn::TurnAccumulator> turns;      // of a feed's passes that ranks take in turn, instead
    std::vector<double> rates;
    std::vector<float*> lasting;  // one a state
  };

  void make_ready(const UpdateProgram& update, std::int64_t agents) {
    Ready r{&update,
            graph::Plan(update.graph, update.outputs,
                        graph::PlanOptions{.agents = agents, .on_demand = update.on_demand}),
            nn::Optimiser(segments_of(update, state_.parameters), update.groups),
            std::nullopt,
            std::nullopt,
            std::nullopt,
            std::vector<double>(update.groups.size()),
            {}};
    r.plan.bind(update.step, words_.words);
    for (const Binding& b : bindings_of(update, state_, seeds_)) r.plan.bind(b.value, b.memory);
    for (const UpdateProgram::Table& t : update.tables) r.plan.bind(t.value, t.memory);
    for (const auto* all : {&update.outputs, &update.on_demand})
      for (const Tensor output : *all) r.plan.raw(output);  // allocated now, not in a step
    for (const UpdateProgram::State& s : update.states) r.lasting.push_back(state_.values.at(s.name).data());
    if (update.shards > 1 && !update.feed)
      r.shards.emplace(accumulated_by(update, r.plan), update.shards, update.passes / update.shards);
    else if (update.feed && ranks_.size() > 1)
      r.turns.emplace(accumulated_by(update, r.plan), ranks_.size());
    else if (update.passes > 1 || update.feed)
      r.accumulator.emplace(accumulated_by(update, r.plan), update.feed ? 0 : update.passes);
    updates_.push_back(std::move(r));
  }

  // All passes: gradients, losses and what else it gives. The shards of each rank, or, to the same bits, all
  // of them here, while the others do not know of it.
  void run(Ready& r, ThreadTeam& team, bool together = true) {
    if (r.shards) return run_shards(r, team, together ? ranks_ : comm::alone());
    if (r.turns) return run_in_turn(r, team);
    if (!r.accumulator) return r.plan.run(team);
    PassFeed* const feed = r.update->feed;
    for (std::int64_t pass = 0; pass < (feed ? feed->passes() : r.update->passes); ++pass) {
      if (feed) feed->fill(pass);
      words_.words[2] = static_cast<std::int32_t>(pass);
      r.plan.run(team);
      r.accumulator->add(pass, team);
      if (feed) feed->ran(pass);
    }
    words_.words[2] = 0;
  }

  void run_shards(Ready& r, ThreadTeam& team, comm::Ranks& ranks) {
    const std::int64_t passes = r.update->passes / r.update->shards;
    const comm::Share own = comm::share_of(ranks, r.update->shards);
    for (std::int64_t shard = own.first; shard < own.last; ++shard)
      for (std::int64_t pass = 0; pass < passes; ++pass) {
        words_.words[2] = static_cast<std::int32_t>(shard * passes + pass);
        r.plan.run(team);
        r.shards->add(shard, pass, team);
      }
    words_.words[2] = 0;
    ranks.gather(std::as_writable_bytes(r.shards->sums()));
    r.shards->mean(team);
  }

  // A feed's passes, a round of one for each rank. (An update with a feed is due at every step, so that there
  // is none that one rank runs by itself.)
  void run_in_turn(Ready& r, ThreadTeam& team) {
    PassFeed& feed = *r.update->feed;
    const std::int64_t passes = feed.passes(), size = ranks_.size();
    for (std::int64_t first = 0; first < passes; first += size) {
      const std::int64_t own = first + ranks_.rank();
      if (own < passes) {
        feed.fill(own);
        words_.words[2] = static_cast<std::int32_t>(own);
        r.plan.run(team);
        r.turns->keep(ranks_.rank(), team);
        feed.ran(own);
      }
      ranks_.gather(std::as_writable_bytes(r.turns->round()));
      r.turns->add(first, std::min(size, passes - first), team);
    }
    words_.words[2] = 0;
    feed.share(ranks_);
  }

  void step(Ready& r, ThreadTeam& team) {
    const UpdateProgram& u = *r.update;
    run(r, team);
    stop_broken_agents(r, team);
    const std::int64_t own = state_.step / u.every;  // its steps before this one
    for (std::size_t i = 0; i < u.losses.size(); ++i) r.rates[i] = u.losses[i].learning_rate.at(own);
    r.optimiser.step(own + 1, r.rates, state_.active, team);
    for (std::size_t i = 0; i < u.states.size(); ++i) {
      if (!u.states[i].next) continue;
      const float* next = r.plan.data<float>(u.states[i].next);
      for (std::size_t a = 0; a < state_.active.size(); ++a)
        if (state_.active[a]) r.lasting[i][a] = next[a];
    }
  }

  // As the gate of a device does (engine/nn/device_descent.h).
  void stop_broken_agents(Ready& r, ThreadTeam& team) {
    const UpdateProgram& u = *r.update;
    const std::size_t agents = state_.active.size();
    const std::span<const std::uint8_t> broken = r.optimiser.broken_gradients(state_.active, team);
    for (std::size_t g = 0; g < u.losses.size(); ++g) {
      const float* loss = r.plan.data<float>(u.losses[g].value);
      for (std::size_t a = 0; a < agents; ++a) {
        const bool finite = std::isfinite(loss[a]);
        if (!state_.active[a] || (finite && !broken[g * agents + a])) continue;
        state_.active[a] = 0;
        state_.stop_reason[a] =
            stop_reason(u.losses[g].name, finite, static_cast<std::uint64_t>(state_.step + 1),
                        first_not_finite(r, static_cast<std::int64_t>(a), team));
      }
    }
  }

  std::string first_not_finite(Ready& r, std::int64_t agent, ThreadTeam& team) {
    std::string op;
    if (PassFeed* const feed = r.update->feed) feed->fill(feed->passes() - 1);  // whichever rank ran it
    for (std::int64_t pass = 0; pass < r.update->passes && op.empty(); ++pass) {
      words_.words[2] = static_cast<std::int32_t>(pass);
      op = r.plan.find_non_finite(team, agent, static_cast<std::int64_t>(state_.active.size()));
    }
    words_.words[2] = 0;
    return op;
  }

  // What an update reports at a step that it does not run at: its values after it, for the draws of the next,
  // so that a record does not depend on when the run was last resumed.
  void evaluate_undue() {
    ThreadTeam alone(1);
    words_.set(state_.step);
    for (Ready& r : updates_)
      if (state_.step > 0 && !r.update->due(state_.step - 1)) run(r, alone, false);
  }

  TrainingState& state_;
  comm::Ranks& ranks_;
  std::vector<std::int32_t> seeds_;
  StepWords words_;
  std::vector<Ready> updates_;
  std::vector<StepReports> came_;  // asked for and not yet fetched
};

}  // namespace

std::unique_ptr<Executor> make_cpu_executor(const Program& program, TrainingState& state,
                                            comm::Ranks& ranks) {
  return std::make_unique<CpuExecutor>(program, state, ranks);
}

}  // namespace hardy::algorithms
