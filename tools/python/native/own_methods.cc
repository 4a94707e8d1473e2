// Methods that are written in Python: a class whose build() puts the update together from the engine's ops.
// What it builds is the same static graph as a C++ method's, and nothing of Python runs in a step.
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <variant>

#include "algorithms/learning/method.h"
#include "algorithms/offline/actor_critic.h"
#include "algorithms/offline/formulas.h"
#include "algorithms/offline/losses.h"
#include "engine/base/error.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/concat.h"
#include "engine/ops/pointwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/run/schema.h"
#include "tools/python/native/native.h"

namespace hardy::python {
namespace {

using namespace algorithms;

// A value of an update's graph. It lives as long as the learner that is being built.
struct Value {
  Graph* graph = nullptr;
  Tensor tensor;
};

Value like(const Value& x, Tensor t) { return {x.graph, t}; }
void require_one_graph(const Value& a, const Value& b) {
  if (a.graph != b.graph)
    throw Error("values of two updates cannot be put together", "ops", "each update draws its own batch");
}

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

// The networks of a policy, with the head that its method says.
struct PolicyParts {
  PolicySpec spec;
  PolicyNetworks networks;
};

Descent descent_of(double learning_rate, double polyak, std::optional<double> clip_norm) {
  Descent d{.learning_rate = nn::Schedule::constant(learning_rate), .polyak = polyak};
  d.clip_norm = clip_norm;
  return d;
}

RandomStream stream_named(const std::string& name) {
  static const std::map<std::string, RandomStream> streams{{"noise", RandomStream::kNoise},
                                                           {"next_noise", RandomStream::kNextNoise}};
  const auto found = streams.find(name);
  if (found == streams.end()) throw Error("is no stream", "'" + name + "'", "'noise' or 'next_noise'");
  return found->second;
}

// A method whose settings and networks a Python object says.
class PythonMethod final : public Method {
 public:
  // Called with the interpreter's lock, or takes it.
  explicit PythonMethod(const nb::object& make) {
    const nb::gil_scoped_acquire ours;
    self_ = make();
    const nb::dict defaults = nb::cast<nb::dict>(self_.attr("settings"));
    for (const auto& [key, value] : defaults) {
      Setting s;
      if (nb::isinstance<nb::bool_>(value))
        s = nb::cast<bool>(value);
      else if (nb::isinstance<nb::int_>(value))
        s = nb::cast<std::int64_t>(value);
      else if (nb::isinstance<nb::float_>(value))
        s = nb::cast<double>(value);
      else if (nb::isinstance<nb::str>(value))
        s = nb::cast<std::string>(value);
      else
        s = nb::cast<std::vector<std::int64_t>>(value);
      settings_[nb::cast<std::string>(key)] = s;
    }
    if (!settings_.contains("batch_size")) settings_["batch_size"] = std::int64_t{256};
    if (!settings_.contains("hidden")) settings_["hidden"] = std::vector<std::int64_t>{256, 256};
    if (!settings_.contains("normalise")) settings_["normalise"] = false;
  }
  ~PythonMethod() override {
    const nb::gil_scoped_acquire ours;
    self_.reset();
  }

  void options(run::Schema& schema) override {
    for (auto& [key, value] : settings_)
      std::visit(
          [&, &name = key](auto& v) {
            using V = std::decay_t<decltype(v)>;
            if constexpr (std::is_same_v<V, std::vector<std::int64_t>>)
              schema.option(name, &v, "a setting of this method", 1, 1 << 20);
            else if constexpr (std::is_same_v<V, std::int64_t>)
              schema.option(name, &v, "a setting of this method",
                            name == "batch_size" ? 1 : std::numeric_limits<std::int64_t>::min());
            else
              schema.option(name, &v, "a setting of this method");
          },
          value);
  }
  std::int64_t batch_size() const override { return std::get<std::int64_t>(settings_.at("batch_size")); }
  bool normalises_observations() const override { return std::get<bool>(settings_.at("normalise")); }
  PolicySpec policy(int observation_size, int action_size) const override {
    const nb::gil_scoped_acquire ours;
    PolicySpec spec;
    spec.head = head_named(nb::cast<std::string>(self_.attr("head")));
    spec.observation_size = observation_size, spec.action_size = action_size;
    spec.hidden = hidden_layers(std::get<std::vector<std::int64_t>>(settings_.at("hidden")));
    return spec;
  }
  void build(Learner& learner, const DataSource& data) const override;

 private:
  using Setting = std::variant<double, std::int64_t, bool, std::string, std::vector<std::int64_t>>;

