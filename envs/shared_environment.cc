#include "envs/shared_environment.h"

#include <algorithm>

#include "engine/base/threads.h"
#include "engine/comm/agree.h"
#include "engine/comm/bytes.h"

namespace hardy::envs {
namespace {

constexpr std::size_t kHead = 3;   // whether it failed, episodes that broke off, actions that were clipped
constexpr std::size_t kExtra = 3;  // beside an observation: reward, terminated, truncated

std::size_t most_of(const std::vector<std::size_t>& bounds) {
  std::size_t most = 0;
  for (std::size_t r = 0; r + 1 < bounds.size(); ++r) most = std::max(most, bounds[r + 1] - bounds[r]);
  return most;
}

Actions part_of(Actions actions, const EnvSpec& spec, std::size_t first, std::size_t n) {
  if (spec.discrete()) return actions.choices().subspan(first, n);
  const auto act = static_cast<std::size_t>(spec.action_size);
  return actions.numbers().subspan(first * act, n * act);
}

}  // namespace

SharedEnvironment::SharedEnvironment(comm::Ranks& ranks, const std::string& name, int instances)
    : ranks_(ranks),
      instances_(instances),
      bounds_(comm::bounds_of(ranks, static_cast<std::size_t>(instances))),
      own_(make_environment(
          name, static_cast<int>(std::max<std::size_t>(1, bounds_[rank() + 1] - bounds_[rank()])))),
      observation_size_(static_cast<std::size_t>(own_->spec().observation_size)) {
  const auto n = static_cast<std::size_t>(instances), size = static_cast<std::size_t>(ranks.size());
  steps_.resize(size * (kHead + most_of(bounds_) * (observation_size_ + kExtra)));
  resets_.resize(size * (kHead + observation_size_));
  observations_.resize(n * observation_size_);
  states_.resize(n * own_->state_size());
}

void SharedEnvironment::exchange(const std::exception_ptr& failed, std::vector<double>& pieces) {
  const auto size = static_cast<std::size_t>(ranks_.size()), each = pieces.size() / size;
  double* const mine = pieces.data() + rank() * each;
  mine[0] = failed != nullptr;
  mine[1] = static_cast<double>(own_->broken_episodes());
  mine[2] = static_cast<double>(own_->clipped_actions());
  ranks_.gather(std::as_writable_bytes(std::span(pieces)));
  bool any = false;
  broken_ = clipped_ = 0;
  for (std::size_t r = 0; r < size; ++r) {
    any = any || pieces[r * each] != 0;
    broken_ += static_cast<std::int64_t>(pieces[r * each + 1]);
    clipped_ += static_cast<std::int64_t>(pieces[r * each + 2]);
  }
  if (any) comm::agree(ranks_, failed);
  if (broken_ == 0 || !first_break_.empty()) return;
  const std::string how = own_->first_break();
  for (const std::vector<std::byte>& text : comm::gather_all(ranks_, std::as_bytes(std::span(how))))
    if (first_break_.empty()) first_break_.assign(reinterpret_cast<const char*>(text.data()), text.size());
}

void SharedEnvironment::reset(int i, std::uint64_t seed, std::span<double> observation) {
  const auto n = static_cast<std::size_t>(i);
  const std::size_t each = kHead + observation_size_;
  std::exception_ptr failed;
  if (owns(n)) try {
      own_->reset(place_of(n), seed, std::span(resets_).subspan(rank() * each + kHead, observation_size_));
    } catch (...) {
      failed = std::current_exception();
    }
  exchange(failed, resets_);
  std::size_t owner = 0;
  while (n >= bounds_[owner + 1]) ++owner;
  std::ranges::copy(std::span(resets_).subspan(owner * each + kHead, observation_size_), observation.begin());
  std::ranges::copy(observation, observations_.begin() + static_cast<std::ptrdiff_t>(n * observation_size_));
}

void SharedEnvironment::observe(int i, std::span<double> observation) const {
  std::ranges::copy(
      std::span(observations_).subspan(static_cast<std::size_t>(i) * observation_size_, observation_size_),
      observation.begin());
}

void SharedEnvironment::step(int begin, int end, Actions actions, std::span<double> observations,
                             std::span<double> rewards, std::span<std::uint8_t> terminated,
                             std::span<std::uint8_t> truncated) {
  std::vector<std::uint8_t> running(static_cast<std::size_t>(instances_));
  std::fill(running.begin() + begin, running.begin() + end, std::uint8_t{1});
  ThreadTeam alone(1);
  step_running(alone, actions, observations, rewards, terminated, truncated, running);
}

void SharedEnvironment::step_running(ThreadTeam& team, Actions actions, std::span<double> observations,
                                     std::span<double> rewards, std::span<std::uint8_t> terminated,
                                     std::span<std::uint8_t> truncated,
                                     std::span<const std::uint8_t> running) {
  const std::size_t first = bounds_[rank()], own = bounds_[rank() + 1] - first, obs = observation_size_,
                    row = obs + kExtra, each = steps_.size() / static_cast<std::size_t>(ranks_.size());
  std::exception_ptr failed;
  if (own > 0) try {
      own_->step_running(team, part_of(actions, spec(), first, own),
                         observations.subspan(first * obs, own * obs), rewards.subspan(first, own),
                         terminated.subspan(first, own), truncated.subspan(first, own),
                         running.empty() ? running : running.subspan(first, own));
    } catch (...) {
      failed = std::current_exception();
    }
  double* const mine = steps_.data() + rank() * each + kHead;
  for (std::size_t i = 0; i < own; ++i) {
    const std::size_t n = first + i;
    std::copy_n(observations.data() + n * obs, obs, mine + i * row);
    mine[i * row + obs] = rewards[n];
    mine[i * row + obs + 1] = terminated[n];
    mine[i * row + obs + 2] = truncated[n];
  }
  exchange(failed, steps_);
  for (std::size_t r = 0; r + 1 < bounds_.size(); ++r)
    for (std::size_t n = bounds_[r]; n < bounds_[r + 1]; ++n) {
      if (!running.empty() && running[n] == 0) continue;
      const double* const at = steps_.data() + r * each + kHead + (n - bounds_[r]) * row;
      std::copy_n(at, obs, observations.data() + n * obs);
      std::copy_n(at, obs, observations_.data() + n * obs);
      rewards[n] = at[obs];
      terminated[n] = at[obs + 1] != 0;
      truncated[n] = at[obs + 2] != 0;
    }
}

void SharedEnvironment::gather_states() {
  const std::size_t each = own_->state_size();
  if (each == 0) return;
  for (std::size_t n = bounds_[rank()]; n < bounds_[rank() + 1]; ++n)
    own_->save_state(place_of(n), std::span(states_).subspan(n * each, each));
  std::vector<std::size_t> bounds = bounds_;
  for (std::size_t& b : bounds) b *= each;
  comm::exchange(ranks_, std::span(states_), bounds);
}

void SharedEnvironment::save_state(int i, std::span<double> state) const {
  const std::size_t each = own_->state_size();
  std::ranges::copy(std::span(states_).subspan(static_cast<std::size_t>(i) * each, each), state.begin());
}

void SharedEnvironment::load_state(int i, std::span<const double> state) {
  const auto n = static_cast<std::size_t>(i);
  if (owns(n)) own_->load_state(place_of(n), state);
  std::ranges::copy(state, states_.begin() + static_cast<std::ptrdiff_t>(n * own_->state_size()));
}

std::unique_ptr<BatchEnvironment> make_environment_among(comm::Ranks& ranks, const std::string& name,
                                                         int instances) {
  if (ranks.size() == 1) return make_environment(name, instances);
  return std::make_unique<SharedEnvironment>(ranks, name, instances);
}

}  // namespace hardy::envs
