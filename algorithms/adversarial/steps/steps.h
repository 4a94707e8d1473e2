// The steps that the papers' boxes are made of, on a group of replicas of one learner: a box calls them in
// its own order. The group is as many replicas as the machine has lanes (lane_steps.h, W = kLanes), one alone
// (W = 1), or one whose instance is so large that its steps are shared among a team's threads
// (large_steps.h).
#pragma once

#include <memory>
#include <span>

#include "algorithms/adversarial/covariance/inverse_covariance.h"
#include "algorithms/adversarial/steps/draws.h"
#include "algorithms/adversarial/steps/episode_losses.h"
#include "algorithms/adversarial/steps/tables.h"
#include "engine/base/threads.h"

namespace hardy::algorithms {

class Steps {
 public:
  // Fewer replicas than lanes: the last is repeated, and its copies' numbers are thrown away.
  Steps(const Game& game, std::span<const Lane> replicas, int lanes);
  virtual ~Steps() = default;

  const Game& game;
  const envs::LinearMdp& mdp;
  Tables tables;
  Rates rates;
  Played played;
  Record record;
  EpisodeLosses losses;

  // --- the episode's frame, for the run ---
  void begin(std::int64_t k);  // sets the losses that the adversary plays
  // Adds the exact V^{pi_k}_k of what was played to the record, by the occupancies q and u that the learner
  // leaves in its tables; tells an adaptive adversary.
  void end();

  // --- steps of the boxes ---
  virtual void log_barrier_policies() = 0;  // pi_k from eta C
  virtual void entropic_policies() = 0;
  virtual void uniform_policies();
  void occupancies() { occupancies_of(tables.pi); }
  virtual void play() = 0;              // one trajectory of pi a lane: states, actions, L_h
  virtual void covariance() = 0;        // Sigma-dagger of every layer by the chosen estimator
  virtual void estimate() = 0;          // Qhat = phi . thetahat, thetahat_h = Sd_h phi(s_h, a_h) L_h
  virtual void reduce_magnitude() = 0;  // Qhat -= H (kappa)_-, += m
  virtual void bonus() = 0;             // b = beta (n + E_pi n), n = phi Sd phi
  virtual void dilate() = 0;            // B = b + (1 + 1/H) P E_pi B
  virtual void
  estimate_with_bonus() = 0;       // estimate(), bonus() and dilate(), in one walk where that is faster
  virtual void true_values() = 0;  // Qhat = Q^{pi_k}_k: who sees all losses and knows P
  virtual void follow() = 0;       // C += Qhat - B

  // --- for learners of steps of their own (one lane) ---
  virtual void occupancies_of(const Numbers& policy) = 0;  // into q and u
  virtual Draws& draws() = 0;                              // of the first lane
  virtual int draw_start() = 0;
  virtual InverseCovariance& inverse_covariance() = 0;

 protected:
  std::int64_t episode() const { return episode_; }

 private:
  virtual void add_expected_loss() = 0;

  std::int64_t episode_ = 0;
};

// Where pairs times features pass this, a replica is a job for a whole team.
inline constexpr std::int64_t kLargeInstance = 1 << 14;
inline bool is_large(const envs::LinearMdp& mdp) { return mdp.pairs() * mdp.d >= kLargeInstance; }

// Of one replica, or of up to kLanes. covariance: whether Sigma-dagger will be asked for.
std::unique_ptr<Steps> make_steps(const Game& game, std::span<const Lane> replicas, ThreadTeam& team,
                                  bool covariance = true);

}  // namespace hardy::algorithms
