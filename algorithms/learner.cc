#include "algorithms/learner.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/ops/arithmetic.h"
#include "engine/ops/random.h"

namespace hardy::algorithms {
namespace {

// A network's draws must not depend on the order in which networks are built.
std::uint64_t hash_of(const std::string& name) {
  std::uint64_t h = 1469598103934665603u;  // FNV-1a
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return h;
}

}  // namespace

// ---------------------------------------------------------------------------------------- Update

Update::Update(Learner& learner, std::string name) : learner_(learner), name_(std::move(name)) {
  seeds_ = graph_.input("seeds", DType::kI32, {learner.agents(), 2});
  step_ = graph_.shared_input("step", DType::kI32, {1, 2});
}

Tensor Update::normal(const Shape& shape, Stream stream) {
  return ops::random_normal(graph_, shape, seeds_, step_, stream);
}

Tensor Update::indices(std::int64_t n, Tensor limit, Stream stream) {
  return ops::random_index(graph_, n, limit, seeds_, step_, stream);
}

Tensor Update::parameter(const Network& network, std::size_t tensor) {
  const int index = network.tensors[tensor];
  const auto found = parameters_.find(index);
  if (found != parameters_.end()) return found->second;
  const nn::TensorSpec& spec = learner_.specs_[static_cast<std::size_t>(index)];
  return parameters_[index] = graph_.parameter(spec.name, DType::kF32, spec.shape);
}

Tensor Update::apply(const Network& network, Tensor x) {
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < network.tensors.size(); ++i) tensors.push_back(parameter(network, i));
  return nn::apply_mlp(graph_, network.spec, tensors, x, network.name);
}

Tensor Update::state(const std::string& name, float start) {
  std::vector<float>& values = learner_.state_values_[name];
  values.assign(static_cast<std::size_t>(learner_.agents()), start);
  states_.push_back({name, graph_.input(name, DType::kF32, {learner_.agents()}), {}, &values});
  return states_.back().now;
}

void Update::set_state(const std::string& name, Tensor next) {
  for (StateSlot& s : states_)
    if (s.name == name) s.next = next;
}

void Update::minimise(const std::string& name, Tensor loss, std::initializer_list<Network> networks,
                      const Descent& descent) {
  if (!(graph_.shape(loss) == Shape{learner_.agents()}))
    graph_.shape_error("minimise", "a loss must hold one number per agent", {loss});
  groups_.push_back({name, loss, networks, descent});
}

void Update::report(const std::string& name, Tensor per_agent) { reports_.push_back({name, per_agent}); }

// --------------------------------------------------------------------------------------- Learner

Learner::Learner(std::vector<std::uint64_t> seeds)
    : seeds_(std::move(seeds)),
      store_(static_cast<std::int64_t>(seeds_.size())),
      active_(seeds_.size(), 1),
      stop_reason_(seeds_.size()) {
  if (seeds_.empty()) throw Error("a learner needs at least one agent");
  for (const std::uint64_t s : seeds_) {
    seed_words_.push_back(static_cast<std::int32_t>(static_cast<std::uint32_t>(s)));
    seed_words_.push_back(static_cast<std::int32_t>(static_cast<std::uint32_t>(s >> 32)));
  }
}

Network Learner::network(const std::string& name, const nn::MlpSpec& spec) {
  Network network{name, spec, {}, false};
  for (const nn::TensorSpec& t : nn::mlp_tensors(name, spec, agents())) {
    network.tensors.push_back(store_.add(t.name, t.shape));
    specs_.push_back(t);
  }
  return network;
}

Network Learner::vector(const std::string& name, std::int64_t size, float start) {
  const Shape shape{agents(), size};
  specs_.push_back({name, shape, size, size, 0, nn::Initialiser::constant(start)});
  return {name, {}, {store_.add(name, shape)}, false};
}

Network Learner::target_of(const Network& network) {
  Network target{network.name + "_target", network.spec, {}, true};
  for (const int t : network.tensors) {
    nn::TensorSpec spec = specs_[static_cast<std::size_t>(t)];
    spec.name = target.name + spec.name.substr(network.name.size());
    target.tensors.push_back(store_.add(spec.name, spec.shape));
    specs_.push_back(spec);
  }
  targets_.emplace_back(network.tensors, target.tensors);
  return target;
}

Update& Learner::update(const std::string& name) {
  updates_.push_back(std::make_unique<Update>(*this, name));
  return *updates_.back();
}

void Learner::finish() {
  store_.allocate();
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    const nn::TensorSpec& spec = specs_[i];
    const std::int64_t members = std::max<std::int64_t>(spec.members, 1);
    for (std::int64_t a = 0; a < agents(); ++a) {
      const std::span<float> all = store_.agent(static_cast<int>(i), a);
      const std::size_t each = all.size() / static_cast<std::size_t>(members);
      for (std::int64_t m = 0; m < members; ++m) {
        const Random draws(seeds_[static_cast<std::size_t>(a)], Stream::kInit,
                           hash_of(spec.name) + static_cast<std::uint64_t>(m));
        nn::initialise(all.subspan(static_cast<std::size_t>(m) * each, each), spec.fan_in, spec.fan_out,
                       spec.start, draws);
      }
    }
  }
  for (const auto& [from, to] : targets_)
    for (std::size_t i = 0; i < from.size(); ++i)
      for (std::int64_t a = 0; a < agents(); ++a)
        std::ranges::copy(store_.agent(from[i], a), store_.agent(to[i], a).begin());
  for (auto& u : updates_) plan(*u);
}

