#include "algorithms/online/interacting_trainee.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "algorithms/online/task_interaction.h"
#include "engine/base/json.h"

namespace hardy::algorithms {
namespace {

PolicySpec policy_for(const Method& method, const std::string& name, const envs::EnvSpec& spec) {
  PolicySpec policy =
      method.policy(spec.observation_size, method.chooses() ? spec.action_choices : spec.action_size);
  require_match(policy, spec, name);
  policy.action_low = spec.action_low;
  policy.action_high = spec.action_high;
  return policy;
}

// A step's draws, beyond those of the actions themselves and kExploreDraw.
constexpr std::uint64_t kNoiseDraws = 2 << 20, kExpansionDraws = 3 << 20, kFeedbackDraws = 4 << 20;

// The space of a replay of what networks see: actions are scaled already.
envs::EnvSpec as_networks_see(envs::EnvSpec spec) {
  std::ranges::fill(spec.action_low, -1.0f);
  std::ranges::fill(spec.action_high, 1.0f);
  return spec;
}

template <class T>
void add(run::ArchiveWriter& file, const std::string& name, std::span<const T> x) {
  file.add<T>(name, Shape{static_cast<std::int64_t>(x.size())}, x);
}
template <class T>
std::vector<T> get(const run::Archive& file, const std::string& name) {
  const auto x = file.get<T>(name);
  return {x.begin(), x.end()};
}

}  // namespace

InteractingTrainee::InteractingTrainee(const Method& method, const std::string& name,
                                       const InteractionSettings& settings, std::vector<std::uint64_t> seeds,
                                       device::Device* device, const DescentDefaults& descent,
                                       const OfflineBeginning* beginning)
    : method_(method),
      settings_(settings),
      env_(
          envs::make_environment_among(*descent.ranks, settings.environment, static_cast<int>(seeds.size()))),
      policy_(beginning ? beginning->policy : policy_for(method, name, env_->spec())),
      replay_(static_cast<std::int64_t>(seeds.size()), settings.capacity,
              beginning ? as_networks_see(env_->spec()) : env_->spec(),
              beginning ? "--online-steps" : "--capacity"),
      learner_(std::move(seeds), device, descent),
      rollout_(*env_) {
  const auto agents = static_cast<std::size_t>(learner_.agents());
  const int observation_size = env_->spec().observation_size,
            action_size = method.chooses() ? env_->spec().action_choices : env_->spec().action_size;
  if (beginning)
    method.build(learner_, MixedSource(beginning->tables, replay_.tables(), beginning->share,
                                       observation_size, action_size, method.batch_size()));
  else
    method.build(learner_,
                 TransitionSource(replay_.tables(), observation_size, action_size, method.batch_size()));
  learner_.finish();
  feed_ = replay_.feed(learner_.mirror());
  if (beginning) continuation_ = continuation(*beginning);
  actor_ = std::make_unique<Actor>(policy_, 1, learner_.parameters(), learner_.mirror());
  returns_.assign(agents, 0);
  last_returns_.assign(agents, std::numeric_limits<double>::quiet_NaN());
  episodes_.assign(agents, 0);
  attacked_.assign(agents, 0);
  frozen_steps_.assign(agents, 0);
  draws_.reserve(agents);
  for (int agent = 0; agent < env_->size(); ++agent) start(agent);
  if (feed_ && !beginning)
    there_ = make_device_interaction(*env_, *actor_, replay_, learner_.seeds(), *learner_.mirror());
  if (there_) there_->send(t_, state());
}

// Each episode's start is a draw of the agent's own: its seed and the episode's number.
void InteractingTrainee::start(int agent) {
  const auto a = static_cast<std::size_t>(agent);
  rollout_.start(agent, episode_seed(learner_.seeds()[a], RandomStream::kEnvironment, episodes_[a]++),
                 *actor_);
  returns_[a] = 0;
}

void InteractingTrainee::step(ThreadTeam& team) {
  if (there_)
    there_->step(t_, uniform_share());
  else
    step_here(team);
  replay_.filled(t_);
  if (feed_ && !there_) feed_->put(t_ % replay_.capacity());
  ++t_;
  if (t_ > settings_.start_steps && t_ % settings_.update_every == 0) learner_.step(team);
}

void InteractingTrainee::step_here(ThreadTeam& team) {
  draws_.clear();
  for (const std::uint64_t seed : learner_.seeds())
    draws_.emplace_back(seed, RandomStream::kExplore, static_cast<std::uint64_t>(t_));
  explore(team);
  rollout_.step(team);
  for (int agent = 0; agent < env_->size(); ++agent) {
    const auto a = static_cast<std::size_t>(agent);
    keep(agent);
    returns_[a] += rollout_.reward(agent);
    if (rollout_.runs(agent)) continue;
    last_returns_[a] = returns_[a];
    start(agent);
  }
}

double InteractingTrainee::uniform_share() const {
  return t_ < settings_.start_steps ? 1 : method_.exploration(t_ - settings_.start_steps);
}

void InteractingTrainee::explore(ThreadTeam& team) {
  if (!continuation_) {
    const double uniform = uniform_share();
    if (uniform < 1) rollout_.act(*actor_, draws_, team);
    if (uniform > 0)
      for (std::size_t a = 0; a < draws_.size(); ++a)
        if (uniform >= 1 || draws_[a].uniform64(kExploreDraw) < uniform)
          act_uniformly(env_->spec(), draws_[a], a, rollout_.actions());
    return;
  }
  rollout_.act(*actor_, draws_, team);
  if (Expansion* const expansion = continuation_->expansion.get()) {
    expansion->choose(rollout_.now(), draws_, kExpansionDraws, rollout_.actions(), team);
    for (std::size_t a = 0; a < draws_.size(); ++a) frozen_steps_[a] += expansion->took_offline()[a];
  }
  if (policy_.head != Head::kDeterministic || continuation_->noise == 0) return;
  const ActionBounds bounds = policy_.bounds();
  std::vector<float>& actions = rollout_.actions().numbers;
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const std::size_t k = i % bounds.size();
    const double noise = continuation_->noise * draws_[i / bounds.size()].normal(kNoiseDraws + k);
    actions[i] =
        std::clamp(actions[i] + static_cast<float>(noise) * bounds.half(k), bounds.low[k], bounds.high[k]);
  }
}

