// Policy optimisation with the true Q^{pi_k}_k of every episode: what bandit feedback costs is measured
// against it. Exponential weights (Hedge in every state, H^2 (K ln A)^{1/2}) or the log-barrier. Bonuses are
// off unless beta is given; then gamma's Sigma-dagger feeds them as in the bandit methods.
#include "algorithms/adversarial/learner.h"
#include "envs/linear_mdp/exact.h"

namespace hardy::algorithms {
namespace {

template <int W, bool LogBarrier>
class FullInformation : public Learner {
 public:
  explicit FullInformation(Replicas<W>& replicas)
      : r_(replicas), V_(std::int64_t{r_.S} * W), scratch_(std::int64_t{r_.d} * W) {}

  void episode(std::int64_t) override {
    if (LogBarrier)
      r_.log_barrier_policies();
    else
      r_.entropic_policies();
    r_.occupancies();
    r_.play();  // for the record alone
    true_values();
    if (r_.has_bonus()) r_.covariance();
    r_.bonus();
    r_.dilate();
    r_.follow();
  }

 private:
  // Q_h = l_k,h + P_h V_h+1, into Qhat.
  void true_values() {
    using linalg::all, linalg::fma, linalg::load, linalg::store;
    for (int h = r_.H; h-- > 0;) {
      double* const Q = r_.Qhat.at(r_.table(h));
      if (h + 1 < r_.H)
        envs::pull_back<W>(r_.mdp, h, V_.at(0), Q, scratch_.at(0));
      else
        std::fill_n(Q, r_.n * W, 0.0);
      for (int s = 0; s < r_.S; ++s) {
        auto value = all<W>(0.0);
        for (int a = 0; a < r_.A; ++a) {
          const std::int64_t p = std::int64_t{s} * r_.A + a;
          for (int w = 0; w < W; ++w) Q[p * W + w] += r_.loss_at(h, s, a, w);
          value = fma<W>(load<W>(r_.pi.at(r_.table(h) + p * W)), load<W>(Q + p * W), value);
        }
        store<W>(V_.at(std::int64_t{s} * W), value);
      }
    }
  }

  Replicas<W>& r_;
  Numbers V_, scratch_;
};

template <int W>
using Hedge = FullInformation<W, false>;
template <int W>
using LogBarrier = FullInformation<W, true>;

const RegisterLearner hedge({"hedge_full_information", "exponential weights on the true Q (full information)",
                             Scaling::kFullInformation},
                            makers_of<Hedge>());
const RegisterLearner log_barrier({"log_barrier_full_information",
                                   "log-barrier FTRL on the true Q (full information)",
                                   Scaling::kFullInformation},
                                  makers_of<LogBarrier>());

}  // namespace
}  // namespace hardy::algorithms
