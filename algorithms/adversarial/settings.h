// Step sizes of the regret learners: eta of FTRL, gamma of the regularised inverse, beta of the bonus.
//
//   theory    a method's unit scaling in K, H, d, A, times c_eta, c_beta, c_gamma
//   literal   the constants that the analysis asks for (8, 96), gamma capped at 1
//   explicit  eta, beta, gamma as given, all three
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "envs/linear_mdp/linear_mdp.h"

namespace hardy::algorithms {

struct StepSizes {
  double eta = 0, beta = 0, gamma = 1;
};

struct SettingsRequest {
  std::string preset = "theory";  // theory, literal, explicit
  double c_eta = 1, c_beta = 1, c_gamma = 1;
  std::optional<double> eta, beta, gamma;  // each replaces what the preset says
};

// How a method scales: eta0 = sqrt(ln A / (d K)) / H^2, beta0 = eta0 H^2, gamma0 = eta0^2 H^4 for the
// square-root rates; L21's own for K^{2/3}; and so on.
enum class Scaling {
  kLogBarrier,  // eta = sqrt(A) eta0; beta0, gamma0.       Regret A^{1/2} d^{1/2} H^3 K^{1/2}
  kEntropy,     // eta = eta0; beta0, gamma0.               Regret d^{1/2} H^3 (K ln A)^{1/2}
  kLinearQ,     // eta = 1 / (H (d K)^{2/3}), gamma = 2 eta H, beta = sqrt(eta H^3).   d^{2/3} H^2 K^{2/3}
  kTabular,     // eta = min(1 / (24 H^3), 1 / sqrt(S A H K)), gamma = 2 eta H.        H^2 S (A K)^{1/2}
  kFullInformation,  // eta = sqrt(ln A / K) / H.                                          H^2 (K ln A)^{1/2}
  kOccupancy,        // eta = sqrt(ln(S A) / (S A K)), gamma = eta.                         H (S A K)^{1/2}
  kEpochs,           // of an epoch: cover_sizes() and what stands there.                K^{8/9}
  kEntropyControl,   // kEntropy's sizes on plain estimates, for which nobody has shown its bound
  kEntropyNoBonus,   // the same with beta = 0
  kLogDeterminant,   // eta = sqrt(ln K / K), beta = sqrt(d / K), gamma = d / K.          d K^{1/2}, H = 1
  kContracted,       // eta = sqrt(ln A / K) / H, beta = 0.1 (bonus), gamma = 0.1 (contraction)
  kOwn,              // a method's own laws (RegretMethod::steps)
  kNone
};

// The x of R ~ K^x that a scaling's theory shows; NaN where nobody has shown one for it.
double theory_exponent(Scaling scaling);

struct Sizes {
  std::int64_t K = 0;
  int H = 1, S = 1, A = 2, d = 1;
};
Sizes sizes_of(const envs::LinearMdp& mdp, std::int64_t episodes);

// Without a simulator (Dai et al. 2023): K^{8/9} in all, for which the share of exploring episodes falls as
// K^{-1/9}, epochs grow as K^{6/9} and the cover as K^{8/9} at most. The constants are ours, chosen by
// measurement (docs/adversarial.md):
//
//   delta_e = K^{-1/9}, gamma = K^{-3/9}
//   epoch W = max(2 / gamma, K^{6/9} / 16): its halves hold what the regularised covariance needs at least
//   cover   = K^{8/9} / 8 episodes
//   alpha   = what the cover achieves (PolicyCover::achieved()); a perfect one has d, and 2 d stands for it
//             before it is known
//   beta    = delta_e / (6 * 2 d), so that b <= 2 beta alpha / delta_e = 1/3 in known states at alpha = 2 d
//   eta     = 4 A sqrt(ln E / E) / H over E = K / W epochs: the penalty A ln E / eta against
//             eta sum_a p_a^2 Q^2 with Q about H / 2
struct CoverSizes {
  double delta_e = 1;
  std::int64_t epoch = 2, cover_episodes = 1;
};
CoverSizes cover_sizes(std::int64_t episodes);

struct ResolvedSettings {
  StepSizes steps;
  std::string preset;        // what was asked for
  double literal_bound = 0;  // of the regret with the literal constants; 0 where the method has none
  double trivial_bound = 0;  // H K: what any policy attains
  bool vacuous = false;      // literal_bound >= trivial_bound
  std::string note;          // a line for people: the sizes, and what the literal bound says at this K
};

// Throws an Error on gamma outside (0,1], eta or beta that are not what they must be, an unknown preset, and,
// under `literal`, on eta B > 1/(2H) where B <= 2 e H beta / gamma. own: the unit sizes of Scaling::kOwn.
ResolvedSettings resolve(Scaling scaling, const SettingsRequest& request, const Sizes& sizes,
                         const StepSizes& own = {});

}  // namespace hardy::algorithms