// The agent's last step into its replay.
void InteractingTrainee::keep(int agent) {
  const auto a = static_cast<std::size_t>(agent);
  if (!continuation_) {
    replay_.put(agent, t_,
                {rollout_.observation(agent), rollout_.next_observation(agent), rollout_.action(agent),
                 rollout_.reward(agent), rollout_.terminated(agent)});
    return;
  }
  Continuation& c = *continuation_;
  observe_as(policy_, rollout_.observation(agent), c.observation.data());
  observe_as(policy_, rollout_.next_observation(agent), c.next.data());
  std::ranges::copy(rollout_.action(agent).numbers(), c.action.begin());
  policy_.bounds().scale(c.action);
  auto reward = static_cast<float>(rollout_.reward(agent));
  attacked_[a] += c.corruption.corrupt(draws_[a], kFeedbackDraws, {c.observation, c.action, &reward, c.next});
  std::ranges::copy(c.observation, c.wide.begin());
  std::ranges::copy(c.next, c.wide_next.begin());
  replay_.put(agent, t_,
              {c.wide, c.wide_next, std::span<const float>(c.action), reward, rollout_.terminated(agent)});
}

std::unique_ptr<InteractingTrainee::Continuation> InteractingTrainee::continuation(
    const OfflineBeginning& beginning) {
  auto c =
      std::make_unique<Continuation>(Continuation{beginning.noise,
                                                  FeedbackCorruption(beginning.corruption, *beginning.data),
                                                  nullptr,
                                                  {},
                                                  {},
                                                  {},
                                                  {},
                                                  {}});
  const auto obs = static_cast<std::size_t>(policy_.observation_size);
  c->observation.resize(obs), c->next.resize(obs), c->wide.resize(obs), c->wide_next.resize(obs);
  c->action.resize(static_cast<std::size_t>(policy_.action_size));
  if (beginning.frozen)
    c->expansion = std::make_unique<Expansion>(policy_, *beginning.frozen, learner_, beginning.temperature);
  return c;
}

