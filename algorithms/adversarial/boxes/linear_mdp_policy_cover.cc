// Linear MDPs without a simulator: log-barrier FTRL over epochs, on top of a policy cover (Dai, Luo, Wei,
// Zimmert 2023, regret K^{8/9}). The structure is theirs as remembered; the cover's action at h* is included,
// so that E[S~] is the mixture (1 - delta_e) Sigma_pi + delta_e Sigma_cov; sizes are inputs (CoverSettings).
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <optional>

#include "algorithms/adversarial/boxes/policy_cover.h"
#include "algorithms/adversarial/regret_method.h"
#include "algorithms/adversarial/steps/trajectories.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "envs/linear_mdp/exact.h"
#include "envs/linear_mdp/simulator.h"

namespace hardy::algorithms {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

// Of the cover's visits that may be to states which are not known, where alpha is what the cover achieves.
constexpr double kUnknownShare = 0.01;
constexpr std::int64_t kMostRounds = 100'000;

struct Episode {  // one of the second half, kept until Sd stands
  std::vector<Visit> visits;
  std::vector<double> to_go;
  bool exploring = false;
  int h_star = 0;
};

class LinearMdpPolicyCover final : public RegretLearner {
 public:
  explicit LinearMdpPolicyCover(Steps& steps)
      : r_(steps), t_(steps.tables), draws_(steps.draws()), H_(t_.H), d_(t_.d) {
    const std::int64_t K = r_.game.episodes;
    const CoverSettings& given = r_.game.cover;
    const CoverSizes own = cover_sizes(K);
    delta_ = given.delta_e > 0 ? given.delta_e : own.delta_e;
    alpha_ = given.alpha > 0 ? given.alpha : 2.0 * d_;  // until the cover stands
    epoch_ = std::max<std::int64_t>(2, given.epoch > 0 ? given.epoch : own.epoch);
    cover_episodes_ = given.oracle ? 0 : given.cover_episodes > 0 ? given.cover_episodes : own.cover_episodes;
    if (!(delta_ > 0 && delta_ <= 1))
      throw Error("delta_e = " + to_text(delta_), "--delta-e",
                  "a share above 0 and of at most 1 would be right");
    if (cover_episodes_ > K)
      throw Error("the cover's " + std::to_string(cover_episodes_) +
                      " episodes are more than K = " + std::to_string(K),
                  "--cover-episodes", "give fewer, or play more episodes, or add --cover-oracle");
    if (given.rounds < 1 || given.rounds > kMostRounds)
      throw Error("a cover of " + std::to_string(given.rounds) + " rounds", "--cover-rounds",
                  "1 to " + std::to_string(kMostRounds) + " would be right");
    rounds_ = static_cast<int>(given.oracle ? given.rounds
                                            : std::clamp<std::int64_t>(cover_episodes_ / 2, 1, given.rounds));
    cover_.emplace(r_.mdp, alpha_, rounds_, 1 / static_cast<double>(K), given.bonus);
    second_.resize(static_cast<std::size_t>(epoch_ - epoch_ / 2));
    for (Episode& e : second_)
      e.visits.resize(static_cast<std::size_t>(H_)), e.to_go.resize(static_cast<std::size_t>(H_));
    round_mean_.assign(static_cast<std::size_t>(std::int64_t{H_} * d_ * d_), 0.0);
    if (given.oracle) {
      for (int m = 0; m < rounds_; ++m) cover_->plan_with_known_transitions();
      begin_main();
    }
  }

  void episode(std::int64_t k) override {
    if (k < cover_episodes_) return explore(k);
    if (in_epoch_ == 0) begin_epoch();
    draws_.begin(DrawFor::kPlay, k);
    current_.exploring = draws_.next() < delta_;  // Y
    current_.h_star = 0;
    int member = 0;
    if (current_.exploring) {
      current_.h_star = below(H_);
      member = below(cover_->rounds());
    }
    walk([&](int h, int s) {
      return current_.exploring && h <= current_.h_star
                 ? cover_->action(member, h, s)
                 : draw_action<1>(t_.pi.at(t_.pair(h, s, 0)), t_.A, draws_.next());
    });
    keep();
    if (++in_epoch_ == epoch_) end_epoch();
  }

