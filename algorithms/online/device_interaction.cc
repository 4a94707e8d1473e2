#include "algorithms/online/device_interaction.h"

#include <algorithm>
#include <string>

#include "algorithms/online/task_interaction.h"
#include "engine/base/error.h"
#include "envs/control/cart_pole.h"
#include "envs/control/device_batch.h"
#include "envs/control/enumerable_mdp.h"
#include "envs/control/pendulum.h"
#include "envs/control/task_environment.h"

namespace hardy::algorithms {
namespace {

// A task whose tables are the device's.
template <class Task>
Task there(const Task& task, device::Mirror&) {
  return task;
}
envs::EnumerableMdp there(envs::EnumerableMdp task, device::Mirror& mirror) {
  const auto place = [&](const double*& table, std::int64_t numbers) {
    if (table) table = mirror.place_of(table, static_cast<std::size_t>(numbers));
  };
  const std::int64_t pairs = task.states * task.actions;
  place(task.start_law, task.states);
  place(task.transitions, (task.layers - 1) * pairs * task.states);
  place(task.losses, task.layers * pairs);
  return task;
}

template <class Task>
class OfTask final : public DeviceInteraction {
 public:
  OfTask(const Task& task, const envs::EnvSpec& spec, Actor& actor, Replay& replay,
         std::span<const std::uint64_t> seeds, device::Mirror& mirror)
      : mirror_(mirror),
        actor_(actor),
        name_(spec.name),
        agents_(seeds.size()),
        batch_(mirror.device(), static_cast<std::int64_t>(agents_), there(task, mirror)),
        counts_(device::allocate(mirror.device(), 4 * agents_ * sizeof(std::uint64_t))),
        interact_(device::find_launch(mirror.device(), kInteract<Task>)),
        look_(device::find_launch(mirror.device(), kLook<Task>)) {
    mirror.device().upload(batch_.seeds(), seeds.data(), seeds.size_bytes());
    told_.batch = batch_.memory();
    told_.actions = batch_.actions();
    told_.episodes = static_cast<std::uint64_t*>(counts_.get());
    told_.not_finite = reinterpret_cast<std::int64_t*>(told_.episodes + agents_);
    told_.returns = reinterpret_cast<double*>(told_.not_finite + agents_);
    told_.last_returns = told_.returns + agents_;
    const Actor::Places network = actor.places();
    told_.gave = network.gives;
    told_.sees = network.observations;
    told_.noise = network.noise;
    std::ranges::copy(spec.action_low, told_.low);
    std::ranges::copy(spec.action_high, told_.high);
    told_.choices = spec.action_choices;
    const TransitionTables tables = replay.tables();
    const auto rows = agents_ * static_cast<std::size_t>(replay.capacity());
    const auto place = [&](auto* table, int width) {
      return table ? mirror.place_of(table, rows * static_cast<std::size_t>(width)) : nullptr;
    };
    told_.observations = place(tables.observations, Task::kObservation);
    told_.next_observations = place(tables.next_observations, Task::kObservation);
    told_.rewards = place(tables.rewards, 1);
    told_.terminals = place(tables.terminals, 1);
    told_.chosen = place(tables.choices, 1);
    told_.numbers = tables.choices ? nullptr : place(tables.actions, Task::kAction);
    told_.rows = mirror.place_of(tables.rows, 1);
    told_.capacity = replay.capacity();
  }

  void step(std::int64_t t, double uniform) override {
    if (uniform < 1) actor_.enqueue();
    told_.t = t;
    told_.uniform = uniform;
    interact_(mirror_.stream(), told_);
  }

  void send(std::int64_t t, const InteractionState& state) override {
    const auto up = [&](void* to, const auto& from) {
      mirror_.device().upload(to, from.data(), from.size() * sizeof from[0]);
    };
    up(told_.episodes, state.episodes);
    up(told_.returns, state.returns);
    up(told_.last_returns, state.last_returns);
    up(told_.batch.observations, state.observations);
    up(told_.batch.states, state.states);
    told_.t = t;
    look_(mirror_.stream(), told_);
  }

  void bring(InteractionState& state) override {
    const auto down = [&](auto& to, const void* from, std::size_t each) {
      to.resize(agents_ * each);
      mirror_.device().download(to.data(), from, to.size() * sizeof to[0]);
    };
    std::vector<std::int64_t> not_finite;
    down(not_finite, told_.not_finite, 1);
    for (std::size_t a = 0; a < agents_; ++a)
      if (not_finite[a] > 0)
        throw Error::failed_run("an action of instance " + std::to_string(a) + " was not finite in step " +
                                    std::to_string(not_finite[a]),
                                name_);
    down(state.episodes, told_.episodes, 1);
    down(state.returns, told_.returns, 1);
    down(state.last_returns, told_.last_returns, 1);
    down(state.observations, told_.batch.observations, Task::kObservation);
    down(state.states, told_.batch.states, envs::kWholeState<Task>);
  }

 private:
  device::Mirror& mirror_;
  Actor& actor_;
  std::string name_;
  std::size_t agents_;
  envs::DeviceBatch<Task> batch_;
  device::Memory counts_;  // episodes, not_finite, returns, last_returns
  TaskInteraction<Task> told_;
  device::Launch<const TaskInteraction<Task>&> interact_, look_;
};

template <class Task, class... Rest>
std::unique_ptr<DeviceInteraction> of_task(const envs::BatchEnvironment& env, Actor& actor, Replay& replay,
                                           std::span<const std::uint64_t> seeds, device::Mirror& mirror) {
  if (const auto* const known = dynamic_cast<const envs::TaskEnvironment<Task>*>(&env))
    return std::make_unique<OfTask<Task>>(known->task(), env.spec(), actor, replay, seeds, mirror);
  if constexpr (sizeof...(Rest) > 0) return of_task<Rest...>(env, actor, replay, seeds, mirror);
  return nullptr;
}

}  // namespace

std::unique_ptr<DeviceInteraction> make_device_interaction(const envs::BatchEnvironment& env, Actor& actor,
                                                           Replay& replay,
                                                           std::span<const std::uint64_t> seeds,
                                                           device::Mirror& mirror) {
  const PolicySpec& policy = actor.spec();
  // Ways to look and to act that the launch does not know.
  if (!policy.observation_mean.empty() || policy.head == Head::kGaussian || policy.head == Head::kCategorical)
    return nullptr;
  return of_task<envs::Pendulum, envs::CartPole, envs::EnumerableMdp>(env, actor, replay, seeds, mirror);
}

}  // namespace hardy::algorithms