InteractionState InteractingTrainee::state() const {
  const std::size_t each = env_->state_size();
  InteractionState s{episodes_, returns_, last_returns_, {rollout_.now().begin(), rollout_.now().end()}, {}};
  s.states.resize(each * episodes_.size());
  for (std::size_t a = 0; a < episodes_.size(); ++a)
    env_->save_state(static_cast<int>(a), std::span(s.states).subspan(a * each, each));
  return s;
}

void InteractingTrainee::go_on_from(const InteractionState& s) {
  episodes_ = s.episodes;
  returns_ = s.returns;
  last_returns_ = s.last_returns;
  rollout_.resume(s.observations);
  if (!env_->saves_state()) return;
  const std::size_t each = env_->state_size();
  for (std::size_t a = 0; a < episodes_.size(); ++a)
    env_->load_state(static_cast<int>(a), std::span(s.states).subspan(a * each, each));
}

void InteractingTrainee::gather_for_saving() {
  if (auto* const shared = dynamic_cast<envs::SharedEnvironment*>(env_.get())) shared->gather_states();
  if (!there_) return;
  InteractionState s;
  there_->bring(s);
  go_on_from(s);
  feed_->bring_all();
}

void InteractingTrainee::save(run::ArchiveWriter& file) const {
  file.header()["interaction"] = {{"t", t_}, {"rows", replay_.rows()}, {"capacity", replay_.capacity()}};
  if (broken_episodes() > 0) file.header()["interaction"]["broken"] = broken_episodes();
  if (clipped_actions() > 0) file.header()["interaction"]["clipped"] = clipped_actions();
  const InteractionState s = state();
  add<std::uint64_t>(file, "interaction/episodes", s.episodes);
  add<double>(file, "interaction/returns", s.returns);
  add<double>(file, "interaction/last_returns", s.last_returns);
  if (continuation_) {
    add<std::uint64_t>(file, "interaction/attacked", attacked_);
    add<std::uint64_t>(file, "interaction/frozen_steps", frozen_steps_);
  }
  add<double>(file, "interaction/observations", s.observations);
  add<double>(file, "interaction/environments", s.states);
  replay_.save(file);
}

std::string InteractingTrainee::lost_in_saving() const {
  return env_->saves_state() ? ""
                             : settings_.environment +
                                   " cannot save its states: every agent begins another episode, and the "
                                   "run's bits are others than without the stop";
}

void InteractingTrainee::restore(const run::Archive& file) {
  const auto& h = file.header().at("interaction");
  InteractionState s{get<std::uint64_t>(file, "interaction/episodes"),
                     get<double>(file, "interaction/returns"), get<double>(file, "interaction/last_returns"),
                     get<double>(file, "interaction/observations"),
                     get<double>(file, "interaction/environments")};
  const std::size_t agents = episodes_.size(), each = env_->state_size();
  for (const std::size_t numbers : {s.episodes.size(), s.returns.size(), s.last_returns.size()})
    if (numbers != agents) throw Error("the state is of another number of agents");
  if (s.observations.size() != rollout_.now().size()) throw Error("observations are of another task");
  t_ = h.at("t");
  broken_before_ = h.value("broken", std::int64_t{0}) - env_->broken_episodes();
  clipped_before_ = h.value("clipped", std::int64_t{0}) - env_->clipped_actions();
  replay_.restore(file, h.at("capacity"), h.at("rows"), t_);
  if (feed_) feed_->put_all();
  if (continuation_) {
    attacked_ = get<std::uint64_t>(file, "interaction/attacked");
    frozen_steps_ = get<std::uint64_t>(file, "interaction/frozen_steps");
    if (attacked_.size() != agents || frozen_steps_.size() != agents)
      throw Error("counts of steps are of another number of agents");
  }
  if (env_->saves_state() && s.states.size() != each * agents)
    throw Error("the checkpoint has states of " +
                    std::to_string(s.states.size() / std::max<std::size_t>(1, agents)) + " numbers",
                settings_.environment, "its instances have " + std::to_string(each));
  go_on_from(s);
  if (!env_->saves_state())  // other episodes than those that were under way
    for (int agent = 0; agent < env_->size(); ++agent) start(agent);
  if (there_) there_->send(t_, state());
}

}  // namespace hardy::algorithms
