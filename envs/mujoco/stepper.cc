// The batch stepper of all MuJoCo tasks.
#include <algorithm>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/random.h"
#include "engine/base/registry.h"
#include "envs/breaks.h"
#include "envs/mujoco/task.h"
#include "envs/mujoco/view.h"

namespace hardy::envs {
namespace {

class Stepper final : public BatchEnvironment {
 public:
  Stepper(const std::string& name, MujocoTask task, int instances)
      : task_(std::move(task)), model_(compile_model(name, task_)) {
    spec_.name = name;
    spec_.observation_size = model_->nq - task_.hidden_positions + model_->nv + task_.zeros;
    spec_.action_size = model_->nu;
    for (int k = 0; k < model_->nu; ++k) {
      if (!model_->actuator_ctrllimited[k])
        throw Error("its actuator " + std::to_string(k) + " has no bounds", name,
                    "give it ctrllimited and ctrlrange in the model");
      spec_.action_low.push_back(static_cast<float>(model_->actuator_ctrlrange[2 * k]));
      spec_.action_high.push_back(static_cast<float>(model_->actuator_ctrlrange[2 * k + 1]));
    }
    spec_.max_episode_steps = task_.max_episode_steps;
    spec_.reference_min = task_.reference_min;
    spec_.reference_max = task_.reference_max;
    if (!task_.forward_body.empty()) body_ = find(*model_, mjOBJ_BODY, "body", task_.forward_body, name);
    for (int i = 0; i < instances; ++i) instances_.push_back({make_data(*model_)});
  }

  const EnvSpec& spec() const override { return spec_; }
  int size() const override { return static_cast<int>(instances_.size()); }

  void reset(int i, std::uint64_t seed, std::span<double> observation) override {
    Instance& instance = at(i);
    mjData& d = *instance.data;
    restart_physics(*model_, d);
    const Random random(seed, RandomStream::kEnvironment);
    const auto noise = [&](int k) {
      return task_.reset_noise * (2 * random.uniform64(static_cast<std::uint64_t>(k)) - 1);
    };
    const auto normal = [&](int k) {
      // Draws behind those of the positions, from an even number on: a pair shares its words.
      const int draw = (model_->nq + 1) / 2 * 2 + k;
      return task_.reset_noise * random.normal(static_cast<std::uint64_t>(draw));
    };
    for (int k = 0; k < model_->nq; ++k) d.qpos[k] += noise(k);
    for (int k = 0; k < model_->nv; ++k)
      d.qvel[k] = task_.normal_velocities ? normal(k) : noise(model_->nq + k);
    mj_forward(model_.get(), &d);
    instance.forward = forward(d);
    instance.steps = 0;
    observe(i, observation);
  }

  void observe(int i, std::span<double> observation) const override {
    const mjData& d = *at(i).data;
    const double limit = task_.velocity_limit;
    auto to = std::copy(d.qpos + task_.hidden_positions, d.qpos + model_->nq, observation.begin());
    to = std::transform(d.qvel, d.qvel + model_->nv, to,
                        [limit](double v) { return std::clamp(v, -limit, limit); });
    std::fill_n(to, task_.zeros, 0.0);
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
      const double before = instance.forward;
      double effort = 0;
      for (std::size_t k = 0; k < act; ++k) {
        const double a = actions.numbers()[n * act + k];
        d.ctrl[k] = a;
        effort += a * a;
      }
      for (int frame = 0; frame < task_.frame_skip; ++frame) mj_step(model_.get(), &d);
      instance.forward = forward(d);
      const double speed = (instance.forward - before) / (task_.frame_skip * model_->opt.timestep);
      double reward = task_.forward_weight * speed + task_.alive_bonus - task_.control_cost * effort;
      if (task_.shaping) reward += task_.shaping(*model_, d);
      const bool success = task_.success && task_.success(*model_, d) && !diverged(d);
      if (success) reward += task_.success_bonus;
      const bool finite = std::isfinite(reward), broken = diverged(d) || !finite;
      rewards[n] = finite ? reward : 0;
      terminated[n] = broken || success || (task_.healthy && !task_.healthy(*model_, d));
      ++instance.steps;
      if (broken)
        breaks_.add(i, instance.steps, finite ? "the simulation diverged" : "the reward is not finite");
      truncated[n] = instance.steps >= spec_.max_episode_steps && !terminated[n];
      observe(i, observations.subspan(n * obs, obs));
    }
  }

