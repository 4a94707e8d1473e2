// What the forward models say of every state and every action, weighed along each episode.
//
// A chain x_0, a_0, x_1, a_1, ... of states, each in the file once or twice (chains.h). A hidden mark z_t
// says of each state which of its copies is right: the observation, the next observation, both (they differ,
// since an episode ends there without a flag), or none; a hidden mark of each action whether it is right.
// With e = x_{t+1} - f(x_t, a_t) of the copies that the marks call right,
//
//   p(e | both states right, action right) = T(e; Sigma, nu)
//   p(e | both states right, action wrong) = T(e; Sigma + J Lambda J^T, nu),  J = d f / d a: the law of e
//                                            where the action was another, Lambda how far wrong actions are
//                                            off
//   p(e | both states right, hard to tell) = T(e; 100 Sigma, 2), whatever the action: a share eta, where the
//                                            models are bad (contacts); else a clean file's would be called
//                                            wrong
//   p(e | a state wrong)                   = T(e; Omega, mu)
//
// with multivariate Student laws T. Marks have prior shares, by whether a state has one copy, two that agree,
// or two that differ. Sums over all marks are exact (forward-backward along each chain), and Sigma,
// Lambda, Omega, their freedoms and all shares are fitted to the file by expectation-maximisation: nothing
// says beforehand how much is wrong, in which way, or whether copies were changed alike.
#pragma once

#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <vector>

#include "algorithms/cleaning/chains.h"
#include "algorithms/cleaning/student.h"
#include "engine/base/threads.h"

namespace hardy::algorithms {

// What the forward models say of each transition from each copy of its state, all in usual steps.
struct Forecasts {
  // [rows, 2, d] and [rows, 2, a, d]: x_{t+1} - x_t, and its slope in the action. Where a state has one
  // copy, or two that agree, the first alone is filled.
  std::vector<float> step, slope;
};

// A state's place: row t's observation is state t + (its episode's number); an episode has one more state.
struct Marks {
  // Of each state: that its observation is right, its next observation is, both are though they differ; the
  // rest is that none is. A state that has one copy, or two that agree, has `observation` alone.
  std::vector<std::array<float, 3>> states;
  std::vector<float> action;  // of each row: that its action is right
  // Of each row: that both its states and its action are right, by copies [from * 2 + to].
  std::vector<std::array<float, 4>> whole;
  // Of each row: that both its states are right, its action or not.
  std::vector<std::array<float, 4>> ends;
};

class Beliefs {
 public:
  explicit Beliefs(const Chains& chains);

  std::int64_t state_of(std::int64_t row) const { return state_[static_cast<std::size_t>(row)]; }
  bool two_copies(std::int64_t state) const { return twice_[static_cast<std::size_t>(state)] != 0; }
  bool copies_agree(std::int64_t state) const { return agree_[static_cast<std::size_t>(state)] != 0; }

  bool copies_differ(std::int64_t state) const { return two_copies(state) && !copies_agree(state); }

  // Begins anew with the residuals' scales of these forecasts, then fits and weighs `iterations` times.
  void weigh(const Forecasts& forecasts, int iterations, ThreadTeam& team);
  const Marks& marks() const { return marks_; }

  // e of a row between two copies; in usual steps, at most 50 of them.
  void residual(const Forecasts& f, std::int64_t row, int from, int to, double* e) const;
  const Student& right() const { return right_; }
  const Student& wrong() const { return wrong_; }
  const Eigen::VectorXd& action_noise() const { return noise_; }  // Lambda's diagonal
  double wrong_actions() const { return rho_; }
  double hard_share() const { return eta_; }

 private:
  struct Pairs;
  struct Tally;
  void begin(const Forecasts& f);
  void widen();  // what is wrong, and hard, keeps its distance from what is right
  void fit(const std::vector<Tally>& tallies);
  void weigh_episode(const Forecasts& f, std::size_t episode, Tally& tally);

  const Chains& c_;
  std::vector<std::int64_t> state_;          // of each row
  std::vector<std::uint8_t> twice_, agree_;  // of each state
  std::vector<std::size_t> cuts_;            // of the episodes into pieces of work
  Student right_, hard_, wrong_;
  Eigen::VectorXd noise_;
  double rho_ = 0.2, eta_ = 0.02;
  std::array<std::array<double, 4>, 3> shares_{};  // by what a state has (once, agree, differ), and mark
  Marks marks_;
};

}  // namespace hardy::algorithms
