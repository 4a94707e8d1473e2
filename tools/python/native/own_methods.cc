// Methods that are written in Python: a class whose build() puts the update together from the engine's ops.
// What it builds is the same static graph as a C++ method's, and nothing of Python runs in a step.
#include <map>
#include <memory>
#include <variant>

#include "algorithms/learning/method.h"
#include "algorithms/offline/actor_critic.h"
#include "algorithms/offline/losses.h"
#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/run/schema.h"
#include "tools/python/native/native.h"
#include "tools/python/native/values.h"

namespace hardy::python {
namespace {

using namespace algorithms;

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
  nb::class_<Network>(m, "Network", "Parameters of a network, with a copy for each agent (and member).")
      .def_ro("name", &Network::name, "As it is called in checkpoints.");
  nb::class_<PolicyParts>(m, "PolicyParts", "The networks of a policy, with the head that its method says.")
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
          nb::arg("update"), nb::arg("observations"), nb::arg("draws") = "",
          "Actions [A, B, act] in [-1, 1] of an update for observations [A, B, obs]: the mode, or with draws "
          "(\"noise\" or "
          "\"next_noise\", one stream for each use in a step) samples.");

  nb::class_<Rows>(
      m, "Rows",
      "A step's rows: s [A, B, obs], a [A, B, act] in [-1, 1], r [A, B], s', and 1 where s' is terminal.")
      .def_prop_ro("observations", &column<&Batch::observations>,
                   "s [A, B, obs], standardised where the run does that.")
      .def_prop_ro("actions", &column<&Batch::actions>, "a [A, B, act], in [-1, 1].")
      .def_prop_ro("rewards", &column<&Batch::rewards>, "r [A, B].")
      .def_prop_ro("next_observations", &column<&Batch::next_observations>, "s' [A, B, obs].")
      .def_prop_ro("terminals", &column<&Batch::terminals>, "1 where s' is terminal, else 0 [A, B].")
      .def("__len__", [](const Rows& r) { return r.batch.rows; });

  nb::class_<Update>(m, "Update",
                     "One of the updates of a training step, which run in the order they were made in.")
      .def_prop_ro("agents", &Update::agents, "A, the number of seeds that are trained together.")
      .def(
          "every", [](Update& u, std::int64_t n) { u.every(n); }, nb::arg("n"),
          "Runs at every n-th step only.")
      .def(
          "apply",
          [](Update& u, const Network& network, const Value& x) {
            return Value{&u.graph(), u.apply(network, x.tensor)};
          },
          nb::arg("network"), nb::arg("x"),
          "A network's outputs [A, B, outputs], of E members [A, E, B, outputs], for x [A, B, inputs].")
      .def(
          "values_of",
          [](Update& u, const Network& q, const Value& observations, const Value& actions) {
            return Value{&u.graph(), member_values(u, q, observations.tensor, actions.tensor)};
          },
          nb::arg("q"), nb::arg("observations"), nb::arg("actions"),
          "Q_i(s, a) of all members of q [A, E, B], for observations [A, B, obs] and actions [A, B, act].")
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
          nb::arg("polyak") = 0.0, nb::arg("clip_norm") = nb::none(),
          "Adam's step for a loss [A] on 1 to 3 networks. learning_rate: its size. polyak: tau of their "
          "targets, "
          "theta' <- (1 - tau) theta' + tau theta. clip_norm: the gradient's greatest length. name: the loss "
          "is "
          "reported as loss/name.")
      .def(
          "imitate",
          [](Update& u, const PolicyParts& p, const Rows& rows, std::optional<Value> weights,
             double learning_rate) {
            minimise_policy(u, p.spec, p.networks, rows.batch, weights ? weights->tensor : Tensor{},
                            descent_of(learning_rate, 0, {}));
          },
          nb::arg("policy"), nb::arg("rows"), nb::arg("weights") = nb::none(),
          nb::arg("learning_rate") = 3e-4,
          "Adam's step of the policy towards the actions of these rows: the mean of weights [A, B] (none: 1) "
          "times "
          "-log pi(a|s), or of a deterministic head the squared distance. learning_rate: the step's size.")
      .def(
          "report",
          [](Update& u, const std::string& name, const Value& per_agent) {
            u.report(name, per_agent.tensor);
          },
          nb::arg("name"), nb::arg("per_agent"),
          "Writes per_agent [A] to the run's metrics, under this name.");

  nb::class_<Builder>(m, "Builder", "What OwnMethod.build() puts its method together with.")
      .def(
          "update", [](Builder& b, const std::string& name) { return &b.learner.update(name); },
          nb::arg("name"), nb::rv_policy::reference,
          "A new update, that runs at each step after those before it; name: "
          "that of its part of the step.")
      .def(
          "policy",
          [](Builder& b) {
            const PolicySpec spec = b.method.policy(b.data.observation_size(), b.data.action_size());
            return PolicyParts{spec, add_policy(b.learner, spec)};
          },
          "The policy's networks [obs] -> [act], with the method's head and its setting `hidden`.")
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
          nb::arg("members") = 1,
          "A multilayer perceptron [inputs] -> [outputs] with ReLU layers of the widths `hidden`, of so many "
          "members "
          "that differ by their first weights; name: as checkpoints call it.")
      .def(
          "target_of", [](Builder& b, const Network& n) { return b.learner.target_of(n); },
          nb::arg("network"), "A copy of a network that follows it by the polyak of what minimises it.")
      .def(
          "batch",
          [](Builder& b, Update& u) {
            return Rows{b.data.batch(u), &u.graph()};
          },
          nb::arg("update"),
          "The step's rows for an update: the same B = batch_size rows for all updates of a step.")
      .def_prop_ro(
          "observation_size", [](const Builder& b) { return b.data.observation_size(); },
          "obs, numbers of an observation.")
      .def_prop_ro(
          "action_size", [](const Builder& b) { return b.data.action_size(); }, "act, numbers of an action.");

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
