// W replicas of one learner side by side, and the steps that the papers' boxes are made of. Learners call
// them in the order of their box. Tables are [H][S][A][W], matrices [H][d][d][W], the lane innermost; W = 1
// is also the shape of one large instance, whose steps are shared among a team's threads.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "algorithms/adversarial/draws.h"
#include "algorithms/experiments/regret_run.h"
#include "engine/base/aligned.h"
#include "engine/linalg/lanes.h"
#include "engine/linalg/mgr.h"
#include "envs/linear_mdp/instance.h"

namespace hardy::algorithms {

// Zeroed doubles on cache lines.
class Numbers {
 public:
  Numbers() = default;
  explicit Numbers(std::int64_t size)
      : memory_(static_cast<double*>(allocate_zeroed(8 * static_cast<std::size_t>(size)))), size_(size) {}
  double* at(std::int64_t i) { return memory_.get() + i; }
  const double* at(std::int64_t i) const { return memory_.get() + i; }
  double& operator[](std::int64_t i) { return memory_.get()[i]; }
  double operator[](std::int64_t i) const { return memory_.get()[i]; }
  std::int64_t size() const { return size_; }

 private:
  AlignedMemory<double> memory_;
  std::int64_t size_ = 0;
};

// Where pairs times features pass this, a replica is a job for a whole team.
inline constexpr std::int64_t kLargeInstance = 1 << 14;
inline constexpr std::int64_t kTablePiece = 1 << 13;  // numbers of its tables that one task takes

struct Lane {
  std::uint64_t seed = 0;
  StepSizes steps;
};

template <int W>
class Replicas {
 public:
  using Vec = linalg::Vec<W>;
  // Fewer lanes than W: the last is repeated, and its copies' numbers are thrown away.
  Replicas(const RegretConfig& config, std::span<const Lane> lanes, ThreadTeam& team);

  const RegretConfig& config;
  const envs::LinearMdp& mdp;
  ThreadTeam& team;
  const int H, S, A, d;
  const std::int64_t n;  // pairs of a layer

  // --- the episode's frame, for the run ---
  void begin(std::int64_t k);  // sets the losses that the adversary plays
  void end();                  // tells an adaptive adversary what was played
  // --- steps of the boxes ---
  void log_barrier_policies();  // pi_k from eta C
  void entropic_policies();
  void occupancies();  // q and u = sum q phi of pi; adds the exact V^{pi_k}_k to `learner_loss`
  void occupancies_of(const Numbers& policy, Numbers& q_out, Numbers& u_out);
  void add_expected_loss();    // <u, nu_k> (or <q, l_k>) to `learner_loss`
  void play();                 // one trajectory of pi a lane: states, actions, losses, L_h = sum_{i >= h} l_i
  void covariance();           // Sigma-dagger of every layer by the chosen estimator
  void estimate();             // Qhat = phi . thetahat, thetahat_h = Sd_h phi(s_h, a_h) L_h
  void reduce_magnitude();     // Qhat -= H (kappa)_-, += m
  void bonus();                // b = beta (n + E_pi n), n = phi Sd phi
  void dilate();               // B = b + (1 + 1/H) P E_pi B
  void estimate_with_bonus();  // estimate(), bonus() and dilate(): in one walk over a large layer's features
  void follow();               // C += Qhat - B

  // Sigma-dagger phi_n . phi_m and parts, for those who look inside.
  void solve(int h, double* v);  // v [d][W] := Sd_h v
  bool has_bonus() const { return has_bonus_; }
  std::int64_t table(int h) const { return h * n * W; }  // where layer h of a table begins
  double lane(const Numbers& x, std::int64_t i, int w) const { return x[i * W + w]; }
  // Walks one trajectory of lane w under pi by the simulator, with the uniform numbers that next() gives:
  // visit(h, s, a) for every step.
  template <class Next, class Visit>
  void simulate(int w, Next&& next, Visit&& visit);
  template <class Visit>
  void simulate(int w, Visit&& visit) {
    simulate(
        w, [&random = draws[static_cast<std::size_t>(w)]] { return random.next(); }, visit);
  }
  int draw_action(int h, int s, int w, double at) const { return draw_action_of(pi, h, s, w, at); }
  int draw_action_of(const Numbers& policy, int h, int s, int w, double at) const;
  int draw_start(int w);
  double loss_at(int h, int s, int a, int w) const;

  Numbers C, pi, q, Qhat, forms, b, B;  // [H][S][A][W]
  Numbers u;                            // [H][d][W], sum_{s,a} q phi
  Numbers sigma;             // [H][d][d][W]: Cholesky factor of gamma I + Sigma~, or Sd itself (mgr)
  Numbers inverse_diagonal;  // [H][d][W] of the factor
  Numbers kernel;            // [H][d][W]: Sd_h phi(s_h, a_h)
  Numbers to_go;             // [H][W]: L_h
  alignas(64) std::array<double, W> eta{}, gamma{}, beta{}, learner_loss{}, least_eta_q{},
      largest_eta_bonus{};
  std::vector<int> states, actions;  // [H][W] of the last trajectory
  std::array<Draws, W> draws;
  std::int64_t episode = 0, simulator_calls = 0, trajectories = 0;
  double lowest_loss = 0, highest_loss = 1;  // seen at visited pairs
  bool adaptive = false;
  std::array<const double*, W> losses{};   // the episode's, one lane's each
  std::array<std::vector<double>, W> sum;  // of an adaptive adversary's realised losses

 private:
  void make_scratch();
  void occupancies_of(const Numbers& policy, Numbers& q_out, Numbers& u_out, double* second_moments);
  void kernels();
  // A large instance's, its layers' features walked as seldom as can be (large_layers.cc).
  void factor_large(const Numbers& weights);
  void estimate_large();
  void follow_large();
  void estimate_states(int h, std::int64_t first, std::int64_t last);
  void sampled_weights(DrawFor purpose);
  void factor(const Numbers& weights);
  void resample();
  void compensate(int h, const double* weights);

  bool large_ = false, has_bonus_ = false, explicit_ = false;
  std::int64_t members_ = W;
  int certain_start_ = -1;  // or the state that every episode starts in
  Numbers rho_, mean_, ahead_, scratch_, whitened_, weights_, compensator_;
  // Of a large instance: sum q phi phi^T [H][d][d], which comes with the occupancies where the covariance is
  // exact; L^{-1} of all layers; the vectors whose products with the features a walk takes, [2][d], padded.
  Numbers moments_, inverses_, vectors_;
  Numbers extremes_;  // least Qhat and largest B of each piece of the tables
  std::vector<double> loss_scratch_, law_scratch_, played_;
  std::array<std::uint64_t, W> seeds_{};
  Numbers uniforms_;  // [2 H][W] of play(), where all lanes are drawn at once
  std::array<std::unique_ptr<envs::LossProcess>, W> adversaries_;
  std::vector<linalg::GeometricResampling> chains_;  // one a layer
  Numbers resampled_, product_;                      // of mgr: Sd [d][d] of one lane; Sd v [d][W]
  std::vector<double> start_;
};

template <int W>
template <class Next, class Visit>
void Replicas<W>::simulate(int w, Next&& next, Visit&& visit) {
  int s = certain_start_ >= 0 ? certain_start_ : draw_start(w);
  for (int h = 0; h < H; ++h) {
    const int a = draw_action(h, s, w, next());
    visit(h, s, a);
    if (h + 1 == H) break;
    const double* law = mdp.cumulative(h, s, a, law_scratch_.data());
    s = 0;
    for (const double at = next(); s < S - 1 && at >= law[s];) ++s;
  }
}

}  // namespace hardy::algorithms
