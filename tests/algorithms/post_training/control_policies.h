// Small control policies and batches that the tests of post-training share.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "algorithms/post_training/batch.h"
#include "algorithms/post_training/control_update.h"
#include "tests/algorithms/post_training/trainees.h"

namespace hardy::test {

using algorithms::ControlEpisode;
using algorithms::ControlRow;
using algorithms::ControlUpdate;
using algorithms::Head;
using algorithms::Learner;
using algorithms::PolicySpec;
using algorithms::PostTrainingSettings;

inline PolicySpec small_policy(Head head) {
  PolicySpec s;
  s.head = head;
  s.observation_size = 3;
  s.hidden = {6};
  s.nonlinearity = nn::Nonlinearity::kTanh;
  s.action_size = algorithms::chooses(head) ? 1 : 2;
  s.action_choices = algorithms::chooses(head) ? 4 : 0;
  if (!algorithms::chooses(head)) s.action_low = {-2, -1}, s.action_high = {2, 3};
  s.log_std_low = -3;
  return s;
}

// A start with rollouts of several lengths and a demonstration, made up.
struct SmallStart {
  std::vector<ControlEpisode> rollouts;
  std::vector<double> returns;
  ControlEpisode demonstration;

  algorithms::GroupOutcome outcome() const {
    algorithms::GroupOutcome g;
    g.returns = returns;
    for (const ControlEpisode& e : rollouts) g.lengths.push_back(e.steps);
    g.demonstration_length = demonstration.steps;
    return g;
  }
};

inline std::vector<SmallStart> small_starts(const PolicySpec& spec, float typical_log_prob) {
  std::uint64_t i = 0;
  const auto uniform = [&] { return Random(5, RandomStream::kUser).uniform(i++) - 0.5f; };
  const auto episode = [&](std::int64_t steps) {
    ControlEpisode e;
    e.steps = steps;
    for (std::int64_t t = 0; t < steps; ++t) {
      for (int k = 0; k < spec.observation_size; ++k) e.observations.push_back(2 * uniform());
      if (algorithms::chooses(spec.head))
        e.choices.push_back(static_cast<std::int32_t>((uniform() + 0.5f) * 4));
      else
        for (int k = 0; k < spec.action_size; ++k) e.drawn.push_back(1.5f * uniform());
      e.log_prob.push_back(typical_log_prob + 0.9f * uniform());  // on both sides of every clip
    }
    return e;
  };
  std::vector<SmallStart> all;
  for (const std::vector<double>& returns : {std::vector<double>{1, 0, 0, 1}, {0, 0, 0, 0}, {0, 1, 1, 1}}) {
    all.push_back({{}, returns, episode(4)});
    for (const std::int64_t steps : {5, 2, 7, 3}) all.back().rollouts.push_back(episode(steps));
  }
  return all;
}

struct SmallControl {
  PolicySpec spec;
  PostTrainingSettings settings;
  algorithms::Estimator rollouts, demonstrations;
  std::vector<SmallStart> starts;
  Learner learner;
  std::unique_ptr<ControlUpdate> update;

  static constexpr std::int64_t kSteps = 8;

  explicit SmallControl(const std::string& method, Head head = Head::kGaussian, std::int64_t pass = 4,
                        std::int64_t steps = kSteps, std::vector<std::uint64_t> seeds = {3})
      : spec(small_policy(head)),
        settings(algorithms::post_training_settings(method)),
        rollouts(settings.rollouts_by(static_cast<double>(kSteps))),
        demonstrations(settings.demonstrations_by(static_cast<double>(kSteps))),
        starts(small_starts(spec, head == Head::kCategorical ? -1.4f : -1.9f)),
        learner(std::move(seeds)) {
    algorithms::ControlNetworks policy{learner.network("policy", spec.mlp()), {}};
    if (head == Head::kGaussian) policy.log_std = learner.vector("policy/log_std", spec.action_size, -0.2f);
    update = std::make_unique<ControlUpdate>(
        learner, spec, policy, nullptr,
        algorithms::SequenceLoss{rollouts, demonstrations, 0, settings.entropy_weighted}, oracle_descent(),
        steps, pass);
    learner.finish();
  }

  std::vector<ControlRow> rows(std::int64_t step = 0) const {
    std::vector<algorithms::GroupOutcome> outcomes;
    for (const SmallStart& s : starts) outcomes.push_back(s.outcome());
    std::vector<ControlRow> all;
    for (const algorithms::WeighedRow& r :
         algorithms::weigh(outcomes, settings, rollouts, demonstrations, settings.imitates(0, 2),
                           settings.rolls_out(0, 2), step)
             .rows) {
      const SmallStart& s = starts[static_cast<std::size_t>(r.group)];
      const ControlEpisode& e =
          r.rollout < 0 ? s.demonstration : s.rollouts[static_cast<std::size_t>(r.rollout)];
      all.push_back({&e, r.rollout < 0 ? nullptr : &e.log_prob, r.advantage, r.rollout_weight,
                     r.demonstration_weight, r.praise_weight, r.imitation_weight,
                     static_cast<std::int64_t>(all.size())});
    }
    return all;
  }
  void step(ThreadTeam& team, std::int64_t number = 0) {
    update->set_rows(
        std::vector<std::vector<ControlRow>>(static_cast<std::size_t>(learner.agents()), rows(number)));
    learner.step(team);
  }
  std::vector<float> values() const { return values_of(learner.parameters()); }
  std::vector<float> gradients() const { return gradients_of(learner.parameters()); }
};

}  // namespace hardy::test
