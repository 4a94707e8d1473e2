#include "algorithms/offline/evasion.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/arithmetic.h"
#include "engine/ops/concat.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"

namespace hardy::algorithms {
namespace {

using datasets::Element;
using graph::Graph;
using graph::Tensor;

float* read_only(const std::vector<float>& x) { return const_cast<float*>(x.data()); }  // by plans

// The value below which a share p of them lies.
float share_below(std::vector<float> x, double p) {
  const auto at = static_cast<std::size_t>(p * static_cast<double>(x.size() - 1));
  std::ranges::nth_element(x, x.begin() + static_cast<std::ptrdiff_t>(at));
  return x[at];
}

Tensor vector_input(Graph& g, Evasion::Constraint& c, const std::string& name, const std::vector<float>& x) {
  const Tensor t = g.input(name, DType::kF32, {1, 1, static_cast<std::int64_t>(x.size())});
  c.constants.emplace_back(t, read_only(x));
  return t;
}

}  // namespace

struct Evasion::Models {
  std::vector<std::vector<Tensor>> members;
  const nn::Architecture* architecture;
  Tensor steps, usual;
};

Evasion::Evasion(datasets::Reader& clean, const EvasionSettings& s, std::uint64_t seed, ThreadTeam& team,
                 const StopToken& stop)
    : c_(chains_of(clean)),
      beliefs_(c_),
      models_(c_, beliefs_, {.members = s.members, .hidden = s.hidden, .steps = s.steps}, seed),
      usual_(c_.d, 1.0f) {
  require_transitions(c_, clean.path(), "leave --evade out");
  const std::int64_t rows = models_.take_first_rows(kLeastTransitions);
  run::Watch watch;
  watch.stop = stop;
  std::vector<float> e;
  for (const std::int64_t steps : {s.steps / 2, s.steps - s.steps / 2}) {
    std::vector<float> turns;
    for (const float usual : usual_) turns.push_back(std::clamp(2 * usual, 0.02f, 1.0f));
    models_.train(rows, turns, steps, team, watch, 0);
    e = errors(team, stop);
    for (std::size_t k = 0; k < c_.d; ++k) {
      std::vector<float> one;
      for (std::size_t i = k; i < e.size(); i += c_.d) one.push_back(e[i]);
      usual_[k] = std::max(share_below(std::move(one), 0.5), 1e-6f);
    }
  }
  std::vector<float> squares(e.size() / c_.d, 0.0f);
  for (std::size_t i = 0; i < e.size(); ++i) {
    const float z = e[i] / usual_[i % c_.d];
    squares[i / c_.d] += z * z / static_cast<float>(c_.d);
  }
  limit_ = share_below(std::move(squares), s.quantile);
}

std::vector<float> Evasion::errors(ThreadTeam& team, const StopToken& stop) {
  std::vector<std::int64_t> rows;
  for (std::int64_t row = 0; row < c_.rows; ++row)
    if (c_.is_transition(row)) rows.push_back(row);
  std::vector<float> all(rows.size() * c_.d);
  const int next = c_.has_next ? kNext : kObservation;
  in_chunks(rows.size(), [&](std::size_t begin, std::size_t n) {
    std::vector<float> x(n * (c_.d + c_.a)), step(n * c_.d);
    for (std::size_t i = 0; i < n; ++i) {
      float* const to = x.data() + i * (c_.d + c_.a);
      hold(c_.observation_of(rows[begin + i]), to);
      hold(c_.action_of(rows[begin + i]), to + c_.d);
    }
    models_.evaluate(x, step, {}, team, stop);
    for (std::size_t i = 0; i < n; ++i) {
      const std::int64_t row = rows[begin + i];
      for (std::size_t k = 0; k < c_.d; ++k)
        all[(begin + i) * c_.d + k] = std::abs(
            (c_.copy_to(row, next)[k] - c_.observation_of(row)[k]) / c_.steps[k] - step[i * c_.d + k]);
    }
  });
  return all;
}

Tensor Evasion::residual(Graph& g, const Models& m, Tensor from, Tensor action, Tensor to) const {
  const Tensor x = ops::concat(g, ops::clamp(g, from, -15, 15), ops::clamp(g, action, -15, 15));
  Tensor sum;
  for (const std::vector<Tensor>& member : m.members) {
    const Tensor y = m.architecture->apply(g, member, x, "f");
    sum = sum ? ops::add(g, sum, y) : y;
  }
  const Tensor step = ops::divide(g, ops::subtract(g, to, from), m.steps);
  const Tensor e = ops::subtract(g, step, ops::affine(g, sum, 1.0 / static_cast<double>(m.members.size())));
  return ops::squeeze(g, ops::mean(g, ops::square(g, ops::divide(g, e, m.usual)), 2), 2);
}

Evasion::Constraint Evasion::constrain(Graph& g, Element element, Tensor moved) {
  Constraint c;
  const std::int64_t rows = g.shape(moved)[1], d = static_cast<std::int64_t>(c_.d),
                     a = static_cast<std::int64_t>(c_.a);
  Models m;
  Regression& f = models_.models();
  m.architecture = &f.architecture();
  for (std::int64_t member = 0; member < f.members(); ++member) {
    std::vector<Tensor>& tensors = m.members.emplace_back();
    for (const nn::TensorSpec& spec : f.architecture().tensors("f" + std::to_string(member), 1)) {
      c.constants.emplace_back(g.parameter(spec.name, DType::kF32, spec.shape),
                               f.weights(tensors.size(), member).data());
      tensors.push_back(c.constants.back().first);
    }
  }
  m.steps = vector_input(g, c, "steps", c_.steps);
  m.usual = vector_input(g, c, "usual", usual_);
  const bool acts = element == Element::kActions;
  const Units& units = acts ? c_.actions : c_.states;
  const Tensor place = ops::divide(g, ops::subtract(g, moved, vector_input(g, c, "median", units.median)),
                                   vector_input(g, c, "in_units", units.deviation));
  const auto input = [&](const char* name, std::int64_t width) {
    return g.input(name, DType::kF32, {1, rows, width});
  };
  c.after = input("after", d);
  c.has_after = g.input("has_after", DType::kF32, {1, rows});
  if (acts) {
    c.state = input("state", d);
    c.square = ops::multiply(g, c.has_after, residual(g, m, c.state, place, c.after));
    return c;
  }
  c.before = input("before", d);
  c.action_before = input("action_before", a);
  c.has_before = g.input("has_before", DType::kF32, {1, rows});
  c.action = input("action_after", a);
  c.square = ops::maximum(g, ops::multiply(g, c.has_before, residual(g, m, c.before, c.action_before, place)),
                          ops::multiply(g, c.has_after, residual(g, m, place, c.action, c.after)));
  return c;
}

void Evasion::load(const Constraint& c, graph::Plan& plan, Element element,
                   std::span<const std::int64_t> rows) const {
  const int next = c_.has_next ? kNext : kObservation;
  const auto put = [&](Tensor t, std::size_t i, std::span<const float> x) {
    std::ranges::copy(x, plan.data<float>(t) + i * x.size());
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    // The row whose transition leaves the state, and the one that leads to it.
    const std::int64_t out = element == Element::kDynamics ? rows[i] + 1 : rows[i], in = out - 1;
    const auto joined = [&](std::int64_t row) {  // to the row before it
      return row > 0 && row < c_.rows && !c_.begins[static_cast<std::size_t>(row)];
    };
    const bool leaves = (element != Element::kDynamics || joined(out)) && c_.is_transition(out);
    plan.data<float>(c.has_after)[i] = leaves ? 1.0f : 0.0f;
    if (leaves) put(c.after, i, c_.copy_to(out, next));
    if (element == Element::kActions) {
      put(c.state, i, c_.observation_of(out));
      continue;
    }
    if (leaves) put(c.action, i, c_.action_of(out));
    const bool leads = element == Element::kDynamics || joined(out);
    plan.data<float>(c.has_before)[i] = leads ? 1.0f : 0.0f;
    if (!leads) continue;
    put(c.before, i, c_.observation_of(in));
    put(c.action_before, i, c_.action_of(in));
  }
}

}  // namespace hardy::algorithms