  // Shares of 1 but for alpha. What was played: by the occupancies of the last episode.
  std::vector<RegretFigure> figures() const override {
    if (known_.empty()) return {};  // the run ended within the cover
    double known = 0, played = 0;
    for (std::size_t i = 0; i < known_.size(); ++i) {
      if (known_[i] == 0) continue;
      known += 1 / static_cast<double>(known_.size());
      for (int a = 0; a < t_.A; ++a) played += t_.q[static_cast<std::int64_t>(i) * t_.A + a] / H_;
    }
    return {{"known_states", known}, {"known_played", played}, {"alpha", alpha_}};
  }

 private:
  int below(int n) { return std::min(n - 1, static_cast<int>(draws_.next() * n)); }

  // One trajectory with the actions that choose(h, s) gives: states, actions and losses to go.
  template <class Choose>
  void walk(Choose&& choose) {
    int s = r_.draw_start();
    std::vector<double>& law = law_;
    law.resize(static_cast<std::size_t>(t_.S));
    for (int h = 0; h < H_; ++h) {
      const auto at = static_cast<std::size_t>(h);
      const int a = choose(h, s);
      r_.played.states[at] = s, r_.played.actions[at] = a;
      r_.played.to_go[h] = r_.losses.visited(h, s, a, 0);
      if (h + 1 < H_) s = envs::draw_from(r_.mdp.cumulative(h, s, a, law.data()), t_.S, draws_.next());
    }
    for (int h = H_ - 1; h-- > 0;) r_.played.to_go[h] += r_.played.to_go[h + 1];
  }

  // --- phase 0 ---
  void explore(std::int64_t k) {
    const std::int64_t each = cover_episodes_ / rounds_;
    if (k % each == 0 && cover_->rounds() < rounds_) {
      if (k > 0) close_round();
      cover_->plan();
      const std::vector<double> table = cover_->policy_table(cover_->rounds() - 1);
      std::ranges::copy(table, t_.pi.at(0));
    }
    r_.occupancies();
    draws_.begin(DrawFor::kPlay, k);
    walk([&](int h, int s) { return cover_->action(cover_->rounds() - 1, h, s); });
    for (int h = 0; h < H_; ++h) {
      const auto at = static_cast<std::size_t>(h);
      cover_->seen(h, r_.played.states[at], r_.played.actions[at],
                   h + 1 < H_ ? r_.played.states[at + 1] : -1);
      add_outer(round_mean_, h, r_.mdp.features(h, r_.played.states[at], r_.played.actions[at]), 1);
    }
    ++in_round_;
    if (k + 1 == cover_episodes_) {
      close_round();
      begin_main();
    }
  }
  void close_round() {
    for (double& x : round_mean_) x /= static_cast<double>(in_round_);
    cover_->close_round(round_mean_);
    std::ranges::fill(round_mean_, 0.0);
    in_round_ = 0;
  }

  // --- main phase ---
  void begin_main() {
    if (r_.game.cover.alpha <= 0) alpha_ = std::max<double>(d_, cover_->achieved(kUnknownShare));
    known_ = cover_->known_states(alpha_);
    cover_q_ = cover_->occupancy();
    covariance_.assign(round_mean_.size(), 0.0);
  }

  // pi_e: log-barrier FTRL in known states, uniform in the others; the occupancies of what an episode plays.
  void begin_epoch() {
    r_.log_barrier_policies();
    for (std::size_t i = 0; i < known_.size(); ++i)
      if (known_[i] == 0) std::fill_n(t_.pi.at(static_cast<std::int64_t>(i) * t_.A), t_.A, 1.0 / t_.A);
    r_.occupancies();
    for (std::int64_t i = 0; i < t_.q.size(); ++i) t_.q[i] *= 1 - delta_;
    for (int h_star = 0; h_star < H_; ++h_star) add_exploration(h_star);
    features_of_mixture();
    std::ranges::fill(covariance_, 0.0);
    first_count_ = second_count_ = 0;
  }

