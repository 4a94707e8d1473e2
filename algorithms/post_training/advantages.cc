#include "algorithms/post_training/advantages.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/base/error.h"

namespace hardy::algorithms {
namespace {

struct Group {
  double sum = 0, mean = 0, deviation = 0;  // with n - 1
  double count = 0;
  bool equal = true;
};

Group group_of(std::span<const double> returns) {
  Group g;
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (const double r : returns) {
    if (std::isnan(r)) continue;
    g.sum += r;
    ++g.count;
    low = std::min(low, r);
    high = std::max(high, r);
  }
  g.equal = !(low < high);
  if (g.count == 0) return g;
  g.mean = g.sum / g.count;
  if (g.count < 2) return g;
  double squares = 0;
  for (const double r : returns)
    if (!std::isnan(r)) squares += (r - g.mean) * (r - g.mean);
  g.deviation = std::sqrt(squares / (g.count - 1));
  return g;
}

}  // namespace

std::vector<double> advantages(std::span<const double> returns, const AdvantageSettings& s) {
  const Group g = group_of(returns);
  // Of equal returns the mean may differ in its last bit.
  const auto centred = [&](double r) { return g.equal ? 0.0 : r - g.mean; };
  std::vector<double> all;
  for (const double r : returns) {
    double a = 0;
    if (!std::isnan(r)) switch (s.kind) {
        case Advantage::kOne:
          a = 1;
          break;
        case Advantage::kReturn:
          a = r;
          break;
        case Advantage::kCentred:
          a = centred(r);
          break;
        case Advantage::kStandardised:
          a = g.equal ? 0.0 : (r - g.mean) / (g.deviation + s.epsilon);
          break;
        case Advantage::kLeaveOneOut:
          a = g.count < 2 ? r : g.equal ? 0.0 : (g.count * r - g.sum) / (g.count - 1);
          break;
        case Advantage::kExponential:
          a = std::min(std::exp(centred(r) / s.lambda), s.cap);
          break;
      }
    all.push_back(a);
  }
  return all;
}

double pass_at_k(int samples, int correct, int k) {
  if (k < 1 || k > samples || correct < 0 || correct > samples)
    throw Error("pass@k needs 1 <= k <= samples and 0 <= correct <= samples",
                "samples " + std::to_string(samples) + ", correct " + std::to_string(correct) + ", k " +
                    std::to_string(k));
  double none = 1;  // prod_i (N - c - i) / (N - i)
  for (int i = 0; i < k; ++i) none *= std::max(0, samples - correct - i) / static_cast<double>(samples - i);
  return 1 - none;
}

Balance balance_of(Gate gate, int solved, int n, int threshold) {
  if (n < 1 || solved < 0 || solved > n)
    throw Error("of n rollouts 0 to n can be solved",
                "solved " + std::to_string(solved) + ", n " + std::to_string(n));
  if (gate == Gate::kSwitch) {
    if (threshold < -1 || threshold > n)
      throw Error("lies outside of [-1, " + std::to_string(n) + "]", "gate " + std::to_string(threshold),
                  "-1 always reinforces, " + std::to_string(n) + " always imitates");
    return solved <= threshold ? Balance{0, 1} : Balance{1, 0};
  }
  static constexpr std::array<Balance, 5> kShares{{{0, 1}, {.125, .5}, {.25, .25}, {.5, .125}, {1, 0}}};
  return kShares[static_cast<std::size_t>(std::min(solved * 8 / n, 4))];
}

}  // namespace hardy::algorithms
