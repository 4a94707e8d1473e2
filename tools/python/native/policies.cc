// Policies that act, one row or many, and their returns in the engine's own environments.
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "algorithms/acting/evaluate.h"
#include "algorithms/acting/policy_file.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/random.h"
#include "envs/environment.h"
#include "tools/python/native/native.h"

namespace hardy::python {
namespace {

using algorithms::Actor;
using algorithms::LoadedPolicy;
using Observations = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

class Policy {
 public:
  explicit Policy(const std::string& path) : loaded_(algorithms::read_policy(path)) { actor(1); }

  const LoadedPolicy& loaded() const { return loaded_; }
  bool chooses() const { return algorithms::chooses(loaded_.spec.head); }

  // observations [rows, size]; seed and step: of the draws, row i's keyed by seed + i; without a seed by the
  // mode. Actions [rows, act] within the bounds, or choices [rows].
  nb::object act(const Observations& observations, std::optional<std::uint64_t> seed, std::uint64_t step) {
    const std::lock_guard alone(lock_);
    Acting& a = actor(static_cast<std::int64_t>(check(observations)));
    const std::size_t rows = observations.shape(0), size = observations.shape(1);
    const std::span<const double> in(observations.data(), rows * size);
    for (std::size_t i = 0; seed && i < rows; ++i)
      a.draws[i] = Random(*seed + i, RandomStream::kExplore, step);
    const auto run = [&] {
      a.actor.act(in, seed ? std::span<const Random>(a.draws) : std::span<const Random>(), a.actions, {},
                  a.team);
    };
    if (rows < kMany) {
      run();
    } else {
      const nb::gil_scoped_release others;
      run();
    }
    if (chooses()) return copy(a.actions.choices.data(), {rows});
    return copy(a.actions.numbers.data(), {rows, static_cast<std::size_t>(loaded_.spec.action_size)});
  }

  // log pi(a|s) [rows]
  nb::object log_prob(const Observations& observations,
                      nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu> actions) {
    const std::lock_guard alone(lock_);
    Acting& a = actor(static_cast<std::int64_t>(check(observations)));
    const std::size_t rows = observations.shape(0);
    const std::size_t width = chooses() ? 1 : static_cast<std::size_t>(loaded_.spec.action_size);
    if (actions.size() != rows * width)
      throw Error("has " + std::to_string(actions.size()) + " numbers", "actions",
                  std::to_string(rows) + " rows of " + std::to_string(width) + " would be right");
    if (chooses() ? actions.dtype() != nb::dtype<std::int32_t>() : actions.dtype() != nb::dtype<float>())
      throw Error("is of another type than this policy's actions", "actions",
                  chooses() ? "int32" : "float32");
    if (chooses())
      std::copy_n(static_cast<const std::int32_t*>(actions.data()), rows, a.actions.choices.begin());
    else
      std::copy_n(static_cast<const float*>(actions.data()), rows * width, a.actions.numbers.begin());
    std::vector<float> out(rows);
    a.actor.log_prob({observations.data(), rows * observations.shape(1)}, a.actions, out, a.team);
    return array_of(std::move(out), {rows});
  }

 private:
  static constexpr std::size_t kMany = 64;  // rows from which on other threads may run meanwhile
  static constexpr std::size_t kSizes = 8;  // batch sizes that are kept ready

  struct Acting {
    Acting(const LoadedPolicy& loaded, std::int64_t rows)
        : actor(loaded.spec, rows, loaded.parameters),
          actions(loaded.spec.action_size, loaded.spec.action_choices, static_cast<std::size_t>(rows)),
          draws(static_cast<std::size_t>(rows), Random(0, RandomStream::kExplore)) {}
    Actor actor;
    ThreadTeam team{1};
    ActionMemory actions;
    std::vector<Random> draws;
  };

  Acting& actor(std::int64_t rows) {
    if (last_ && last_rows_ == rows) return *last_;
    auto found = actors_.find(rows);
    if (found == actors_.end()) {
      if (actors_.size() >= kSizes) actors_.clear();
      found = actors_.emplace(rows, std::make_unique<Acting>(loaded_, rows)).first;
    }
    last_ = found->second.get(), last_rows_ = rows;
    return *last_;
  }

  std::size_t check(const Observations& observations) const {
    const auto size = static_cast<std::size_t>(loaded_.spec.observation_size);
    if (observations.shape(1) != size || observations.shape(0) == 0)
      throw Error("are [" + std::to_string(observations.shape(0)) + ", " +
                      std::to_string(observations.shape(1)) + "]",
                  "observations", "[rows, " + std::to_string(size) + "] would be right");
    const double* x = observations.data();
    for (std::size_t i = 0; i < observations.size(); ++i)
      if (!std::isfinite(x[i]))
        throw Error(
            "number " + std::to_string(i % size) + " of row " + std::to_string(i / size) + " is not finite",
            "observations");
    return observations.shape(0);
  }

  template <class T>
  static nb::object copy(const T* from, const std::vector<std::size_t>& shape) {
    std::size_t n = 1;
    for (const std::size_t d : shape) n *= d;
    return array_of(std::vector<T>(from, from + n), shape);
  }

  LoadedPolicy loaded_;
  std::mutex lock_;
  std::map<std::int64_t, std::unique_ptr<Acting>> actors_;
  Acting* last_ = nullptr;
  std::int64_t last_rows_ = 0;
};

nb::dict evaluate(const Policy& policy, const std::string& environment, int episodes, std::uint64_t seed) {
  algorithms::Evaluation e;
  {
    const nb::gil_scoped_release others;
    e = algorithms::evaluate(policy.loaded().spec, policy.loaded().parameters, environment, episodes, seed);
  }
  nb::dict d;
  d["returns"] = array_of(std::move(e.returns), {static_cast<std::size_t>(episodes)});
  d["lengths"] = array_of(std::move(e.lengths), {static_cast<std::size_t>(episodes)});
  d["scores"] = array_of(std::move(e.scores), {static_cast<std::size_t>(episodes)});
  return d;
}

}  // namespace

void bind_policies(nb::module_& m) {
  nb::class_<Policy>(m, "Policy")
      .def(nb::init<const std::string&>())
      .def("act", &Policy::act, nb::arg("observations"), nb::arg("seed").none(), nb::arg("step"))
      .def("log_prob", &Policy::log_prob)
      .def("evaluate", &evaluate)
      .def_prop_ro("observation_size", [](const Policy& p) { return p.loaded().spec.observation_size; })
      .def_prop_ro("action_size", [](const Policy& p) { return p.loaded().spec.action_size; })
      .def_prop_ro("action_choices", [](const Policy& p) { return p.loaded().spec.action_choices; })
      .def_prop_ro("action_low", [](const Policy& p) { return p.loaded().spec.action_low; })
      .def_prop_ro("action_high", [](const Policy& p) { return p.loaded().spec.action_high; })
      .def_prop_ro("head", [](const Policy& p) { return algorithms::name_of(p.loaded().spec.head); })
      .def_prop_ro("environment", [](const Policy& p) { return p.loaded().environment; })
      .def_prop_ro("method", [](const Policy& p) { return p.loaded().method; });
}

}  // namespace hardy::python