  std::int64_t broken_episodes() const override { return breaks_.count(); }
  std::string first_break() const override { return breaks_.first(); }

  // The physics, where the forward body was last seen (if there is one), the steps.
  std::size_t state_size() const override { return physics_state_size(*model_) + (body_ < 0 ? 1 : 2); }
  void save_state(int i, std::span<double> state) const override {
    check_state(state.size());
    const Instance& instance = at(i);
    save_physics(*model_, *instance.data, state);
    if (body_ >= 0) state[state_size() - 2] = instance.forward;
    state[state_size() - 1] = instance.steps;
  }
  void load_state(int i, std::span<const double> state) override {
    check_state(state.size());
    Instance& instance = at(i);
    load_physics(*model_, *instance.data, state);
    instance.forward = body_ < 0 ? instance.data->qpos[0] : state[state_size() - 2];
    instance.steps = static_cast<int>(state[state_size() - 1]);
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
    double forward = 0;
    int steps = 0;
  };

  Instance& at(int i) { return instances_[static_cast<std::size_t>(i)]; }
  const Instance& at(int i) const { return instances_[static_cast<std::size_t>(i)]; }

  double forward(const mjData& d) const { return body_ < 0 ? d.qpos[0] : d.xpos[3 * body_]; }

  void check_state(std::size_t size) const {
    if (size == state_size()) return;
    throw Error("a state of " + std::to_string(size) + " numbers", spec_.name,
                "this build's holds " + std::to_string(state_size()));
  }

  MujocoTask task_;
  Model model_;
  EnvSpec spec_;
  int body_ = -1;  // whose x is measured; -1: qpos[0]
  std::vector<Instance> instances_;
  Breaks breaks_;
};

Registry<MujocoRecord>& records() {
  static Registry<MujocoRecord> all("MuJoCo task", "");
  return all;
}

MujocoTask record_of(Parameters& keys) {
  MujocoTask task = records().get(keys.name())(keys);
  task.read(keys);
  return task;
}

}  // namespace

void MujocoTask::read(Parameters& keys) {
  constexpr double kLarge = 1e6;
  frame_skip = static_cast<int>(keys.integer("frame_skip", frame_skip, 1, 1000));
  reset_noise = keys.number("noise", reset_noise, 0, kLarge);
  forward_weight = keys.number("forward_weight", forward_weight, -kLarge, kLarge);
  alive_bonus = keys.number("alive_bonus", alive_bonus, -kLarge, kLarge);
  control_cost = keys.number("control_cost", control_cost, 0, kLarge);
  max_episode_steps = static_cast<int>(keys.integer("max_steps", max_episode_steps, 1, 100000000));
}

Model compile_model(const std::string& name, const MujocoTask& task) {
  return task.file.empty() ? compile_model(Parameters(name).name(), task.mjcf)
                           : compile_model_file(task.file);
}

std::unique_ptr<BatchEnvironment> make_mujoco(const std::string& name, MujocoTask task, int instances) {
  return std::make_unique<Stepper>(name, std::move(task), instances);
}

RegisterMujoco::RegisterMujoco(const std::string& name, MujocoRecord record, const std::string& needs) {
  records().add(name, record);
  const KeyedFactory make = [](Parameters& keys, int instances) {
    MujocoTask task = record_of(keys);
    keys.finish();
    return make_mujoco(keys.text(), std::move(task), instances);
  };
  Registration(name, make, needs);
  RegisterView(name, make_mujoco_view);
}

MujocoTask mujoco_task(const std::string& name) {
  Parameters keys(name);
  return record_of(keys);
}

}  // namespace hardy::envs