void Learner::plan(Update& u) {
  Graph& g = u.graph_;
  std::vector<Tensor> outputs;
  std::vector<std::pair<Tensor, void*>> places;
  std::vector<nn::Segment> segments;
  std::vector<nn::GroupSettings> settings;

  for (const Update::Group& group : u.groups_) {
    std::vector<int> indices;
    std::vector<Tensor> wrt;
    for (const Network& network : group.networks)
      for (std::size_t i = 0; i < network.tensors.size(); ++i) {
        indices.push_back(network.tensors[i]);
        wrt.push_back(u.parameter(network, i));
      }
    const std::vector<Tensor> gradients = graph::differentiate(g, group.loss, wrt);
    nn::GroupSettings rule = group.descent.rule;
    rule.polyak = group.descent.polyak;
    settings.push_back(rule);
    for (std::size_t i = 0; i < wrt.size(); ++i) {
      if (!gradients[i])
        throw Error("the loss does not depend on this parameter", g.describe(wrt[i]),
                    "drop it from minimise()");
      const int index = indices[i];
      outputs.push_back(gradients[i]);
      places.emplace_back(gradients[i], store_.gradient(index));
      float* target = nullptr;
      for (const auto& [from, to] : targets_)
        for (std::size_t k = 0; k < from.size(); ++k)
          if (from[k] == index && rule.polyak > 0) target = store_.value(to[k]);
      segments.push_back({store_.value(index), store_.gradient(index), store_.first_moment(index),
                          store_.second_moment(index), target, agents(),
                          g.shape(wrt[i]).elements() / agents(), static_cast<int>(settings.size() - 1)});
    }
    outputs.push_back(group.loss);
  }
  for (const Update::StateSlot& s : u.states_)
    if (s.next) outputs.push_back(s.next);
  for (const Update::Report& r : u.reports_) outputs.push_back(r.value);

  u.plan_ = std::make_unique<graph::Plan>(g, outputs, graph::PlanOptions{.agents = agents()});
  u.plan_->bind(u.seeds_, seed_words_.data());
  u.plan_->bind(u.step_, step_words_);
  for (const auto& [index, tensor] : u.parameters_) u.plan_->bind(tensor, store_.value(index));
  for (const auto& [tensor, memory] : places) u.plan_->bind(tensor, memory);
  for (const Update::StateSlot& s : u.states_) u.plan_->bind(s.now, s.values->data());
  for (const Update::Group& group : u.groups_) u.plan_->raw(group.loss);
  for (const Update::StateSlot& s : u.states_)
    if (s.next) u.plan_->raw(s.next);
  for (const Update::Report& r : u.reports_) u.plan_->raw(r.value);
  u.optimiser_ = std::make_unique<nn::Optimiser>(std::move(segments), std::move(settings));
  u.rates_.resize(u.groups_.size());
}

void Learner::bind(Update& update, Tensor input, void* memory) { update.plan_->bind(input, memory); }

void Learner::stop_agents_with_bad_losses(Update& u, ThreadTeam& team) {
  for (const Update::Group& group : u.groups_) {
    const float* loss = u.plan_->data<float>(group.loss);
    for (std::int64_t a = 0; a < agents(); ++a) {
      if (!active(a) || std::isfinite(loss[a])) continue;
      const std::string op = u.plan_->find_non_finite(team, a, agents());
      active_[static_cast<std::size_t>(a)] = 0;
      stop_reason_[static_cast<std::size_t>(a)] = "loss " + group.name + " is not finite at step " +
                                                  std::to_string(step_ + 1) + ", first in " +
                                                  (op.empty() ? "the loss itself" : op);
    }
  }
}

void Learner::step(ThreadTeam& team) {
  const auto t = static_cast<std::uint64_t>(step_);
  step_words_[0] = static_cast<std::int32_t>(static_cast<std::uint32_t>(t));
  step_words_[1] = static_cast<std::int32_t>(static_cast<std::uint32_t>(t >> 32));
  for (auto& update : updates_) {
    Update& u = *update;
    u.plan_->run(team);
    stop_agents_with_bad_losses(u, team);
    for (std::size_t i = 0; i < u.groups_.size(); ++i)
      u.rates_[i] = u.groups_[i].descent.learning_rate.at(step_);
    u.optimiser_->step(step_ + 1, u.rates_, active_, team);
    for (Update::StateSlot& s : u.states_) {
      if (!s.next) continue;
      const float* next = u.plan_->data<float>(s.next);
      for (std::size_t a = 0; a < active_.size(); ++a)
        if (active_[a]) (*s.values)[a] = next[a];
    }
  }
  ++step_;
}

std::map<std::string, std::vector<double>> Learner::reports() const {
  std::map<std::string, std::vector<double>> values;
  const auto read = [&](const Update& u, Tensor t) {
    const float* x = u.plan_->data<float>(t);
    return std::vector<double>(x, x + agents());
  };
  for (const auto& u : updates_) {
    for (const Update::Group& group : u->groups_) values["loss/" + group.name] = read(*u, group.loss);
    for (const Update::Report& r : u->reports_) values[r.name] = read(*u, r.value);
  }
  return values;
}

Learner::State Learner::state() const { return {step_, active_, stop_reason_, state_values_}; }

void Learner::restore(const State& state) {
  if (state.active.size() != active_.size()) throw Error("the state is of another number of agents");
  step_ = state.step;
  active_ = state.active;
  stop_reason_ = state.stop_reason;
  for (auto& [name, values] : state_values_) {
    const auto found = state.values.find(name);
    if (found == state.values.end() || found->second.size() != values.size())
      throw Error("the state lacks this value", name);
    std::ranges::copy(found->second, values.begin());  // in place: graphs read this memory
  }
}

std::string Learner::describe_plans() const {
  std::string text;
  for (const auto& u : updates_) text += u->name_ + "\n" + u->plan_->describe();
  return text;
}

}  // namespace hardy::algorithms
