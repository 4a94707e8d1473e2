#include "algorithms/adversarial/steps/episode_losses.h"

#include <algorithm>

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

double EpisodeLosses::at(int h, int s, int a, int w) const {
  if (!linear_) return of(w)[h * mdp_.pairs() + std::int64_t{s} * mdp_.A + a];
  const int d = mdp_.d;
  const double *const phi = mdp_.features(h, s, a), *const nu = of(w) + std::int64_t{h} * d;
  double loss = 0;
  for (int i = 0; i < d; ++i) loss += phi[i] * nu[i];
  return loss;
}

void EpisodeLosses::end(std::int64_t k, const Numbers& u) {
  const auto lanes = static_cast<std::int64_t>(now_.size());
  for (std::size_t w = 0; w < adversaries_.size(); ++w) {
    for (std::size_t i = 0; i < features_.size(); ++i)
      features_[i] = u[static_cast<std::int64_t>(i) * lanes + static_cast<std::int64_t>(w)];
    adversaries_[w]->played(k, features_);
  }
}

}  // namespace hardy::algorithms
