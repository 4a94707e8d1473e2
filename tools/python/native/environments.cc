// The engine's environments in batches, for a gymnasium.vector.VectorEnv around them.
#include <memory>

#include "algorithms/acting/rollout.h"
#include "datasets/reference_scores.h"
#include "engine/base/error.h"
#include "engine/base/random.h"
#include "engine/base/threads.h"
#include "envs/environment.h"
#include "tools/python/native/native.h"

namespace hardy::python {
namespace {

using Ended = nb::ndarray<const bool, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

class Batch {
 public:
  Batch(const std::string& name, int instances, int threads)
      : env_(envs::make_environment(name, instances)),
        team_(threads),
        n_(static_cast<std::size_t>(instances)),
        actions_(env_->spec().action_size, env_->spec().action_choices, n_),
        observations_(n_ * width()),
        rewards_(n_),
        terminated_(n_),
        truncated_(n_),
        runs_(n_, 1) {}

  const envs::EnvSpec& spec() const { return env_->spec(); }
  std::size_t width() const { return static_cast<std::size_t>(env_->spec().observation_size); }

  // Episode `episode` of seed `seed` begins in instance i: the draw of an evaluation's episode of that
  // number.
  void start(int i, std::uint64_t seed, std::uint64_t episode) {
    if (i < 0 || static_cast<std::size_t>(i) >= n_)
      throw Error("is " + std::to_string(i), "instance", "0 to " + std::to_string(n_ - 1));
    env_->reset(i, algorithms::episode_seed(seed, RandomStream::kEvaluation, episode),
                std::span(observations_).subspan(static_cast<std::size_t>(i) * width(), width()));
  }

  // All instances at once, each with the same instance's action; those with `rests` stand still.
  void step(nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu> actions, const Ended& rests) {
    const bool choices = spec().discrete();
    const std::size_t size = choices ? 1 : static_cast<std::size_t>(spec().action_size);
    if (actions.size() != n_ * size || rests.shape(0) != n_)
      throw Error("have " + std::to_string(actions.size()) + " numbers", "actions",
                  std::to_string(n_) + " instances of " + std::to_string(size) + " would be right");
    if (choices ? actions.dtype() != nb::dtype<std::int32_t>() : actions.dtype() != nb::dtype<float>())
      throw Error("are of another type than this task's", "actions", choices ? "int32" : "float32");
    if (choices)
      std::copy_n(static_cast<const std::int32_t*>(actions.data()), n_, actions_.choices.begin());
    else
      std::copy_n(static_cast<const float*>(actions.data()), n_ * size, actions_.numbers.begin());
    for (std::size_t i = 0; i < n_; ++i) runs_[i] = !rests.data()[i];
    const nb::gil_scoped_release others;
    envs::step_all(*env_, team_, actions_, observations_, rewards_, terminated_, truncated_, runs_);
  }

  nb::object observations() const { return array_of(std::vector<double>(observations_), {n_, width()}); }
  nb::object rewards() const { return array_of(std::vector<double>(rewards_), {n_}); }
  nb::object terminated() const { return array_of(std::vector<std::uint8_t>(terminated_), {n_}); }
  nb::object truncated() const { return array_of(std::vector<std::uint8_t>(truncated_), {n_}); }

 private:
  std::unique_ptr<envs::BatchEnvironment> env_;
  ThreadTeam team_;
  std::size_t n_;
  ActionMemory actions_;
  std::vector<double> observations_, rewards_;
  std::vector<std::uint8_t> terminated_, truncated_, runs_;
};

}  // namespace

void bind_environments(nb::module_& m) {
  nb::class_<Batch>(m, "Batch")
      .def(nb::init<const std::string&, int, int>())
      .def("start", &Batch::start)
      .def("step", &Batch::step)
      .def("observations", &Batch::observations)
      .def("rewards", &Batch::rewards)
      .def("terminated", &Batch::terminated)
      .def("truncated", &Batch::truncated)
      .def_prop_ro("observation_size", [](const Batch& b) { return b.spec().observation_size; })
      .def_prop_ro("action_size", [](const Batch& b) { return b.spec().action_size; })
      .def_prop_ro("action_choices", [](const Batch& b) { return b.spec().action_choices; })
      .def_prop_ro("action_low", [](const Batch& b) { return b.spec().action_low; })
      .def_prop_ro("action_high", [](const Batch& b) { return b.spec().action_high; })
      .def_prop_ro("max_episode_steps", [](const Batch& b) { return b.spec().max_episode_steps; })
      .def_prop_ro("reference",
                   [](const Batch& b) { return std::pair(b.spec().reference_min, b.spec().reference_max); });
  m.def("environments", &envs::environment_names);
  // Returns that score 0 and 100 of the task in a name; None where there is none.
  m.def("reference_scores", [](const std::string& name) -> nb::object {
    const auto known = datasets::reference_scores(name);
    if (!known) return nb::none();
    return nb::make_tuple(known->min, known->max);
  });
}

}  // namespace hardy::python
