#include "algorithms/adversarial/boxes/confidence_set.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/base/error.h"

namespace hardy::algorithms {

ConfidenceSet::ConfidenceSet(const envs::LinearMdp& mdp, std::int64_t episodes, double delta, bool known,
                             double c)
    : mdp_(mdp), H_(mdp.H), S_(mdp.S), A_(mdp.A), c_(c), known_(known) {
  if (mdp.H > 1 && mdp.transitions.empty())
    throw Error("tabular methods need the transitions as rows", mdp.name,
                "this state space is too large for them");
  log_term_ = std::log(static_cast<double>(episodes) * H_ * S_ * A_ / delta);
  const auto pairs = static_cast<std::size_t>((H_ - 1) * mdp.pairs());
  visits_.assign(pairs, 0);
  at_epoch_.assign(pairs, 0);
  moves_.assign(pairs * static_cast<std::size_t>(S_), 0);
  low_.assign(moves_.size(), 0.0);
  room_.assign(moves_.size(), 0.0);
  f_.resize(static_cast<std::size_t>(S_));
  next_.resize(f_.size());
  order_.resize(f_.size());
  rebuild();
}

void ConfidenceSet::visited(int h, int s, int a, int next) {
  if (known_) return;
  const std::size_t at = pair(h, s, a);
  ++moves_[at * static_cast<std::size_t>(S_) + static_cast<std::size_t>(next)];
  ++visits_[at];
  doubled_ = doubled_ || visits_[at] >= std::max<std::int64_t>(1, 2 * at_epoch_[at]);
}

bool ConfidenceSet::refresh() {
  if (!doubled_) return false;
  doubled_ = false;
  at_epoch_ = visits_;
  rebuild();
  return true;
}

void ConfidenceSet::rebuild() {
  const auto S = static_cast<std::size_t>(S_);
  for (std::size_t at = 0; at < visits_.size(); ++at) {
    const double n = static_cast<double>(std::max<std::int64_t>(1, visits_[at]));
    for (std::size_t i = at * S; i < (at + 1) * S; ++i) {
      const double mean = known_ ? mdp_.transitions[i] : static_cast<double>(moves_[i]) / n;
      const double width = known_ ? 0 : c_ * std::sqrt(mean * log_term_ / n) + 7 * c_ * log_term_ / (3 * n);
      low_[i] = std::max(0.0, mean - width);
      room_[i] = std::min(1.0, mean + width) - low_[i];
    }
  }
}

void ConfidenceSet::sort_by(std::span<const double> f, bool falling, std::span<int> order) {
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](int i, int j) {
    const double x = f[static_cast<std::size_t>(i)], y = f[static_cast<std::size_t>(j)];
    return x == y ? i < j : falling ? x > y : x < y;
  });
}

double ConfidenceSet::extreme(int h, int s, int a, std::span<const double> f,
                              std::span<const int> order) const {
  const auto S = static_cast<std::size_t>(S_);
  const double* const low = low_.data() + pair(h, s, a) * S;
  const double* const room = room_.data() + pair(h, s, a) * S;
  double left = 1, value = 0;
  for (std::size_t i = 0; i < S; ++i) left -= low[i], value += low[i] * f[i];
  for (const int state : order) {  // what is left goes where it does most, as far as there is room
    const auto i = static_cast<std::size_t>(state);
    const double more = std::min(left, room[i]);
    if (more <= 0) continue;
    value += more * f[i];
    left -= more;
  }
  return value;
}

void ConfidenceSet::reach(const double* policy, bool largest, std::span<double> out) {
  const auto S = static_cast<std::size_t>(S_);
  for (int target = 0; target < H_; ++target)
    for (int state = 0; state < S_; ++state) {
      std::ranges::fill(f_, 0.0);
      f_[static_cast<std::size_t>(state)] = 1;
      for (int h = target; h-- > 0;) {
        sort_by(f_, largest, order_);
        for (int s = 0; s < S_; ++s) {
          double mean = 0;
          for (int a = 0; a < A_; ++a) mean += policy[pair(h, s, a)] * extreme(h, s, a, f_, order_);
          next_[static_cast<std::size_t>(s)] = mean;
        }
        f_.swap(next_);
      }
      double value = 0;
      for (std::size_t s = 0; s < S; ++s) value += mdp_.start[s] * f_[s];
      out[static_cast<std::size_t>(target) * S + static_cast<std::size_t>(state)] = value;
    }
}

}  // namespace hardy::algorithms
