#include "algorithms/adversarial/steps/episode_losses.h"

#include <algorithm>

#include "algorithms/adversarial/steps/draws.h"

namespace hardy::algorithms {

EpisodeLosses::EpisodeLosses(const envs::Instance& instance, int lanes)
    : mdp_(*instance.mdp),
      process_(*instance.losses),
      adaptive_(process_.adaptive()),
      linear_(process_.linear()),
      now_(static_cast<std::size_t>(lanes)),
      features_(static_cast<std::size_t>(mdp_.H) * static_cast<std::size_t>(mdp_.d)) {
  const auto size = static_cast<std::size_t>(envs::loss_size(mdp_, linear_));
  scratch_.resize(size * (adaptive_ ? now_.size() : 1));
  if (!adaptive_) return;
  for (std::size_t w = 0; w < now_.size(); ++w) adversaries_.push_back(process_.fresh());
  sum_.assign(now_.size(), std::vector<double>(size));
  if (process_.sees_occupancies())
    occupancies_.resize(static_cast<std::size_t>(mdp_.H) * static_cast<std::size_t>(mdp_.pairs()));
}

void EpisodeLosses::begin(std::int64_t k) {
  if (!adaptive_) {
    std::ranges::fill(now_, process_.losses(k, scratch_.data()));
    return;
  }
  const std::size_t size = sum_[0].size();
  for (std::size_t w = 0; w < now_.size(); ++w) {
    now_[w] = adversaries_[w]->losses(k, scratch_.data() + w * size);
    for (std::size_t i = 0; i < size; ++i) sum_[w][i] += now_[w][i];
  }
}

void EpisodeLosses::end(std::int64_t k, const Tables& tables, const Played& played) {
  const auto lanes = static_cast<std::int64_t>(now_.size());
  if (!process_.bounded()) {
    const Random random(0, static_cast<std::uint32_t>(DrawFor::kUnvisited), static_cast<std::uint64_t>(k));
    const auto w = static_cast<int>(k % lanes),
               h = static_cast<int>(random.integer(0, static_cast<std::uint32_t>(mdp_.H)));
    const auto at = static_cast<std::size_t>(h * lanes + w);
    const std::int64_t visited = std::int64_t{played.states[at]} * mdp_.A + played.actions[at],
                       others = std::max<std::int64_t>(1, mdp_.pairs() - 1),
                       step = 1 + random.integer(1, static_cast<std::uint32_t>(others)),
                       pair = (visited + step) % mdp_.pairs();
    keep_range(this->at(h, static_cast<int>(pair / mdp_.A), static_cast<int>(pair % mdp_.A), w));
  }
  for (std::size_t w = 0; w < adversaries_.size(); ++w) {
    for (std::size_t i = 0; i < features_.size(); ++i)
      features_[i] = tables.u[static_cast<std::int64_t>(i) * lanes + static_cast<std::int64_t>(w)];
    for (std::size_t i = 0; i < occupancies_.size(); ++i)
      occupancies_[i] = tables.q[static_cast<std::int64_t>(i) * lanes + static_cast<std::int64_t>(w)];
    adversaries_[w]->played(k, {features_, occupancies_});
  }
}

}  // namespace hardy::algorithms
