// Exponential weights with dilated bonuses for tabular MDPs whose transitions are unknown (Luo, Wei, Lee
// 2021), regret H^2 S (A K)^{1/2} up to logarithms; and the same with known transitions, where both occupancy
// bounds are q itself. eta, gamma = 2 eta H as in the paper; beta scales the bonus and is 1 there.
#include "algorithms/adversarial/confidence_set.h"
#include "algorithms/adversarial/learner.h"

namespace hardy::algorithms {
namespace {

class Tabular : public RegretLearner {
 public:
  Tabular(Replicas<1>& replicas, bool known)
      : r_(replicas),
        set_(r_.mdp, r_.config.episodes, 1 / static_cast<double>(r_.config.episodes), known),
        upper_(static_cast<std::size_t>(r_.H) * static_cast<std::size_t>(r_.S)),
        lower_(upper_.size()),
        mean_(static_cast<std::size_t>(r_.S)),
        order_(static_cast<std::size_t>(r_.S)) {}

  void episode(std::int64_t) override {
    r_.entropic_policies();  // pi_k(a|s) ~ exp(-eta sum_{j<k} (Qhat_j - B_j)(s,a))
    r_.occupancies();
    r_.play();
    set_.reach(r_.pi.at(0), true, upper_);  // qup, qlo (s,a) = pi(a|s) times these
    set_.reach(r_.pi.at(0), false, lower_);
    estimate();
    bonus();
    dilate();
    r_.follow();
    for (int h = 0; h + 1 < r_.H; ++h) set_.visited(h, state(h), action(h), state(h + 1));
    set_.refresh();
  }

 private:
  int state(int h) const { return r_.states[static_cast<std::size_t>(h)]; }
  int action(int h) const { return r_.actions[static_cast<std::size_t>(h)]; }
  std::size_t at(int h, int s) const {
    return static_cast<std::size_t>(h) * static_cast<std::size_t>(r_.S) + s;
  }
  std::int64_t pair(int h, int s, int a) const { return r_.table(h) + std::int64_t{s} * r_.A + a; }

  // Qhat_h(s,a) = L_h 1{(s,a) visited} / (qup + gamma).
  void estimate() {
    std::fill_n(r_.Qhat.at(0), r_.Qhat.size(), 0.0);
    for (int h = 0; h < r_.H; ++h) {
      const std::int64_t p = pair(h, state(h), action(h));
      r_.Qhat[p] = r_.to_go[h] / (r_.pi[p] * upper_[at(h, state(h))] + r_.gamma[0]);
    }
  }

  // b_h(s) = E_{a ~ pi} (3 gamma H + H (qup - qlo)) / (qup + gamma).
  void bonus() {
    const double gamma = r_.gamma[0], H = r_.H;
    for (int h = 0; h < r_.H; ++h)
      for (int s = 0; s < r_.S; ++s) {
        double b = 0;
        for (int a = 0; a < r_.A; ++a) {
          const double p = r_.pi[pair(h, s, a)], up = p * upper_[at(h, s)], low = p * lower_[at(h, s)];
          b += p * (3 * gamma * H + H * (up - low)) / (up + gamma);
        }
        for (int a = 0; a < r_.A; ++a) r_.b[pair(h, s, a)] = r_.beta[0] * b;
      }
  }

  // B = b + (1 + 1/H) max_{P in the set} P E_pi B.
  void dilate() {
    for (int h = r_.H; h-- > 0;) {
      const bool last = h + 1 == r_.H;
      if (!last) {
        for (int s = 0; s < r_.S; ++s) {
          double mean = 0;
          for (int a = 0; a < r_.A; ++a) mean += r_.pi[pair(h + 1, s, a)] * r_.B[pair(h + 1, s, a)];
          mean_[static_cast<std::size_t>(s)] = mean;
        }
        ConfidenceSet::sort_by(mean_, true, order_);
      }
      for (int s = 0; s < r_.S; ++s)
        for (int a = 0; a < r_.A; ++a)
          r_.B[pair(h, s, a)] =
              r_.b[pair(h, s, a)] + (last ? 0.0 : (1 + 1.0 / r_.H) * set_.extreme(h, s, a, mean_, order_));
    }
  }

  Replicas<1>& r_;
  ConfidenceSet set_;
  std::vector<double> upper_, lower_, mean_;
  std::vector<int> order_;
};

template <bool Known>
LearnerMakers makers() {
  LearnerMakers all;
  all.one = [](Replicas<1>& r) -> std::unique_ptr<RegretLearner> {
    return std::make_unique<Tabular>(r, Known);
  };
  all.covariance = false;
  return all;
}

const RegisterLearner unknown({"tabular_unknown_transitions",
                               "tabular exponential weights, transitions unknown (Luo, Wei, Lee 2021)",
                               Scaling::kTabular},
                              makers<false>());
const RegisterLearner known({"tabular_known_transitions", "the same with known transitions",
                             Scaling::kTabular},
                            makers<true>());

}  // namespace
}  // namespace hardy::algorithms
