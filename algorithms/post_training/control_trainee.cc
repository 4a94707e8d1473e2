#include "algorithms/post_training/control_trainee.h"

#include <algorithm>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "envs/shared_environment.h"

namespace hardy::algorithms {
namespace {

ControlEpisode seen_by(const PolicySpec& spec, const Demonstration& d) {
  ControlEpisode e;
  e.steps = d.steps;
  e.observations.resize(d.observations.size());
  observe_as(spec, std::vector<double>(d.observations.begin(), d.observations.end()), e.observations.data());
  e.drawn = d.actions;
  if (!e.drawn.empty()) drawn_of(spec, e.drawn);
  e.choices = d.choices;
  return e;
}

}  // namespace

ControlTrainee::ControlTrainee(ControlData data, const PostTrainingSettings& settings, const PolicySpec& spec,
                               const ControlTraining& how, std::vector<std::uint64_t> seeds,
                               std::int64_t steps, const std::vector<LoadedPolicy>& base, comm::Ranks& ranks)
    : GroupTrainee(settings, std::move(seeds), steps, static_cast<std::int64_t>(data.starts.size()),
                   data.spec.max_episode_steps, ranks),
      data_(std::move(data)),
      spec_(spec),
      how_(how) {
  if (static_cast<std::int64_t>(data_.starts.size()) < settings.prompts)
    throw Error("are fewer than a step takes, " + std::to_string(settings.prompts),
                std::to_string(data_.starts.size()) + " starts", "lower --prompts-a-step or raise --starts");
  require_match(spec_, data_.spec, "the policy");
  for (const ControlStart& start : data_.starts) {
    const bool used =
        settings.needs_demonstrations() && (!settings.verify_demonstrations || start.demonstration.succeeded);
    demonstrations_.push_back(used ? seen_by(spec_, start.demonstration) : ControlEpisode{});
  }
  Learner& learner = learning();
  const ControlNetworks policy = networks("policy", nn::Role::kTrainable);
  ControlNetworks reference;
  if (pulled()) reference = networks("reference", nn::Role::kFrozen);
  update_ = std::make_unique<ControlUpdate>(learner, spec_, policy, pulled() ? &reference : nullptr, loss(),
                                            descent(), data_.spec.max_episode_steps);
  learner.finish();
  std::vector<std::string> names;
  for (const nn::TensorSpec& t : spec_.mlp()->tensors("", 1)) names.push_back(t.name.substr(1));
  if (spec_.head == Head::kGaussian) names.emplace_back("log_std");
  std::vector<const std::vector<std::vector<float>>*> parameters;
  for (const LoadedPolicy& p : base) parameters.push_back(&p.parameters);
  begin_with(names, parameters);
  keep_floor();

  const std::vector<std::uint64_t> own(learner.seeds().begin(), learner.seeds().end());
  evaluation_ = std::make_unique<ControlEvaluation>(data_, spec_, learner.parameters(), own,
                                                    how_.eval_episodes, how_.eval_seed);
  if (settings.when == When::kDemonstrations) return;
  const std::int64_t each = settings.prompts * settings.rollouts;
  env_ = envs::make_environment_among(ranks, data_.environment, static_cast<int>(each * learner.agents()));
  rollout_ = std::make_unique<Rollout>(*env_);
  learner.write_parameters(
      [&](nn::ParameterStore& store) { sampler_ = std::make_unique<ControlSampler>(spec_, each, store); });
  played_.resize(static_cast<std::size_t>(each * learner.agents()));
}

ControlNetworks ControlTrainee::networks(const std::string& name, nn::Role role) {
  Learner& learner = learning();
  ControlNetworks all{learner.network(name, spec_.mlp(), role), {}};
  if (spec_.head == Head::kGaussian)
    all.log_std = learner.network(
        name + "/log_std", nn::vector(spec_.action_size, static_cast<float>(how_.initial_log_std)), role);
  return all;
}

// Likelihood grows without bound where demonstrations leave nothing to chance: a free log sigma is brought
// back to its floor after every step. (That of a kTanhGaussian head is held in the head.)
void ControlTrainee::keep_floor() {
  if (spec_.head != Head::kGaussian) return;
  learning().write_parameters([&](nn::ParameterStore& store) {
    const int log_std = store.find("policy/log_std");
    for (std::int64_t a = 0; a < store.agents(); ++a)
      for (float& s : store.agent(log_std, a)) s = std::max(s, static_cast<float>(how_.log_std_floor));
  });
}

std::size_t ControlTrainee::index_of(std::size_t agent, std::size_t place, std::size_t rollout) const {
  const auto prompts = static_cast<std::size_t>(settings().prompts),
             rollouts = static_cast<std::size_t>(settings().rollouts);
  return (agent * prompts + place) * rollouts + rollout;
}

void ControlTrainee::roll_out(const std::vector<std::vector<std::size_t>>& items, ThreadTeam& team) {
  std::vector<std::uint64_t> own;  // a rollout's seed
  for (Played& p : played_) p = {};
  for (std::size_t a = 0; a < items.size(); ++a)
    for (const std::size_t item : items[a])
      for (std::int64_t r = 0; r < settings().rollouts; ++r) {
        rollout_->start(static_cast<int>(own.size()), data_.starts[item].seed, *sampler_);
        own.push_back(rollout_seed(learning().seeds()[a], steps_done(), static_cast<std::int64_t>(item), r));
      }
  const auto obs = static_cast<std::size_t>(spec_.observation_size),
             act = static_cast<std::size_t>(spec_.action_size);
  std::vector<Random> draws;
  std::vector<std::uint8_t> stepped(own.size());
  for (std::uint64_t t = 0; rollout_->running() > 0; ++t) {
    draws.clear();
    for (std::size_t i = 0; i < own.size(); ++i) {
      draws.emplace_back(own[i], RandomStream::kExplore, t);
      stepped[i] = rollout_->runs(static_cast<int>(i));
    }
    rollout_->act(*sampler_, draws, team);
    rollout_->step(team);
    for (std::size_t k = 0; k < own.size(); ++k) {
      if (!stepped[k]) continue;
      const int i = static_cast<int>(k);
      Played& p = played_[k];
      ControlEpisode& e = p.episode;
      const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
      append(e.observations, sampler_->seen().subspan(k * obs, obs));
      if (chooses(spec_.head))
        append(e.choices, rollout_->action(i).choices());
      else
        append(e.drawn, sampler_->drawn().subspan(k * act, act));
      e.log_prob.push_back(rollout_->log_prob(i));
      ++e.steps;
      p.entropy += static_cast<double>(sampler_->entropies()[k]);
      p.episode_return += rollout_->reward(i);
      p.truncated = rollout_->truncated(i);
    }
  }
}

GroupOutcome ControlTrainee::outcome(std::size_t agent, std::size_t place, std::size_t start,
                                     bool rolled_out) {
  GroupOutcome group;
  group.demonstration_length = demonstrations_[start].steps;
  group.demonstration_return = data_.starts[start].demonstration.episode_return;
  if (!rolled_out) return group;
  for (std::int64_t r = 0; r < settings().rollouts; ++r) {
    const Played& p = played_[index_of(agent, place, static_cast<std::size_t>(r))];
    group.returns.push_back(p.episode_return);
    group.lengths.push_back(p.episode.steps);
    group.successes.push_back(p.episode_return >= data_.success_return);
  }
  return group;
}

const std::vector<SequenceSeen>& ControlTrainee::descend(const std::vector<std::vector<ChosenRow>>& rows,
                                                         ThreadTeam& team) {
  std::vector<std::vector<ControlRow>> all(rows.size());
  for (std::size_t a = 0; a < rows.size(); ++a)
    for (const ChosenRow& row : rows[a]) {
      const auto& [place, start, w] = row;
      const bool rollout = w.rollout >= 0;
      const ControlEpisode& e = rollout
                                    ? played_[index_of(a, place, static_cast<std::size_t>(w.rollout))].episode
                                    : demonstrations_[start];
      all[a].push_back({&e, rollout ? &e.log_prob : nullptr, w.advantage, w.rollout_weight,
                        w.demonstration_weight, w.praise_weight, w.imitation_weight, place_of(row)});
    }
  update_->set_rows(std::move(all));
  learning().step(team);
  keep_floor();
  return update_->seen();
}

double ControlTrainee::flops_a_token() const {
  double weights = 0;
  std::int64_t in = spec_.observation_size;
  for (const std::int64_t width : spec_.hidden) {
    weights += static_cast<double>(in * width);
    in = width;
  }
  return 2 * (weights + static_cast<double>(in * spec_.mlp()->outputs()));
}

double ControlTrainee::played(std::size_t agent, const std::vector<std::size_t>&) const {
  double steps = 0;
  for (std::size_t i = index_of(agent, 0, 0); i < index_of(agent + 1, 0, 0); ++i)
    steps += static_cast<double>(played_[i].episode.steps);
  return steps;
}

nlohmann::json ControlTrainee::describe(std::size_t start) const {
  const Demonstration& d = data_.starts[start].demonstration;
  return {{"start", start},
          {"seed", data_.starts[start].seed},
          {"demonstration", d.steps == 0  ? "none"
                            : d.succeeded ? "succeeded"
                                          : "failed"}};
}

void ControlTrainee::report(std::size_t agent, const std::vector<std::size_t>& items,
                            const std::vector<GroupOutcome>&, ReportValues& reports) const {
  double entropy = 0, length = 0, truncated = 0, total = 0;
  const auto n = static_cast<double>(items.size()) * static_cast<double>(settings().rollouts);
  for (std::size_t i = index_of(agent, 0, 0); i < index_of(agent + 1, 0, 0); ++i) {
    const Played& p = played_[i];
    entropy += p.entropy / static_cast<double>(p.episode.steps);
    length += static_cast<double>(p.episode.steps);
    truncated += p.truncated;
    total += p.episode_return;
  }
  reports["entropy"].push_back(entropy / n);
  reports["episode_length"].push_back(length / n);
  reports["truncated_share"].push_back(truncated / n);
  reports["train_return/mean"].push_back(total / n);
}

}  // namespace hardy::algorithms
