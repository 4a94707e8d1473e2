// hardy.ops: the engine's ops on values of an update's graph.
#include "algorithms/offline/actor_critic.h"
#include "algorithms/offline/formulas.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/concat.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "tools/python/native/native.h"
#include "tools/python/native/values.h"

namespace hardy::python {
namespace {

using namespace algorithms;

template <Tensor (*Op)(Graph&, Tensor, Tensor)>
Value binary(const Value& a, const Value& b) {
  require_one_graph(a, b);
  return like(a, Op(*a.graph, a.tensor, b.tensor));
}
template <Tensor (*Op)(Graph&, Tensor)>
Value unary(const Value& x) {
  return like(x, Op(*x.graph, x.tensor));
}
template <Tensor (*Op)(Graph&, Tensor, int)>
Value along(const Value& x, int axis) {
  return like(x, Op(*x.graph, x.tensor, axis));
}
Value affine(const Value& x, double scale, double shift) {
  return like(x, ops::affine(*x.graph, x.tensor, scale, shift));
}
Value number(const Value& x, double v) {
  return like(x, ops::fill(*x.graph, x.graph->type(x.tensor), x.graph->shape(x.tensor), v));
}
template <class Formula>
Value mapped(const Formula& formula, const Value& x) {
  return like(x, ops::map(*x.graph, formula, x.tensor));
}

void bind_arithmetic(nb::module_& m) {
  nb::class_<Value>(
      m, "Value",
      "A value of an update's graph: [agents, ...], float32. +, -, * and / work elementwise on two values "
      "whose axes are equal or 1, and on a value and a number.")
      .def_prop_ro(
          "shape",
          [](const Value& x) {
            std::vector<std::int64_t> d;
            const Shape& shape = x.graph->shape(x.tensor);
            for (int i = 0; i < shape.rank(); ++i) d.push_back(shape[i]);
            return d;
          },
          "Its axes' lengths, [agents, ...].")
      .def("__add__", &binary<ops::add>)
      .def("__sub__", &binary<ops::subtract>)
      .def("__mul__", &binary<ops::multiply>)
      .def("__truediv__", &binary<ops::divide>)
      .def("__add__", [](const Value& x, double v) { return affine(x, 1, v); })
      .def("__radd__", [](const Value& x, double v) { return affine(x, 1, v); })
      .def("__sub__", [](const Value& x, double v) { return affine(x, 1, -v); })
      .def("__rsub__", [](const Value& x, double v) { return affine(x, -1, v); })
      .def("__mul__", [](const Value& x, double v) { return affine(x, v, 0); })
      .def("__rmul__", [](const Value& x, double v) { return affine(x, v, 0); })
      .def("__truediv__", [](const Value& x, double v) { return affine(x, 1 / v, 0); })
      .def("__neg__", &unary<ops::negate>);
}

void bind_elementwise(nb::module_& o) {
  const auto x = nb::arg("x"), a = nb::arg("a"), b = nb::arg("b");
  o.def("minimum", &binary<ops::minimum>, a, b,
        "The smaller of a [...] and b [...], whose axes are equal or 1.");
  o.def("maximum", &binary<ops::maximum>, a, b,
        "The larger of a [...] and b [...], whose axes are equal or 1.");
  o.def("square", &unary<ops::square>, x, "x^2 of x [...].");
  o.def("exp", &unary<ops::exp>, x, "e^x of x [...].");
  o.def("log", &unary<ops::log>, x, "The natural logarithm of x [...].");
  o.def("softplus", &unary<ops::softplus>, x, "log(1 + e^x) of x [...].");
  o.def("relu", &unary<ops::relu>, x, "max(x, 0) of x [...].");
  o.def("tanh", &unary<ops::tanh>, x, "The hyperbolic tangent of x [...].");
  o.def("gelu", &unary<ops::gelu>, x, "x Phi(x) of x [...], Phi the normal distribution function.");
  o.def("silu", &unary<ops::silu>, x, "x / (1 + e^-x) of x [...].");
  o.def("stop_gradient", &unary<ops::stop_gradient>, x, "x [...], which no gradient goes through.");
  o.def(
      "abs", [](const Value& v) { return mapped(Magnitude{}, v); }, x, "|x| of x [...].");
  o.def(
      "sqrt", [](const Value& v) { return mapped(Root{}, v); }, x,
      "The square root of x [...]; its slope is held where x is below 1e-12.");
  o.def(
      "expectile", [](const Value& v, double tau) { return mapped(Expectile{tau}, v); }, x, nb::arg("tau"),
      "|tau - 1(x < 0)| x^2 of x [...]: the loss whose minimiser is the expectile tau in (0, 1) (Kostrikov "
      "et al. 2021).");
  o.def(
      "positive",
      [](const Value& v) {
        Graph& g = *v.graph;
        return like(v, ops::map(g, Exceeds{}, ops::relu(g, v.tensor), g.scalar(DType::kF32, 0)));
      },
      x, "1 where x [...] is above 0, else 0; no gradient goes through.");
  o.def(
      "clamp",
      [](const Value& v, double low, double high) {
        return like(v, ops::clamp(*v.graph, v.tensor, low, high));
      },
      x, nb::arg("low"), nb::arg("high"), "x [...] held to [low, high].");
  o.def("fill_like", &number, x, nb::arg("value"), "A number in every place of x's shape [...].");
}

void bind_reductions(nb::module_& o) {
  const auto x = nb::arg("x"), axis = nb::arg("axis");
  o.def("mean_per_agent", &unary<ops::mean_per_agent>, x,
        "The mean over all axes but the agents': x [A, ...] to [A].");
  o.def("sum_per_agent", &unary<ops::sum_per_agent>, x,
        "The sum over all axes but the agents': x [A, ...] to [A].");
  o.def("sum", &along<ops::sum>, x, axis,
        "The sum of x [...] over an axis, which stays with length 1 (-1 is the last).");
  o.def("mean", &along<ops::mean>, x, axis, "The mean of x [...] over an axis, which stays with length 1.");
  o.def("max", &along<ops::max>, x, axis,
        "The largest of x [...] over an axis, which stays with length 1; the gradient goes to the first of "
        "them.");
  o.def("min", &along<ops::min>, x, axis,
        "The smallest of x [...] over an axis, which stays with length 1; the gradient goes to the first of "
        "them.");
  o.def("logsumexp", &along<ops::logsumexp>, x, axis,
        "log sum e^x of x [...] over an axis, which stays with length 1.");
  o.def("unsqueeze", &along<ops::unsqueeze>, x, axis,
        "x with a new axis of length 1 before this one: [A, B] to [A, 1, B] for 1.");
  o.def("squeeze", &along<ops::squeeze>, x, axis,
        "x without this axis of length 1: [A, 1, B] to [A, B] for 1.");
  o.def(
      "concat",
      [](const Value& a, const Value& b) {
        require_one_graph(a, b);
        return like(a, ops::concat(*a.graph, a.tensor, b.tensor));
      },
      nb::arg("a"), nb::arg("b"), "a [..., m] and b [..., n] side by side: [..., m + n].");
  o.def(
      "slice",
      [](const Value& v, std::int64_t begin, std::int64_t end) {
        return like(v, ops::slice(*v.graph, v.tensor, begin, end));
      },
      x, nb::arg("begin"), nb::arg("end"),
      "The elements [begin, end) of the last axis of x: [..., n] to [..., end - begin].");
}

void bind_losses(nb::module_& o) {
  o.def(
      "smallest",
      [](const Value& members) { return like(members, smallest(*members.graph, members.tensor)); },
      nb::arg("members"), "The smallest over the members: [A, E, B] to [A, B].");
  o.def(
      "squared_errors",
      [](const Value& members, const Value& y) {
        require_one_graph(members, y);
        return like(members, squared_errors(*members.graph, members.tensor, y.tensor));
      },
      nb::arg("members"), nb::arg("y"),
      "sum_i mean_b (Q_i - y)^2 [A], for members Q [A, E, B] and y [A, B].");
  o.def(
      "bootstrap_target",
      [](const Value& rewards, const Value& terminals, const Value& next, double gamma) {
        return like(rewards, ops::map(*rewards.graph, BootstrapTarget{gamma}, rewards.tensor,
                                      terminals.tensor, next.tensor));
      },
      nb::arg("rewards"), nb::arg("terminals"), nb::arg("next"), nb::arg("gamma"),
      "r + gamma (1 - d) v' [A, B], for rewards r, terminals d and next values v', all [A, B]; gamma: the "
      "discount a step.");
}

}  // namespace

void bind_ops(nb::module_& m) {
  bind_arithmetic(m);
  nb::module_ o = m.def_submodule("ops", "The engine's ops on values of an update's graph.");
  bind_elementwise(o);
  bind_reductions(o);
  bind_losses(o);
}

}  // namespace hardy::python
