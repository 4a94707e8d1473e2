// Advantages within a group: n answers to one prompt, or n episodes from one start.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace hardy::algorithms {

enum class Advantage {
  kOne,           // 1: imitation
  kReturn,        // R
  kCentred,       // R - mean: Dr.GRPO; E = (1 - 1/n) grad J
  kStandardised,  // (R - mean) / (std + epsilon), std with n - 1: GRPO
  kLeaveOneOut,   // R - mean of the others: RLOO, unbiased
  kExponential    // exp(A / lambda), at most cap, of A = R - mean or a critic's: AWR, AWAC, MARWIL
};

struct AdvantageSettings {
  Advantage kind = Advantage::kCentred;
  double epsilon = 1e-6;        // of kStandardised
  double lambda = 1, cap = 20;  // of kExponential
};

// returns [n] -> advantages [n]. A return that is NaN (its verifier failed) has advantage 0 and is counted in
// no mean. Where all returns are equal, centred and standardised advantages are 0 to the last bit, whatever
// the returns; so are those of a group of one, whose leave-one-out advantage is its return.
std::vector<double> advantages(std::span<const double> returns, const AdvantageSettings& settings);

// 1 - C(N - c, k) / C(N, k): the unbiased estimate of pass@k from c correct ones of N samples, 1 <= k <= N.
double pass_at_k(int samples, int correct, int k);

// How much a prompt's demonstration and its rollouts weigh: L = rl L_RL + sft L_SFT (HPT).
struct Balance {
  double rl = 1, sft = 0;
};

enum class Gate {
  kSwitch,  // imitates where at most `solved` of n rollouts did it, else reinforces: the paper's
  kSoft  // shares by the count of solved rollouts, of 8: (0, 1), (1/8, 1/2), (1/4, 1/4), (1/2, 1/8), then (1,
         // 0)
};

// The balance of a prompt of whose n rollouts `solved` did it. threshold: of kSwitch, from -1 (always
// reinforces) to n (always imitates).
Balance balance_of(Gate gate, int solved, int n, int threshold);

}  // namespace hardy::algorithms
