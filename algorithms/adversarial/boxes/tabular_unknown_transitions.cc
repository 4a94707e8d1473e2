// Exponential weights with dilated bonuses for tabular MDPs whose transitions are unknown (Luo, Wei, Lee
// 2021), regret H^2 S (A K)^{1/2} up to logarithms; and the same with known transitions, where both occupancy
// bounds are q itself. eta, gamma = 2 eta H as in the paper; beta scales the bonus and is 1 there.
#include "algorithms/adversarial/boxes/confidence_set.h"
#include "algorithms/adversarial/regret_method.h"

namespace hardy::algorithms {
namespace {

template <bool Known>
class Tabular final : public RegretLearner {
 public:
  explicit Tabular(Steps& steps)
      : r_(steps),
        t_(steps.tables),
        set_(r_.mdp, r_.game.episodes, 1 / static_cast<double>(r_.game.episodes), Known),
        upper_(static_cast<std::size_t>(t_.H) * static_cast<std::size_t>(t_.S)),
        lower_(upper_.size()),
        mean_(static_cast<std::size_t>(t_.S)),
        order_(static_cast<std::size_t>(t_.S)) {}

  void episode(std::int64_t) override {
    r_.entropic_policies();  // pi_k(a|s) ~ exp(-eta sum_{j<k} (Qhat_j - B_j)(s,a))
    r_.occupancies();
    r_.play();
    set_.reach(t_.pi.at(0), true, upper_);  // qup, qlo (s,a) = pi(a|s) times these
    set_.reach(t_.pi.at(0), false, lower_);
    estimate();
    bonus();
    dilate();
    r_.follow();
    for (int h = 0; h + 1 < t_.H; ++h) set_.visited(h, state(h), action(h), state(h + 1));
    set_.refresh();
  }

 private:
  int state(int h) const { return r_.played.states[static_cast<std::size_t>(h)]; }
  int action(int h) const { return r_.played.actions[static_cast<std::size_t>(h)]; }
  std::size_t at(int h, int s) const {
    return static_cast<std::size_t>(h) * static_cast<std::size_t>(t_.S) + s;
  }

  // Qhat_h(s,a) = L_h 1{(s,a) visited} / (qup + gamma).
  void estimate() {
    std::fill_n(t_.Qhat.at(0), t_.Qhat.size(), 0.0);
    for (int h = 0; h < t_.H; ++h) {
      const std::int64_t p = t_.pair(h, state(h), action(h));
      t_.Qhat[p] = r_.played.to_go[h] / (t_.pi[p] * upper_[at(h, state(h))] + r_.rates.gamma[0]);
    }
  }

  // b_h(s) = E_{a ~ pi} (3 gamma H + H (qup - qlo)) / (qup + gamma).
  void bonus() {
    const double gamma = r_.rates.gamma[0], H = t_.H;
    for (int h = 0; h < t_.H; ++h)
      for (int s = 0; s < t_.S; ++s) {
        double b = 0;
        for (int a = 0; a < t_.A; ++a) {
          const double p = t_.pi[t_.pair(h, s, a)], up = p * upper_[at(h, s)], low = p * lower_[at(h, s)];
          b += p * (3 * gamma * H + H * (up - low)) / (up + gamma);
        }
        for (int a = 0; a < t_.A; ++a) t_.b[t_.pair(h, s, a)] = r_.rates.beta[0] * b;
      }
  }

  // B = b + (1 + 1/H) max_{P in the set} P E_pi B.
  void dilate() {
    for (int h = t_.H; h-- > 0;) {
      const bool last = h + 1 == t_.H;
      if (!last) {
        for (int s = 0; s < t_.S; ++s) {
          double mean = 0;
          for (int a = 0; a < t_.A; ++a) mean += t_.pi[t_.pair(h + 1, s, a)] * t_.B[t_.pair(h + 1, s, a)];
          mean_[static_cast<std::size_t>(s)] = mean;
        }
        ConfidenceSet::sort_by(mean_, true, order_);
      }
      for (int s = 0; s < t_.S; ++s)
        for (int a = 0; a < t_.A; ++a)
          t_.B[t_.pair(h, s, a)] =
              t_.b[t_.pair(h, s, a)] + (last ? 0.0 : (1 + 1.0 / t_.H) * set_.extreme(h, s, a, mean_, order_));
    }
  }

  Steps& r_;
  Tables& t_;
  ConfidenceSet set_;
  std::vector<double> upper_, lower_, mean_;
  std::vector<int> order_;
};

const RegisterRegretMethod unknown(
    {.name = "tabular_unknown_transitions",
     .summary = "tabular exponential weights, transitions unknown (Luo, Wei, Lee 2021)",
     .scaling = Scaling::kTabular,
     .make = make_regret_learner<Tabular<false>>,
     .lanes = false,
     .covariance = false});
const RegisterRegretMethod known({.name = "tabular_known_transitions",
                                  .summary = "the same with known transitions",
                                  .scaling = Scaling::kTabular,
                                  .make = make_regret_learner<Tabular<true>>,
                                  .lanes = false,
                                  .covariance = false});

}  // namespace
}  // namespace hardy::algorithms
