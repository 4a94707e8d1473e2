// What an evaluator who knows P computes exactly: occupancies, values, the best fixed policy in hindsight,
// dilated bonuses. Tables are [H][S][A]; with W lanes, W replicas' tables side by side, lane innermost.
#pragma once

#include <algorithm>
#include <vector>

#include "engine/linalg/lanes.h"
#include "envs/linear_mdp/linear_mdp.h"

namespace hardy::envs {

// next[s'] = sum_{s,a} q(s,a) P_h(s'|s,a) for s' in [first, last): q [S][A][W], next [S][W]. u [d][W] is the
// layer's sum of q phi.
template <int W>
void push_forward(const LinearMdp& m, int h, const double* q, const double* u, double* next,
                  std::int64_t first, std::int64_t last) {
  using linalg::fma, linalg::store;
  const std::int64_t rows = m.low_rank() ? m.d : m.pairs();
  const double* weight = m.low_rank() ? u : q;
  const double* row = m.low_rank() ? m.layer_mu(h) : m.layer_transitions(h);
  if constexpr (W > 1) {
    linalg::column_sums<W>(row, rows, m.S, weight, first, last,
                           [=](std::int64_t t, linalg::Vec<W> sum) { store<W>(next + t * W, sum); });
  } else {  // row after row, states side by side
    std::fill(next + first, next + last, 0.0);
    for (std::int64_t i = 0; i < rows; ++i, row += m.S)
      for (std::int64_t t = first; t < last; ++t) next[t] = fma<1>(weight[i], row[t], next[t]);
  }
}
template <int W>
void push_forward(const LinearMdp& m, int h, const double* q, const double* u, double* next) {
  push_forward<W>(m, h, q, u, next, 0, m.S);
}

// out[s,a] = sum_{s'} P_h(s'|s,a) v(s'): v [S][W], out [S][A][W]; scratch [d][W].
template <int W>
void pull_back(const LinearMdp& m, int h, const double* v, double* out, double* scratch) {
  const auto products = [](const double* rows, std::int64_t n, std::int64_t size, const double* x,
                           double* to) {
    linalg::dots_shared<W>(rows, n, size, x,
                           [=](std::int64_t r, linalg::Vec<W> dot) { linalg::store<W>(to + r * W, dot); });
  };
  if (!m.low_rank()) return products(m.layer_transitions(h), m.pairs(), m.S, v, out);
  products(m.layer_mu(h), m.d, m.S, v, scratch);
  products(m.layer_features(h), m.pairs(), m.d, scratch, out);
}

// q_h(s,a) = P(s_h = s, a_h = a) under a policy [H][S][A]; each layer sums to 1.
std::vector<double> occupancy(const LinearMdp& m, const std::vector<double>& policy);

struct Values {
  std::vector<double> Q, V;  // [H][S][A], [H][S]
  double start = 0;          // under the start law
};
// Of one policy under one episode's losses [H][S][A]: Q_h = l_h + P_h V_h+1.
Values evaluate(const LinearMdp& m, const std::vector<double>& losses, const std::vector<double>& policy);

struct Hindsight {
  double value = 0;          // min over policies of the start value for the summed losses
  std::vector<int> actions;  // [H][S]
};
// V is linear in the losses: the best fixed policy for a sequence is one backward induction on its sum.
Hindsight hindsight(const LinearMdp& m, const std::vector<double>& loss_sum);

// B_h = b_h + (1 + 1/H) P_h E_{a' ~ policy} B_h+1, B_H = 0 (Luo, Wei, Lee 2021).
std::vector<double> dilated_bonus(const LinearMdp& m, const std::vector<double>& b,
                                  const std::vector<double>& policy);

}  // namespace hardy::envs
