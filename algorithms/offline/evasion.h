// What an attacker knows of the cleaning: the forward models of `hardy data repair --models`, fitted to the
// clean file, and by them how far a state or an action may be moved before its transitions look like none of
// the file's.
//
// With e = x_{t+1} - x_t - f(x_t, a_t) in usual steps, a transition's residual is
//   r^2 = mean_k (e_k / m_k)^2,   m_k the median of |e_k| over the file.
// A state has two transitions, the one that leads to it and the one that leaves it, of which the larger
// counts; an action has one.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "algorithms/cleaning/chains.h"
#include "algorithms/cleaning/forward_models.h"
#include "datasets/corruption/corrupt.h"
#include "engine/graph/graph.h"
#include "engine/graph/plan.h"

namespace hardy::algorithms {

struct EvasionSettings {
  double quantile = 0;  // of the clean transitions' r^2, which an attacked one may reach; 0: no evasion
  std::int64_t members = 4, hidden = 128, steps = 12000;  // as CleaningSettings has them
};

class Evasion {
 public:
  // Fits the models to the file, which is taken for clean. Errors: those of cleaning (cleaning.h).
  Evasion(datasets::Reader& clean, const EvasionSettings& settings, std::uint64_t seed, ThreadTeam& team,
          const StopToken& stop);

  // r^2 that an attacked row may have.
  double limit() const { return limit_; }

  // Rows of an attack in a graph: r^2 [1, rows] of what `moved` [1, rows, width] makes of them, raw numbers
  // as the file has them: of observations and dynamics the state, else the action.
  struct Constraint {
    graph::Tensor square;
    // By the states' places: the transition that leads to the moved state, and that which leaves it; an
    // action's is the latter alone.
    graph::Tensor before, action_before, has_before, state, action, after, has_after;
    std::vector<std::pair<graph::Tensor, float*>> constants;  // for the plan to bind
  };
  Constraint constrain(graph::Graph& g, datasets::Element element, graph::Tensor moved);
  // The file's rows into the plan, which has bound the constants; they are the first of a pass.
  void load(const Constraint& constraint, graph::Plan& plan, datasets::Element element,
            std::span<const std::int64_t> rows) const;

 private:
  struct Models;  // their tensors in a graph
  graph::Tensor residual(graph::Graph& g, const Models& models, graph::Tensor from, graph::Tensor action,
                         graph::Tensor to) const;
  std::vector<float> errors(ThreadTeam& team, const StopToken& stop);  // |e| of all transitions, [n, d]

  Chains c_;
  Beliefs beliefs_;
  ForwardModels models_;
  std::vector<float> usual_;  // m_k
  double limit_ = 0;
};

}  // namespace hardy::algorithms
