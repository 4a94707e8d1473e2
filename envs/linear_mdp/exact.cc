#include "envs/linear_mdp/exact.h"

namespace hardy::envs {
namespace {

const double* layer(const LinearMdp& m, const std::vector<double>& table, int h) {
  return table.data() + h * m.pairs();
}

// E_{a ~ policy(.|s)} x(s,a) for all s of a layer.
void mean_over_actions(const LinearMdp& m, const double* policy, const double* x, double* out) {
  for (int s = 0; s < m.S; ++s) {
    out[s] = 0;
    for (int a = 0; a < m.A; ++a) out[s] += policy[s * m.A + a] * x[s * m.A + a];
  }
}

double under_start(const LinearMdp& m, const double* v) {
  double sum = 0;
  for (int s = 0; s < m.S; ++s) sum += m.start[static_cast<std::size_t>(s)] * v[s];
  return sum;
}

}  // namespace

std::vector<double> occupancy(const LinearMdp& m, const std::vector<double>& policy) {
  std::vector<double> q(policy.size()), rho = m.start, u(static_cast<std::size_t>(m.d));
  for (int h = 0; h < m.H; ++h) {
    double* const here = q.data() + h * m.pairs();
    for (std::int64_t p = 0; p < m.pairs(); ++p)
      here[p] = rho[static_cast<std::size_t>(p / m.A)] * layer(m, policy, h)[p];
    std::ranges::fill(u, 0.0);
    for (std::int64_t p = 0; p < m.pairs(); ++p)
      for (int i = 0; i < m.d; ++i)
        u[static_cast<std::size_t>(i)] += here[p] * m.layer_features(h)[p * m.d + i];
    if (h + 1 < m.H) push_forward<1>(m, h, here, u.data(), rho.data());
  }
  return q;
}

Values evaluate(const LinearMdp& m, const std::vector<double>& losses, const std::vector<double>& policy) {
  Values values{std::vector<double>(losses.size()),
                std::vector<double>(static_cast<std::size_t>(m.H) * static_cast<std::size_t>(m.S)), 0};
  std::vector<double> scratch(static_cast<std::size_t>(m.d));
  for (int h = m.H; h-- > 0;) {
    double* const Q = values.Q.data() + h * m.pairs();
    double* const V = values.V.data() + std::int64_t{h} * m.S;
    if (h + 1 < m.H) pull_back<1>(m, h, V + m.S, Q, scratch.data());
    for (std::int64_t p = 0; p < m.pairs(); ++p) Q[p] += layer(m, losses, h)[p];
    mean_over_actions(m, layer(m, policy, h), Q, V);
  }
  values.start = under_start(m, values.V.data());
  return values;
}

Hindsight hindsight(const LinearMdp& m, const std::vector<double>& loss_sum) {
  Hindsight best;
  best.actions.resize(static_cast<std::size_t>(m.H) * static_cast<std::size_t>(m.S));
  std::vector<double> V(static_cast<std::size_t>(m.S)), Q(static_cast<std::size_t>(m.pairs())),
      scratch(static_cast<std::size_t>(m.d));
  for (int h = m.H; h-- > 0;) {
    std::ranges::fill(Q, 0.0);
    if (h + 1 < m.H) pull_back<1>(m, h, V.data(), Q.data(), scratch.data());
    for (std::int64_t p = 0; p < m.pairs(); ++p) Q[static_cast<std::size_t>(p)] += layer(m, loss_sum, h)[p];
    for (int s = 0; s < m.S; ++s) {
      const auto row = Q.begin() + std::int64_t{s} * m.A;
      const auto least = std::min_element(row, row + m.A);
      V[static_cast<std::size_t>(s)] = *least;
      best.actions[static_cast<std::size_t>(h) * static_cast<std::size_t>(m.S) +
                   static_cast<std::size_t>(s)] = static_cast<int>(least - row);
    }
  }
  best.value = under_start(m, V.data());
  return best;
}

std::vector<double> dilated_bonus(const LinearMdp& m, const std::vector<double>& b,
                                  const std::vector<double>& policy) {
  std::vector<double> B = b, mean(static_cast<std::size_t>(m.S)), ahead(static_cast<std::size_t>(m.pairs())),
                      scratch(static_cast<std::size_t>(m.d));
  for (int h = m.H - 1; h-- > 0;) {
    mean_over_actions(m, layer(m, policy, h + 1), layer(m, B, h + 1), mean.data());
    pull_back<1>(m, h, mean.data(), ahead.data(), scratch.data());
    for (std::int64_t p = 0; p < m.pairs(); ++p)
      B[static_cast<std::size_t>(h * m.pairs() + p)] += (1 + 1.0 / m.H) * ahead[static_cast<std::size_t>(p)];
  }
  return B;
}

}  // namespace hardy::envs
