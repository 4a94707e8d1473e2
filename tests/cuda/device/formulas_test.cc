// The methods' formulas as kernels of the device, value and derivatives, against the CPU.
#include "algorithms/offline/formulas.h"

#include <gtest/gtest.h>

#include "algorithms/online/formulas.h"
#include "algorithms/post_training/estimator.h"
#include "engine/nn/formulas.h"
#include "engine/ops/pointwise.h"
#include "tests/cuda/device/devices.h"

namespace hardy::test {
namespace {

constexpr std::int64_t kSizes[] = {1, 31, 33, 255, 257};
constexpr double kTolerance = 1e-6;  // contracted multiply-adds, exp and log of another library

// map(formula, x, positive, ...): operands past the first are in (low, low + range), by default so that each
// may be a threshold. derivatives: they are used; a detached number has none.
template <int N, class F>
void compare_formula(const F& formula, double low = 0.5, double range = 3, bool derivatives = true) {
  for (const DType type : {DType::kF32, DType::kF64})
    for (const std::int64_t n : kSizes) {
      Case c;
      std::array<Tensor, N> x;
      x[0] = c.normal(type, {2, n}, 1.5);
      const Random random(3, RandomStream::kUser);
      for (std::size_t k = 1; k < N; ++k)
        x[k] = c.operand(type, {2, n}, [&](std::int64_t i) {
          return low + range * random.uniform64(static_cast<std::uint64_t>(i) * N + k);
        });
      const Tensor y = std::apply([&](auto... operand) { return ops::map(c.g, formula, operand...); }, x);
      if (derivatives)
        c.value_and_gradients(y);
      else
        c.outputs = {y};
      compare(c, kTolerance, std::string(F::kName) + " of " + std::to_string(n) + " " + name_of(type));
    }
}

TEST(DeviceFormulas, LossesOfIqlAndRiqlAgree) {
  compare_formula<1>(algorithms::Expectile{0.7});
  compare_formula<3>(algorithms::BootstrapTarget{0.99});
  compare_formula<2>(algorithms::Huber{});
  compare_formula<1>(algorithms::AdvantageWeight{3.0, 100.0});
  compare_formula<2>(algorithms::Exceeds{});
  compare_formula<2>(algorithms::FollowQuantile{0.9, 0.01});
}
TEST(DeviceFormulas, LossesOfTheActorCriticsAgree) {
  compare_formula<1>(algorithms::Magnitude{});
  compare_formula<1>(algorithms::Root{});
  compare_formula<1>(algorithms::UniformOfNormal{});
}
TEST(DeviceFormulas, LossesOfSacAgree) {
  compare_formula<5>(algorithms::SoftTarget{0.99f});
  compare_formula<3>(algorithms::ActorLoss{});
  compare_formula<2>(algorithms::TemperatureLoss{-3.0f});
}
TEST(DeviceFormulas, CoefficientsOfTheUnifiedEstimatorAgree) {
  for (const char* name : {"grpo", "dual_clip", "cispo_two_sided", "gspo", "sapo", "tis", "icepop", "rft",
                           "luffy_demonstrations"})
    compare_formula<4>(algorithms::estimator_named(name).token, -1, 2, false);
  for (const auto divergence : {algorithms::Divergence::kK2, algorithms::Divergence::kK3})
    compare_formula<2>(algorithms::DivergenceCoefficient{divergence}, -1, 2, false);
}
TEST(DeviceFormulas, HeadsAgree) {
  compare_formula<3>(nn::Reparameterise{});
  compare_formula<3>(nn::NormalLogDensity{});
  compare_formula<3>(nn::SquashedLogDensity{});
  compare_formula<3>(nn::SquashedActionLogDensity{}, 0.1, 0.8);
  compare_formula<1>(nn::Squash{});
}

}  // namespace
}  // namespace hardy::test