  nb::object self_;
  std::map<std::string, Setting> settings_;
};

// A step's rows, as values of the update that asked for them.
struct Rows {
  Batch batch;
  Graph* graph;
};
template <Tensor Batch::*Column>
Value column(const Rows& rows) {
  return {rows.graph, rows.batch.*Column};
}

// What build() is given.
struct Builder {
  Learner& learner;
  const DataSource& data;
  const PythonMethod& method;
};

void PythonMethod::build(Learner& learner, const DataSource& data) const {
  const nb::gil_scoped_acquire ours;
  nb::dict now;
  for (const auto& [key, value] : settings_)
    std::visit([&, &name = key](const auto& v) { now[name.c_str()] = nb::cast(v); }, value);
  self_.attr("settings") = now;
  Builder builder{learner, data, *this};
  self_.attr("build")(nb::cast(&builder, nb::rv_policy::reference));
}

}  // namespace

void bind_own_methods(nb::module_& m) {
  nb::class_<Value>(m, "Value", "A value of an update's graph: [agents, ...], float32.")
      .def_prop_ro("shape",
                   [](const Value& x) {
                     std::vector<std::int64_t> d;
                     const Shape& shape = x.graph->shape(x.tensor);
                     for (int i = 0; i < shape.rank(); ++i) d.push_back(shape[i]);
                     return d;
                   })
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

  nb::class_<Network>(m, "Network").def_ro("name", &Network::name);
  nb::class_<PolicyParts>(m, "PolicyParts")
      .def(
          "act",
          [](const PolicyParts& p, Update& u, const Value& observations, const std::string& draws) {
            Tensor noise;
            if (!draws.empty()) {
              const Shape& shape = u.graph().shape(observations.tensor);
              noise =
                  u.normal({u.agents(), shape[shape.rank() - 2], p.spec.action_size}, stream_named(draws));
            }
            const Tensor log_std =
                p.networks.log_std.tensors.empty() ? Tensor{} : u.parameter(p.networks.log_std, 0);
            return Value{&u.graph(),
                         act_through(u.graph(), p.spec.head, u.apply(p.networks.net, observations.tensor),
                                     log_std, noise, p.spec.log_std_low)
                             .action};
          },
          nb::arg("update"), nb::arg("observations"), nb::arg("draws") = "");

  nb::class_<Rows>(
      m, "Rows",
      "A step's rows: s [A, B, obs], a [A, B, act] in [-1, 1], r [A, B], s', and 1 where s' is terminal.")
      .def_prop_ro("observations", &column<&Batch::observations>)
      .def_prop_ro("actions", &column<&Batch::actions>)
      .def_prop_ro("rewards", &column<&Batch::rewards>)
      .def_prop_ro("next_observations", &column<&Batch::next_observations>)
      .def_prop_ro("terminals", &column<&Batch::terminals>)
      .def("__len__", [](const Rows& r) { return r.batch.rows; });

  nb::class_<Update>(m, "Update")
      .def_prop_ro("agents", &Update::agents)
      .def("every", [](Update& u, std::int64_t n) { u.every(n); })
      .def("apply",
           [](Update& u, const Network& network, const Value& x) {
             return Value{&u.graph(), u.apply(network, x.tensor)};
           })
      .def("values_of",
           [](Update& u, const Network& q, const Value& observations, const Value& actions) {
             return Value{&u.graph(), member_values(u, q, observations.tensor, actions.tensor)};
           })
      .def(
          "minimise",
          [](Update& u, const std::string& name, const Value& loss, const std::vector<Network>& networks,
             double learning_rate, double polyak, std::optional<double> clip_norm) {
            const Descent d = descent_of(learning_rate, polyak, clip_norm);
            switch (networks.size()) {
              case 1:
                return u.minimise(name, loss.tensor, {networks[0]}, d);
              case 2:
                return u.minimise(name, loss.tensor, {networks[0], networks[1]}, d);
              case 3:
                return u.minimise(name, loss.tensor, {networks[0], networks[1], networks[2]}, d);
              default:
                throw Error("moves " + std::to_string(networks.size()) + " networks", "loss '" + name + "'",
                            "1 to 3");
            }
          },
          nb::arg("name"), nb::arg("loss"), nb::arg("networks"), nb::arg("learning_rate") = 3e-4,
          nb::arg("polyak") = 0.0, nb::arg("clip_norm") = nb::none())
      .def(
          "imitate",
          [](Update& u, const PolicyParts& p, const Rows& rows, std::optional<Value> weights,
             double learning_rate) {
            minimise_policy(u, p.spec, p.networks, rows.batch, weights ? weights->tensor : Tensor{},
                            descent_of(learning_rate, 0, {}));
          },
          nb::arg("policy"), nb::arg("rows"), nb::arg("weights") = nb::none(),
          nb::arg("learning_rate") = 3e-4)
      .def("report", [](Update& u, const std::string& name, const Value& per_agent) {
        u.report(name, per_agent.tensor);
      });

  nb::class_<Builder>(m, "Builder")
      .def(
          "update", [](Builder& b, const std::string& name) { return &b.learner.update(name); },
          nb::rv_policy::reference)
      .def("policy",
           [](Builder& b) {
             const PolicySpec spec = b.method.policy(b.data.observation_size(), b.data.action_size());
             return PolicyParts{spec, add_policy(b.learner, spec)};
           })
      .def(
          "network",
          [](Builder& b, const std::string& name, std::int64_t inputs, std::vector<std::int64_t> hidden,
             std::int64_t outputs, std::int64_t members) {
            nn::MlpSpec spec;
            spec.widths = layer_widths(inputs, hidden_layers(hidden), outputs);
            spec.members = members;
            return b.learner.network(name, spec);
          },
          nb::arg("name"), nb::arg("inputs"), nb::arg("hidden"), nb::arg("outputs") = 1,
          nb::arg("members") = 1)
      .def("target_of", [](Builder& b, const Network& n) { return b.learner.target_of(n); })
      .def("batch",
           [](Builder& b, Update& u) {
             return Rows{b.data.batch(u), &u.graph()};
           })
      .def_prop_ro("observation_size", [](const Builder& b) { return b.data.observation_size(); })
      .def_prop_ro("action_size", [](const Builder& b) { return b.data.action_size(); });

  nb::module_ o = m.def_submodule("ops", "The engine's ops on values of an update's graph.");
  o.def("minimum", &binary<ops::minimum>);
  o.def("maximum", &binary<ops::maximum>);
  o.def("square", &unary<ops::square>);
  o.def("exp", &unary<ops::exp>);
  o.def("log", &unary<ops::log>);
  o.def("softplus", &unary<ops::softplus>);
  o.def("relu", &unary<ops::relu>);
  o.def("tanh", &unary<ops::tanh>);
  o.def("gelu", &unary<ops::gelu>);
  o.def("silu", &unary<ops::silu>);
  o.def("stop_gradient", &unary<ops::stop_gradient>);
  o.def("mean_per_agent", &unary<ops::mean_per_agent>);
  o.def("sum_per_agent", &unary<ops::sum_per_agent>);
  o.def("sum", &along<ops::sum>);
  o.def("mean", &along<ops::mean>);
  o.def("max", &along<ops::max>);
  o.def("min", &along<ops::min>);
  o.def("logsumexp", &along<ops::logsumexp>);
  o.def("unsqueeze", &along<ops::unsqueeze>);
  o.def("squeeze", &along<ops::squeeze>);
  o.def("fill_like", &number);
  o.def("clamp", [](const Value& x, double low, double high) {
    return like(x, ops::clamp(*x.graph, x.tensor, low, high));
  });
  o.def("concat", [](const Value& a, const Value& b) {
    require_one_graph(a, b);
    return like(a, ops::concat(*a.graph, a.tensor, b.tensor));
  });
  o.def("slice", [](const Value& x, std::int64_t begin, std::int64_t end) {
    return like(x, ops::slice(*x.graph, x.tensor, begin, end));
  });
  o.def("smallest",
        [](const Value& members) { return like(members, smallest(*members.graph, members.tensor)); });
  o.def("squared_errors", [](const Value& members, const Value& y) {
    require_one_graph(members, y);
    return like(members, squared_errors(*members.graph, members.tensor, y.tensor));
  });
  o.def("abs", [](const Value& x) { return like(x, ops::map(*x.graph, Magnitude{}, x.tensor)); });
  o.def("sqrt", [](const Value& x) { return like(x, ops::map(*x.graph, Root{}, x.tensor)); });
  o.def("expectile",
        [](const Value& x, double tau) { return like(x, ops::map(*x.graph, Expectile{tau}, x.tensor)); });
  o.def("positive", [](const Value& x) {
    Graph& g = *x.graph;
    return like(x, ops::map(g, Exceeds{}, ops::relu(g, x.tensor), g.scalar(DType::kF32, 0)));
  });
  o.def("bootstrap_target",
        [](const Value& rewards, const Value& terminals, const Value& next, double gamma) {
          return like(rewards, ops::map(*rewards.graph, BootstrapTarget{gamma}, rewards.tensor,
                                        terminals.tensor, next.tensor));
        });

  m.def("register_method", [](const std::string& name, const std::string& summary, nb::object make) {
    if (methods().find(name))
      throw Error("is the name of a method that there is", "'" + name + "'", "choose another");
    const auto* kept = new nb::object(std::move(make));  // for good: the registry outlives the interpreter
    methods().add(name, {summary, [kept]() -> std::unique_ptr<Method> {
                           return std::make_unique<PythonMethod>(*kept);
                         }});
  });
}

}  // namespace hardy::python