  // Adds delta / H times the occupancies of: the cover up to and including h*, then pi_e.
  void add_exploration(int h_star) {
    const double share = delta_ / H_;
    std::vector<double> q(cover_q_.begin(), cover_q_.begin() + (h_star + 1) * t_.n),
        rho(static_cast<std::size_t>(t_.S)), sums(static_cast<std::size_t>(d_));
    for (std::size_t i = 0; i < q.size(); ++i) t_.q[static_cast<std::int64_t>(i)] += share * q[i];
    std::vector<double> layer(q.end() - t_.n, q.end());
    for (int h = h_star; h + 1 < H_; ++h) {
      features(h, layer.data(), sums.data());
      envs::push_forward<1>(r_.mdp, h, layer.data(), sums.data(), rho.data());
      for (std::int64_t p = 0; p < t_.n; ++p) {
        layer[static_cast<std::size_t>(p)] =
            rho[static_cast<std::size_t>(p / t_.A)] * t_.pi[t_.table(h + 1) + p];
        t_.q[t_.table(h + 1) + p] += share * layer[static_cast<std::size_t>(p)];
      }
    }
  }
  void features(int h, const double* q, double* out) const {
    std::fill_n(out, d_, 0.0);
    for (std::int64_t p = 0; p < t_.n; ++p)
      for (int i = 0; i < d_; ++i) out[i] += q[p] * r_.mdp.layer_features(h)[p * d_ + i];
  }
  void features_of_mixture() {
    for (int h = 0; h < H_; ++h) features(h, t_.q.at(t_.table(h)), t_.u.at(std::int64_t{h} * d_));
  }

  void add_outer(std::vector<double>& to, int h, const double* phi, double weight) const {
    double* const m = to.data() + std::int64_t{h} * d_ * d_;
    for (int i = 0; i < d_; ++i)
      for (int j = 0; j < d_; ++j) m[i * d_ + j] += weight * phi[i] * phi[j];
  }

  // Halves of an epoch, split at random, each of its exact size: the next episode is of the first with the
  // share of places that are left there.
  void keep() {
    const std::int64_t first_left = epoch_ / 2 - first_count_, left = epoch_ - in_epoch_;
    if (draws_.next() * static_cast<double>(left) < static_cast<double>(first_left)) {
      ++first_count_;
      for (int h = 0; h < H_; ++h)
        if (const double w = exploration_weight(current_.exploring, h, current_.h_star, H_); w > 0)
          add_outer(covariance_, h,
                    r_.mdp.features(h, r_.played.states[static_cast<std::size_t>(h)],
                                    r_.played.actions[static_cast<std::size_t>(h)]),
                    w);
      return;
    }
    Episode& kept = second_[static_cast<std::size_t>(second_count_++)];
    kept.exploring = current_.exploring, kept.h_star = current_.h_star;
    for (std::size_t h = 0; h < static_cast<std::size_t>(H_); ++h) {
      kept.visits[h] = {r_.played.states[h], r_.played.actions[h]};
      kept.to_go[h] = r_.played.to_go[static_cast<std::int64_t>(h)];
    }
  }

