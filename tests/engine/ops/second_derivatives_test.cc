#include "tests/engine/ops/second_cases.h"

namespace hardy::test {
namespace {

class SecondDerivatives : public ::testing::TestWithParam<SecondCase> {};

// In f64 against central differences of the first derivative, f32 against f64, one thread against three.
TEST_P(SecondDerivatives, AreTheFirstOnesDifferences) {
  const SecondCase& c = GetParam();
  for (std::size_t k = 0; k < c.operands.size(); ++k) {
    SCOPED_TRACE(c.name + ", first by operand " + std::to_string(k));
    check_op(
        c.operands,
        [&](Graph& g, const std::vector<Tensor>& x) { return first_derivative(g, c.build, x, k); }, 2e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(Of, SecondDerivatives, ::testing::ValuesIn(second_cases()), [](const auto& test) {
  std::string name;
  for (const char c : test.param.name)
    if (std::isalnum(static_cast<unsigned char>(c))) name += c;
  return name;
});

// Ensemble members pushed apart by what their values' slopes in the actions share, as EDAC does it: q of a
// two-layer network, the normalised slopes dq/da of members i and j, and the mean of their products over
// pairs.
Tensor diversity(Graph& g, const std::vector<Tensor>& p) {
  const Tensor actions = p[0];
  const Tensor hidden = ops::tanh(g, ops::add_bias(g, ops::linear(g, actions, p[1]), p[2]));
  const Tensor q = ops::linear(g, hidden, p[3]);  // [A, E, B, 1]
  // An action row of its own for each member, so that dq/da is one row a member.
  const Tensor slope = graph::differentiate(g, ops::sum_to(g, q, Shape{1}), {actions})[0];  // [A, E, B, act]
  const Tensor norm = ops::exp(
      g, ops::affine(g, ops::log(g, ops::affine(g, ops::sum(g, ops::square(g, slope), -1), 1, 1e-10)), 0.5));
  const Tensor unit = ops::divide(g, slope, norm);
  const Tensor together = ops::sum(g, unit, 1);
  // sum over i != j of <u_i, u_j> = |sum u|^2 - sum |u_i|^2
  const Tensor pairs = ops::subtract(g, ops::sum(g, ops::square(g, together), -1),
                                     ops::sum(g, ops::sum(g, ops::square(g, unit), -1), 1));
  return ops::affine(g, pairs, 1.0 / (3 * 2));
}

TEST(SecondDerivatives, OfAPenaltyOnSlopesInTheActionsReachTheParameters) {
  check_op({{{2, 3, 4, 2}}, {{2, 3, 2, 5}}, {{2, 3, 5}}, {{2, 3, 5, 1}}}, diversity, 2e-3);
}

}  // namespace
}  // namespace hardy::test
