#include "envs/linear_mdp/linearity.h"

#include <Eigen/Dense>
#include <algorithm>

#include "envs/linear_mdp/exact.h"

namespace hardy::envs {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using View = Eigen::Map<const Matrix>;

// What is left of columns when their best approximation by a layer's features is taken away.
class Projection {
 public:
  Projection(const LinearMdp& m, int h) : phi_(m.layer_features(h), m.pairs(), m.d), factor_(phi_) {}
  template <class Columns>
  double residual(const Columns& columns) const {
    return (columns - phi_ * factor_.solve(columns)).cwiseAbs().maxCoeff();
  }

 private:
  View phi_;
  Eigen::ColPivHouseholderQR<Eigen::MatrixXd> factor_;
};

}  // namespace

Linearity linearity_of(const Instance& instance, std::int64_t episodes) {
  const LinearMdp& m = *instance.mdp;
  const std::unique_ptr<LossProcess> own = instance.losses->fresh();
  const LossProcess& losses = own ? *own : *instance.losses;
  std::vector<double> scratch(static_cast<std::size_t>(loss_size(m, losses.linear())));
  std::vector<std::int64_t> looked{0};
  if (!losses.adaptive()) looked = {0, episodes / 2, episodes - 1};
  std::vector<Values> values;
  for (const std::int64_t k : looked) {
    const std::vector<double> table = loss_table(m, losses, losses.losses(k, scratch.data()));
    std::vector<double> policy(table.size(), 1.0 / m.A);
    values.push_back(evaluate(m, table, policy));
    const std::vector<int> best = hindsight(m, table).actions;
    std::ranges::fill(policy, 0.0);
    for (std::size_t hs = 0; hs < best.size(); ++hs)
      policy[hs * static_cast<std::size_t>(m.A) + static_cast<std::size_t>(best[hs])] = 1;
    values.push_back(evaluate(m, table, policy));
  }
  Linearity apart;
  for (int h = 0; h < m.H; ++h) {
    const Projection projection(m, h);
    for (const Values& v : values)
      apart.q = std::max(apart.q, projection.residual(Eigen::Map<const Eigen::VectorXd>(
                                      v.Q.data() + h * m.pairs(), m.pairs())));
    if (h + 1 < m.H && m.mu.empty())
      apart.transitions =
          std::max(apart.transitions, projection.residual(View(m.layer_transitions(h), m.pairs(), m.S)));
  }
  return apart;
}

}  // namespace hardy::envs
