#include "algorithms/online/interaction.h"

#include <algorithm>
#include <limits>

#include "algorithms/acting/actions.h"
#include "engine/base/memory.h"

namespace hardy::algorithms {
namespace {

// Two observations, an action, a reward and a flag a row, in float32.
std::uint64_t replay_bytes(std::int64_t agents, std::int64_t capacity, const envs::EnvSpec& spec) {
  return bytes_of(
      {agents, capacity, 2 * spec.observation_size + spec.action_size + 2, std::int64_t{sizeof(float)}});
}

}  // namespace

Interaction::Interaction(const std::string& environment, const SacSettings& sac,
                         const InteractionSettings& settings, std::vector<std::uint64_t> seeds,
                         device::Device* device)
    : sac_(sac),
      settings_(settings),
      env_(envs::make_environment(environment, static_cast<int>(seeds.size()))),
      learner_(std::move(seeds), device) {
  require_continuous(spec(), "sac");
  require_memory(replay_bytes(learner_.agents(), settings_.capacity, spec()),
                 "a replay of " + std::to_string(settings_.capacity) + " rows for each of " +
                     std::to_string(learner_.agents()) + (learner_.agents() == 1 ? " agent" : " agents"),
                 "--capacity", "give a smaller --capacity, or fewer --seeds");
  if (settings_.capacity > std::numeric_limits<std::int32_t>::max())
    throw Error("more rows than a row's number counts", "--capacity " + std::to_string(settings_.capacity),
                "give at most " + std::to_string(std::numeric_limits<std::int32_t>::max()));
  const auto agents = static_cast<std::size_t>(learner_.agents()),
             rows = agents * static_cast<std::size_t>(settings_.capacity);
  const auto obs = static_cast<std::size_t>(spec().observation_size),
             act = static_cast<std::size_t>(spec().action_size);
  policy_ = sac_policy(sac_, spec().observation_size, spec().action_size);
  policy_.action_low = spec().action_low;
  policy_.action_high = spec().action_high;
  bounds_ = policy_.bounds();
  replay_.observations.resize(rows * obs);
  replay_.next_observations.resize(rows * obs);
  replay_.actions.resize(rows * act);
  replay_.rewards.resize(rows);
  replay_.terminals.resize(rows);
  build_sac(learner_, sac_, spec().observation_size, spec().action_size,
            {replay_.observations.data(), replay_.actions.data(), replay_.rewards.data(),
             replay_.next_observations.data(), replay_.terminals.data(), &replay_.rows, settings_.capacity});
  actor_ = std::make_unique<Actor>(policy_, 1, learner_.parameters(), learner_.mirror());
  observations_.resize(agents * obs);
  next_.resize(agents * obs);
  rewards_.resize(agents);
  returns_.assign(agents, 0);
  last_returns_.assign(agents, std::numeric_limits<double>::quiet_NaN());
  actions_.resize(agents * act);
  noise_.resize(agents * act);
  terminated_.resize(agents);
  truncated_.resize(agents);
  episodes_.assign(agents, 0);
  for (std::int64_t a = 0; a < learner_.agents(); ++a) reset(a);
}

void Interaction::reset(std::int64_t agent) {
  const auto a = static_cast<std::size_t>(agent), obs = static_cast<std::size_t>(spec().observation_size);
  // Each episode's start is a draw of the agent's own: its seed and the episode's number.
  const Block b = Random(learner_.seeds()[a], Stream::kEnvironment, episodes_[a]++).block(0);
  env_->reset(static_cast<int>(agent), std::uint64_t{b[0]} << 32 | b[1],
              std::span(observations_).subspan(a * obs, obs));
  returns_[a] = 0;
}

void Interaction::store(std::int64_t agent) {
  const auto a = static_cast<std::size_t>(agent), obs = static_cast<std::size_t>(spec().observation_size),
             act = static_cast<std::size_t>(spec().action_size);
  const std::size_t row =
      a * static_cast<std::size_t>(settings_.capacity) + static_cast<std::size_t>(t_ % settings_.capacity);
  const auto narrow = [](double x) { return static_cast<float>(x); };
  std::transform(&observations_[a * obs], &observations_[a * obs] + obs, &replay_.observations[row * obs],
                 narrow);
  std::transform(&next_[a * obs], &next_[a * obs] + obs, &replay_.next_observations[row * obs], narrow);
  std::copy_n(&actions_[a * act], act, &replay_.actions[row * act]);
  bounds_.scale(std::span(replay_.actions).subspan(row * act, act));
  replay_.rewards[row] = narrow(rewards_[a]);
  replay_.terminals[row] = terminated_[a];
}

void Interaction::upload() {
  device::Mirror* mirror = learner_.mirror();
  if (!mirror) return;
  for (std::int64_t a = 0; a < learner_.agents(); ++a) {
    const std::int64_t row = a * settings_.capacity + t_ % settings_.capacity;
    const auto send = [&](std::vector<float>& table, std::int64_t width) {
      mirror->upload(&table[static_cast<std::size_t>(row * width)],
                     static_cast<std::size_t>(width) * sizeof(float));
    };
    send(replay_.observations, spec().observation_size);
    send(replay_.next_observations, spec().observation_size);
    send(replay_.actions, spec().action_size);
    send(replay_.rewards, 1);
    send(replay_.terminals, 1);
  }
}

void Interaction::iterate(ThreadTeam& team) {
  const auto act = static_cast<std::size_t>(spec().action_size),
             obs = static_cast<std::size_t>(spec().observation_size);
  const bool random = t_ < settings_.start_steps;
  for (std::int64_t agent = 0; agent < learner_.agents(); ++agent) {
    const auto a = static_cast<std::size_t>(agent);
    const Random draws(learner_.seeds()[a], Stream::kExplore, static_cast<std::uint64_t>(t_));
    for (std::size_t k = 0; k < act; ++k) {
      const float low = spec().action_low[k], high = spec().action_high[k];
      if (random)
        actions_[a * act + k] = low + (high - low) * draws.uniform(k);
      else
        noise_[a * act + k] = static_cast<float>(draws.normal(k));
    }
  }
  if (!random) actor_->act(observations_, noise_, actions_, {}, team);
  envs::step_all(*env_, team, actions_, next_, rewards_, terminated_, truncated_);
  for (std::int64_t agent = 0; agent < learner_.agents(); ++agent) {
    const auto a = static_cast<std::size_t>(agent);
    store(agent);
    returns_[a] += rewards_[a];
    if (terminated_[a] || truncated_[a]) {
      last_returns_[a] = returns_[a];
      reset(agent);
    } else {
      std::copy_n(&next_[a * obs], obs, &observations_[a * obs]);
    }
  }
  upload();
  ++t_;
  replay_.rows = static_cast<std::int32_t>(std::min(t_, settings_.capacity));
  if (learner_.mirror()) learner_.mirror()->upload(&replay_.rows, sizeof replay_.rows);
  if (t_ > settings_.start_steps && t_ % settings_.update_every == 0) learner_.step(team);
}

Interaction::State Interaction::state() const {
  State s{t_, episodes_, returns_, last_returns_, observations_, {}};
  const std::size_t each = env_->state_size();
  s.environments.resize(each * episodes_.size());
  for (std::size_t a = 0; a < episodes_.size(); ++a)
    env_->save_state(static_cast<int>(a), std::span(s.environments).subspan(a * each, each));
  return s;
}

void Interaction::restore(const State& s, const Replay& replay) {
  if (s.episodes.size() != episodes_.size()) throw Error("the state is of another number of agents");
  t_ = s.t;
  episodes_ = s.episodes;
  returns_ = s.returns;
  last_returns_ = s.last_returns;
  observations_ = s.observations;
  const std::size_t each = env_->state_size();
  for (std::size_t a = 0; a < episodes_.size(); ++a)
    env_->load_state(static_cast<int>(a), std::span(s.environments).subspan(a * each, each));
  // In place: the graphs read this memory.
  std::ranges::copy(replay.observations, replay_.observations.begin());
  std::ranges::copy(replay.actions, replay_.actions.begin());
  std::ranges::copy(replay.rewards, replay_.rewards.begin());
  std::ranges::copy(replay.next_observations, replay_.next_observations.begin());
  std::ranges::copy(replay.terminals, replay_.terminals.begin());
  replay_.rows = replay.rows;
  if (device::Mirror* mirror = learner_.mirror()) {
    for (const std::vector<float>* table : {&replay_.observations, &replay_.actions, &replay_.rewards,
                                            &replay_.next_observations, &replay_.terminals})
      mirror->upload(table->data(), table->size() * sizeof(float));
    mirror->upload(&replay_.rows, sizeof replay_.rows);
  }
}

}  // namespace hardy::algorithms
