// Post-training of any policy, as the shared training loop drives it. A step: items (prompts, or starts of an
// environment) of a shuffled pass over a set, rollouts of each, what each rollout and demonstration weighs
// (batch.h), and one or more optimiser steps (sequence_update.h).
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "algorithms/experiments/training.h"
#include "algorithms/post_training/batch.h"
#include "algorithms/post_training/sequence_update.h"

namespace hardy::algorithms {

class GroupTrainee : public Trainee {
 public:
  void step(ThreadTeam& team) final;
  std::int64_t steps_done() const final { return t_; }
  Learner& learner() final { return learner_; }
  ReportValues own_reports() const final;
  void save(run::ArchiveWriter& file) const final;
  void restore(const run::Archive& file) final;
  // still_failing.jsonl: the items that rollouts met and never solved, and the agents that failed.
  void leave_in(const std::filesystem::path& run) const final;

  // Items that no rollout of this agent has solved, of those that it has seen.
  std::int64_t still_failing(std::int64_t agent) const;

 protected:
  // items: of the set. steps: those of the whole run, which schedules and switches count by. longest: Lmax of
  // estimators, in tokens or steps. ranks: processes that take the passes of an optimiser step in turn; what
  // else is done with a step's rollouts, each of them does.
  GroupTrainee(const PostTrainingSettings& settings, std::vector<std::uint64_t> seeds, std::int64_t steps,
               std::int64_t items, std::int64_t longest, comm::Ranks& ranks);

  // A row of an optimiser step: a rollout of the item that the agent has at `place` of this step, or the
  // item's demonstration.
  struct ChosenRow {
    std::size_t place, item;
    WeighedRow weighed;
  };

  // Plays every agent's items, items[agent][place].
  virtual void roll_out(const std::vector<std::vector<std::size_t>>& items, ThreadTeam& team) = 0;
  // What became of one of them; without rollouts of it, where this step makes none.
  virtual GroupOutcome outcome(std::size_t agent, std::size_t place, std::size_t item, bool rolled_out) = 0;
  // One optimiser step on rows[agent], and what it saw, by agent.
  virtual const std::vector<SequenceSeen>& descend(const std::vector<std::vector<ChosenRow>>& rows,
                                                   ThreadTeam& team) = 0;
  // What a network's forward pass costs at one token or step, and at how many the rollouts of an agent's
  // items, items[place], came by in this step.
  virtual double flops_a_token() const = 0;
  virtual double played(std::size_t agent, const std::vector<std::size_t>& items) const = 0;
  // A line of still_failing.jsonl, without the agents.
  virtual nlohmann::json describe(std::size_t item) const = 0;
  // Figures of an agent's rollouts of this step, beside those of any policy.
  virtual void report(std::size_t agent, const std::vector<std::size_t>& items,
                      const std::vector<GroupOutcome>& groups, ReportValues& reports) const = 0;

  const PostTrainingSettings& settings() const { return settings_; }
  SequenceLoss loss() const {
    return {rollouts_, demonstrations_, settings_.entropy_weight, settings_.entropy_weighted};
  }
  const ReportValues& last_reports() const { return reports_; }
  // Where a row is computed: by item, its demonstration first.
  std::int64_t place_of(const ChosenRow& row) const {
    return static_cast<std::int64_t>(row.item) * (settings_.rollouts + 1) + row.weighed.rollout + 1;
  }
  Learner& learning() { return learner_; }
  const Learner& learning() const { return learner_; }
  Descent descent() const;
  // Whether a frozen copy of what training began with pulls on it.
  bool pulled() const;
  // Parameters of "policy/..." from the base's, where there is one: agent i takes base[i modulo their
  // number], in the order of `names`; those of "reference/..." become copies.
  void begin_with(const std::vector<std::string>& names,
                  const std::vector<const std::vector<std::vector<float>>*>& base);

 private:
  std::vector<std::size_t> choose(std::size_t agent) const;
  void remember(std::size_t agent, std::size_t item, GroupOutcome& group);

  PostTrainingSettings settings_;
  std::int64_t steps_;
  std::size_t items_;
  Learner learner_;
  Estimator rollouts_, demonstrations_;
  std::int64_t t_ = 0;
  std::vector<std::vector<float>> estimate_;         // [agents][items] of the running gate; -1: never seen
  std::vector<std::vector<std::uint8_t>> state_of_;  // [agents][items] 0 unseen, 1 failing, 2 solved once
  std::vector<double> flop_;                         // an agent has cost until now
  ReportValues reports_;
};

}  // namespace hardy::algorithms
