// Transitions that are only known up to a confidence set, layer by layer, and extremes over it (Jin et al.
// 2020; Luo, Wei, Lee 2021): |P - Pbar|(s'|s,a) <= c (sqrt(Pbar ln(K S A / delta) / n) + 7 ln(K S A / delta)
// / (3 n)), n = max(1, visits), c = 2 in the former and 4 in the latter. A new epoch begins, and the set
// shrinks, when some pair's visits have doubled.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "envs/linear_mdp/linear_mdp.h"

namespace hardy::algorithms {

class ConfidenceSet {
 public:
  // known: the set is P itself.
  ConfidenceSet(const envs::LinearMdp& mdp, std::int64_t episodes, double delta, bool known, double c = 4);

  void visited(int h, int s, int a, int next);
  // Makes a new set of the counts where some pair's visits have doubled; true if it did.
  bool refresh();

  // max (or min) over the set of sum_{s'} P_h(s'|s,a) f(s'): f [S], order: states by falling (rising) f.
  double extreme(int h, int s, int a, std::span<const double> f, std::span<const int> order) const;
  static void sort_by(std::span<const double> f, bool falling, std::span<int> order);

  // Largest or smallest probability over the set of reaching each state under a policy [H][S][A]: out [H][S].
  void reach(const double* policy, bool largest, std::span<double> out);

  // The least P, and how much more it may be: [H-1][S][A][S].
  const double* low() const { return low_.data(); }
  const double* room() const { return room_.data(); }

 private:
  void rebuild();
  std::size_t pair(int h, int s, int a) const { return (static_cast<std::size_t>(h * S_ + s)) * A_ + a; }

  const envs::LinearMdp& mdp_;
  int H_, S_, A_;
  double log_term_, c_;
  bool known_;
  std::vector<std::int64_t> visits_, at_epoch_;  // [H-1][S][A]
  std::vector<std::int64_t> moves_;              // [H-1][S][A][S]
  std::vector<double> low_, room_;               // [H-1][S][A][S]: least P, and how much more it may be
  std::vector<double> f_, next_;
  std::vector<int> order_;
  bool doubled_ = false;
};

}  // namespace hardy::algorithms
