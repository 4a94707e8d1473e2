// Episodic, layered Markov decision processes whose features and transitions are known to the evaluator:
// layers h = 0..H-1, states s, actions a, features phi_h(s,a) with ||phi|| <= 1.
//
//   linear MDP:  P_h(s'|s,a) = phi_h(s,a) . mu_h(s'),   l_k,h(s,a) = phi_h(s,a) . nu_k,h
//
// mu is what makes products low-rank; an MDP may also bring dense rows P alone, and then only its losses are
// linear (tabular ones are linear in one-hot features anyway).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/aligned.h"

namespace hardy::envs {

struct LinearMdp {
  std::string name;
  int H = 0, S = 0, A = 0, d = 0;
  std::vector<double, AlignedAllocator<double>> phi;  // [H][S][A][d]; walked over again and again
  std::vector<double> transitions;                    // P [H-1][S][A][S'], or empty where mu alone is kept
  std::vector<double> mu;                             // [H-1][d][S'], or empty
  std::vector<double> start;                          // [S], the law of the first state

  std::int64_t pairs() const { return std::int64_t{S} * A; }  // n = S A, of one layer
  const double* features(int h, int s, int a) const {
    return phi.data() + ((std::int64_t{h} * S + s) * A + a) * d;
  }
  const double* layer_features(int h) const { return features(h, 0, 0); }
  const double* layer_mu(int h) const { return mu.data() + std::int64_t{h} * d * S; }
  const double* layer_transitions(int h) const { return transitions.data() + h * pairs() * S; }
  // Psi of a layer (engine/linalg/small.h), or null where all layers' would take more than kOuterLimit
  // numbers.
  const double* layer_outer_products(int h) const {
    return outer_.empty()
               ? nullptr
               : outer_.data() + static_cast<std::size_t>(h) * (outer_.size() / static_cast<std::size_t>(H));
  }
  // Products with P go through mu where that takes fewer operations (or where there is nothing else).
  bool low_rank() const { return low_rank_; }
  // Features that lie in the simplex: any nu in [0,1]^d then gives losses in [0,1].
  bool simplex_features() const { return simplex_; }
  // sum_{t <= s'} P_h(t|s,a) added in order, [S]; where only mu is kept it is written to `scratch` [S].
  const double* cumulative(int h, int s, int a, double* scratch) const;
  std::int64_t bytes() const;

  // Checks sizes, norms and probabilities, fills in P where it is small and what is derived. To be called
  // once, when all fields stand. An Error says the figure and the bound that it breaks.
  void finish();

 private:
  void check_shapes() const;
  void check_features();
  void check_rows();

  std::vector<double> cumulative_;  // [H-1][S][A][S]
  std::vector<double> outer_;       // [H][S][A][outer_size(d)]
  bool low_rank_ = false, simplex_ = false;
};

// Dense transitions are filled in from mu up to this many numbers (H-1)(S A S).
inline constexpr std::int64_t kDenseLimit = 1 << 22;
// Outer products of the features are kept up to this many numbers.
inline constexpr std::int64_t kOuterLimit = 1 << 22;

}  // namespace hardy::envs
