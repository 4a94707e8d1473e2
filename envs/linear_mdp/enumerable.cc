// The environment "enumerable_mdp": a random linear MDP of 16 states and 4 actions over 12 layers, started in
// a state that is drawn evenly. Its device twin is EnumerableMdp over the same tables (cuda/envs).
#include "envs/linear_mdp/enumerable.h"

#include <algorithm>

#include "engine/base/error.h"
#include "envs/control/task_environment.h"
#include "envs/linear_mdp/exact.h"

namespace hardy::envs {

EnumerableTables enumerable_tables(const Instance& instance) {
  const LinearMdp& m = *instance.mdp;
  if (m.H > 1 && m.transitions.empty())
    throw Error("has too many states for tables", m.name, "fewer states, actions or layers");
  if (instance.losses->adaptive())
    throw Error("has losses that depend on what is played", m.name, "oblivious losses");
  std::vector<double> scratch(static_cast<std::size_t>(m.H * std::max(m.pairs(), std::int64_t{m.d})));
  return {m.H,           m.S,
          m.A,           m.start,
          m.transitions, loss_table(m, *instance.losses, instance.losses->losses(0, scratch.data()))};
}

namespace {

struct Example {
  EnumerableTables tables;
  EnvSpec spec;
};

Example make_example() {
  const Instance instance = make_instance("simplex:seed=1,H=12,S=16,A=4,d=5,K=1,concentration=0.1", "", 1);
  LinearMdp m = *instance.mdp;
  Example e;
  e.tables = enumerable_tables(instance);
  e.tables.start = m.start = std::vector<double>(static_cast<std::size_t>(m.S), 1.0 / m.S);
  e.spec.name = EnumerableMdp::kName;
  e.spec.observation_size = EnumerableMdp::kObservation;
  e.spec.action_size = EnumerableMdp::kAction;
  e.spec.action_choices = static_cast<int>(m.A);
  e.spec.max_episode_steps = m.H;
  const std::vector<double> evenly(e.tables.losses.size(), 1.0 / m.A);
  e.spec.reference_min = -evaluate(m, e.tables.losses, evenly).start;
  e.spec.reference_max = -hindsight(m, e.tables.losses).value;
  return e;
}

const Example& example() {
  static const Example made = make_example();
  return made;
}

const Registration registration(EnumerableMdp::kName, [](int instances) -> std::unique_ptr<BatchEnvironment> {
  return std::make_unique<TaskEnvironment<EnumerableMdp>>(instances, example().tables.task(), example().spec);
});

}  // namespace

const EnumerableTables& enumerable_example() { return example().tables; }

}  // namespace hardy::envs