  void end_epoch() {
    in_epoch_ = 0;
    std::vector<Eigen::LLT<Matrix>> Sd;  // gamma I + S~_h, factored
    for (int h = 0; h < H_; ++h) {
      Matrix S = Eigen::Map<const Matrix>(covariance_.data() + std::int64_t{h} * d_ * d_, d_, d_) /
                 static_cast<double>(std::max<std::int64_t>(1, first_count_));
      S.diagonal().array() += r_.rates.gamma[0];
      Sd.emplace_back(S);
      bonus(h, Sd.back());
    }
    // thetahat = Sd mean w phi L, Lamhat = Sd mean w phi D, D_h = sum_{i > h} (1 + 1/H)^{i-h} b_i.
    std::vector<Vector> theta(static_cast<std::size_t>(H_), Vector::Zero(d_)), lam = theta;
    const double growth = 1 + 1.0 / H_;
    for (std::int64_t t = 0; t < second_count_; ++t) {
      const Episode& e = second_[static_cast<std::size_t>(t)];
      double D = 0;
      for (int h = H_; h-- > 0;) {
        const Visit v = e.visits[static_cast<std::size_t>(h)];
        const double w =
            exploration_weight(e.exploring, h, e.h_star, H_) / static_cast<double>(second_count_);
        const Eigen::Map<const Vector> phi(r_.mdp.features(h, v.state, v.action), d_);
        theta[static_cast<std::size_t>(h)] += w * e.to_go[static_cast<std::size_t>(h)] * phi;
        lam[static_cast<std::size_t>(h)] += w * D * phi;
        D = growth * (D + t_.b[t_.table(h) + std::int64_t{v.state} * t_.A + v.action]);
      }
    }
    for (int h = 0; h < H_; ++h) {
      const auto at = static_cast<std::size_t>(h);
      const Vector theta_hat = Sd[at].solve(theta[at]), lam_hat = Sd[at].solve(lam[at]);
      const Eigen::Map<const Matrix> phi(r_.mdp.layer_features(h), t_.n, d_);
      Eigen::Map<Vector>(t_.Qhat.at(t_.table(h)), t_.n) = phi * theta_hat;
      Eigen::Map<Vector>(t_.B.at(t_.table(h)), t_.n) =
          Eigen::Map<const Vector>(t_.b.at(t_.table(h)), t_.n) + phi * lam_hat;
    }
    r_.follow();
  }

  // b = beta (n(s,a) + E_{a' ~ pi_e} n(s,a')) in known states, else 0.
  void bonus(int h, const Eigen::LLT<Matrix>& Sd) {
    const Eigen::Map<const Matrix> phi(r_.mdp.layer_features(h), t_.n, d_);
    const Eigen::MatrixXd y = Sd.matrixL().solve(phi.transpose());
    for (int s = 0; s < t_.S; ++s) {
      const std::int64_t first = std::int64_t{s} * t_.A;
      double mean = 0;
      for (std::int64_t p = first; p < first + t_.A; ++p)
        mean += t_.pi[t_.table(h) + p] * y.col(p).squaredNorm();
      const double scale =
          known_[static_cast<std::size_t>(std::int64_t{h} * t_.S + s)] != 0 ? r_.rates.beta[0] : 0.0;
      for (std::int64_t p = first; p < first + t_.A; ++p)
        t_.b[t_.table(h) + p] = scale * (y.col(p).squaredNorm() + mean);
    }
  }

  Steps& r_;
  Tables& t_;
  Draws& draws_;
  const int H_, d_;
  double delta_ = 0, alpha_ = 0;
  std::int64_t epoch_ = 0, cover_episodes_ = 0, in_epoch_ = 0, in_round_ = 0, first_count_ = 0,
               second_count_ = 0;
  int rounds_ = 0;
  std::optional<PolicyCover> cover_;
  std::vector<char> known_;
  std::vector<double> round_mean_, covariance_, cover_q_, law_;
  std::vector<Episode> second_;
  Episode current_;
};

const RegisterRegretMethod registration(
    {.name = "linear_mdp_policy_cover",
     .summary = "no simulator: policy cover and epochs of log-barrier FTRL (Dai et al. 2023)",
     .scaling = Scaling::kEpochs,
     .make = make_regret_learner<LinearMdpPolicyCover>,
     .lanes = false,
     .covariance = false});

}  // namespace
}  // namespace hardy::algorithms
