#include "envs/linear_mdp/simulator.h"

#include <algorithm>
#include <vector>

#include "engine/base/error.h"
#include "envs/linear_mdp/instance.h"

namespace hardy::envs {
namespace {

class Enumerated final : public SimulatedGame {
 public:
  explicit Enumerated(const Instance& instance) : instance_(instance), mdp_(*instance.mdp) {
    if (instance.losses->adaptive())
      throw Error("an adaptive adversary cannot be asked for losses out of turn", mdp_.name,
                  "choose an oblivious loss process");
    start_ = mdp_.start;
    for (std::size_t s = 1; s < start_.size(); ++s) start_[s] += start_[s - 1];
    scratch_.resize(static_cast<std::size_t>(mdp_.S));
    losses_.resize(static_cast<std::size_t>(loss_size(mdp_, instance.losses->linear())));
  }
  int H() const override { return mdp_.H; }
  int A() const override { return mdp_.A; }
  int d() const override { return mdp_.d; }
  State start(double u) const override { return static_cast<State>(draw_from(start_.data(), mdp_.S, u)); }
  void features(int h, State s, std::span<double> phi) const override {
    std::copy_n(mdp_.features(h, static_cast<int>(s), 0), phi.size(), phi.begin());
  }
  double loss(std::int64_t k, int h, State s, int a) const override {
    const double* episode = instance_.losses->losses(k, losses_.data());
    const std::int64_t pair = static_cast<std::int64_t>(s) * mdp_.A + a;
    if (!instance_.losses->linear()) return episode[h * mdp_.pairs() + pair];
    double sum = 0;
    for (int i = 0; i < mdp_.d; ++i)
      sum += mdp_.layer_features(h)[pair * mdp_.d + i] * episode[h * mdp_.d + i];
    return sum;
  }

 protected:
  State next(int h, State s, int a, double u) const override {
    return static_cast<State>(
        draw_from(mdp_.cumulative(h, static_cast<int>(s), a, scratch_.data()), mdp_.S, u));
  }

 private:
  Instance instance_;
  const LinearMdp& mdp_;
  std::vector<double> start_;
  mutable std::vector<double> scratch_, losses_;
};

}  // namespace

std::unique_ptr<SimulatedGame> simulator_of(const Instance& instance) {
  return std::make_unique<Enumerated>(instance);
}

}  // namespace hardy::envs
