// Hopper with the semantics of the D4RL v2 data (Gym's Hopper-v2) and of Gymnasium's Hopper-v4.
//   observation [11]: qpos without the forward position, qvel clipped to [-10, 10]
//   action [3]: torques of hip, knee and ankle in [-1, 1], times 200 N m. Outside, MuJoCo's motors saturate,
//     so that the motion is that of the clipped action, while the cost is that of the action as given
//     (D4RL's wrapper clips before both; no D4RL file holds such an action)
//   reward: forward velocity + 1 - 0.001 |a|^2. v2, v3 and v4 pay the 1 on the terminating step as well
//     (v4 as long as unhealthy states terminate, its default), v5 does not; the data follow v2
//   terminated: height <= 0.7, |pitch| >= 0.2, a state but the positions x, z outside (-100, 100), or a
//     simulation that MuJoCo found to diverge (it restarts itself, which Gymnasium does not notice)
//   truncated: 1000 steps; start: every qpos and qvel within 5e-3 of the upright stand, uniformly
#include <algorithm>
#include <cmath>

#include "engine/base/error.h"
#include "engine/base/random.h"
#include "envs/environment.h"
#include "envs/mujoco/hopper_model.h"
#include "envs/mujoco/model.h"

namespace hardy::envs {
namespace {

constexpr int kFrameSkip = 4;
constexpr double kResetNoise = 5e-3;

class Hopper final : public BatchEnvironment {
 public:
  explicit Hopper(int instances) : model_(compile_model("hopper", kHopperModel)) {
    spec_.name = "hopper";
    spec_.observation_size = model_->nq - 1 + model_->nv;
    spec_.action_size = model_->nu;
    spec_.action_low.assign(static_cast<std::size_t>(model_->nu), -1.0f);
    spec_.action_high.assign(static_cast<std::size_t>(model_->nu), 1.0f);
    spec_.max_episode_steps = 1000;
    spec_.reference_min = -20.272305;
    spec_.reference_max = 3234.3;
    for (int i = 0; i < instances; ++i) instances_.push_back({make_data(*model_), 0});
  }

  const EnvSpec& spec() const override { return spec_; }
  int size() const override { return static_cast<int>(instances_.size()); }

  void reset(int i, std::uint64_t seed, std::span<double> observation) override {
    Instance& instance = at(i);
    mjData& d = *instance.data;
    restart_physics(*model_, d);
    const Random random(seed, RandomStream::kEnvironment);
    const auto noise = [&](int k) {
      return kResetNoise * (2 * random.uniform64(static_cast<std::uint64_t>(k)) - 1);
    };
    for (int k = 0; k < model_->nq; ++k) d.qpos[k] += noise(k);
    for (int k = 0; k < model_->nv; ++k) d.qvel[k] = noise(model_->nq + k);
    mj_forward(model_.get(), &d);
    instance.steps = 0;
    observe(i, observation);
  }

  void observe(int i, std::span<double> observation) const override {
    const mjData& d = *at(i).data;
    std::copy(d.qpos + 1, d.qpos + model_->nq, observation.begin());
    std::transform(d.qvel, d.qvel + model_->nv, observation.begin() + model_->nq - 1,
                   [](double v) { return std::clamp(v, -10.0, 10.0); });
  }

  void step(int begin, int end, Actions actions, std::span<double> observations, std::span<double> rewards,
            std::span<std::uint8_t> terminated, std::span<std::uint8_t> truncated) override {
    check_step(*this, begin, end, actions, observations, rewards, terminated, truncated);
    const auto obs = static_cast<std::size_t>(spec_.observation_size),
               act = static_cast<std::size_t>(spec_.action_size);
    for (int i = begin; i < end; ++i) {
      const auto n = static_cast<std::size_t>(i);
      Instance& instance = at(i);
      mjData& d = *instance.data;
      const double before = d.qpos[0];
      double effort = 0;
      for (std::size_t k = 0; k < act; ++k) {
        const double a = actions.numbers()[n * act + k];
        d.ctrl[k] = a;
        effort += a * a;
      }
      for (int frame = 0; frame < kFrameSkip; ++frame) mj_step(model_.get(), &d);
      rewards[n] = (d.qpos[0] - before) / (kFrameSkip * model_->opt.timestep) + 1 - 1e-3 * effort;
      terminated[n] = !healthy(d) || diverged(d);
      truncated[n] = ++instance.steps >= spec_.max_episode_steps && !terminated[n];
      observe(i, observations.subspan(n * obs, obs));
    }
  }

  std::size_t state_size() const override { return physics_state_size(*model_) + 1; }
  void save_state(int i, std::span<double> state) const override {
    check_state(state.size());
    save_physics(*model_, *at(i).data, state);
    state[state_size() - 1] = at(i).steps;
  }
  void load_state(int i, std::span<const double> state) override {
    check_state(state.size());
    load_physics(*model_, *at(i).data, state);
    at(i).steps = static_cast<int>(state[state_size() - 1]);
  }

  int positions() const override { return model_->nq; }
  int velocities() const override { return model_->nv; }
  void physics(int i, std::span<double> qpos, std::span<double> qvel) const override {
    const mjData& d = *at(i).data;
    std::copy(d.qpos, d.qpos + model_->nq, qpos.begin());
    std::copy(d.qvel, d.qvel + model_->nv, qvel.begin());
  }

 private:
  struct Instance {
    Data data;
    int steps;
  };

  Instance& at(int i) { return instances_[static_cast<std::size_t>(i)]; }
  const Instance& at(int i) const { return instances_[static_cast<std::size_t>(i)]; }

  void check_state(std::size_t size) const {
    if (size == state_size()) return;
    throw Error("a state of " + std::to_string(size) + " numbers", spec_.name,
                "this build's holds " + std::to_string(state_size()));
  }

  bool healthy(const mjData& d) const {
    const auto within = [](double x) { return x > -100 && x < 100; };  // false for NaN as well
    bool bounded = std::isfinite(d.qpos[0]) && std::isfinite(d.qpos[1]);
    for (int k = 2; k < model_->nq; ++k) bounded = bounded && within(d.qpos[k]);
    for (int k = 0; k < model_->nv; ++k) bounded = bounded && within(d.qvel[k]);
    return bounded && d.qpos[1] > 0.7 && std::abs(d.qpos[2]) < 0.2;
  }

  Model model_;
  EnvSpec spec_;
  std::vector<Instance> instances_;
};

const Registration registration("hopper", [](int instances) -> std::unique_ptr<BatchEnvironment> {
  return std::make_unique<Hopper>(instances);
});

}  // namespace
}  // namespace hardy::envs
