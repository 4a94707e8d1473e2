#include "algorithms/learning/learner.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

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

std::int64_t Update::agents() const { return learner_.agents(); }

Update& Update::every(std::int64_t n) {
  if (n < 1) throw Error("an update runs every n-th step, n >= 1", "update " + name_);
  every_ = n;
  return *this;
}

Tensor Update::table(const std::string& name, DType type, const Shape& shape, void* memory, bool shared) {
  const Tensor t = shared ? graph_.shared_input(name, type, shape) : graph_.input(name, type, shape);
  tables_.push_back({t, memory});
  return t;
}

void Update::follow(std::initializer_list<Network> networks, double polyak) {
  following_.push_back({networks, polyak});
}

void Update::report(const std::string& name, Tensor per_agent) { reports_.push_back({name, per_agent}); }

// --------------------------------------------------------------------------------------- Learner

Learner::Learner(std::vector<std::uint64_t> seeds, device::Device* device)
    : seeds_(std::move(seeds)),
      store_(static_cast<std::int64_t>(seeds_.size())),
      active_(seeds_.size(), 1),
      stop_reason_(seeds_.size()) {
  if (seeds_.empty()) throw Error("a learner needs at least one agent");
  for (const std::uint64_t s : seeds_) {
    seed_words_.push_back(static_cast<std::int32_t>(static_cast<std::uint32_t>(s)));
    seed_words_.push_back(static_cast<std::int32_t>(static_cast<std::uint32_t>(s >> 32)));
  }
  if (device) device_ = std::make_unique<LearnerDevice>(*device, agents());
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
  if (!updates_.empty() && std::ranges::none_of(updates_, [](const auto& u) { return u->every_ == 1; }))
    throw Error("no update runs at every step", "learner", "let one of them do so");
  store_.allocate();
  if (device_) device_->mirror().device().require(4 * store_.values().size_bytes());  // before any work
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
  if (device_) device_->mirror().device().require(device_bytes());
  for (auto& u : updates_)
    for (const Update::Table& t : u->tables_) bind(*u, t.value, t.memory);
}

float* Learner::target_of(int tensor) {
  for (const auto& [from, to] : targets_)
    for (std::size_t k = 0; k < from.size(); ++k)
      if (from[k] == tensor) return store_.value(to[k]);
  return nullptr;
}

void Learner::plan(Update& u) {
  Graph& g = u.graph_;
  std::vector<Tensor> outputs;
  std::vector<std::pair<Tensor, float*>> places;
  std::vector<nn::Segment>& segments = u.segments_;
  std::vector<nn::GroupSettings>& settings = u.settings_;
  std::vector<int> descending;
  if (device_) place(slabs().data(), slabs().size());  // as one piece

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
      descending.push_back(index);
      outputs.push_back(gradients[i]);
      places.emplace_back(gradients[i], store_.gradient(index));
      float* const target = rule.polyak > 0 ? target_of(index) : nullptr;
      const std::int64_t elements = g.shape(wrt[i]).elements();
      const auto n = static_cast<std::size_t>(elements);
      segments.push_back({place(store_.value(index), n), place(store_.gradient(index), n),
                          place(store_.first_moment(index), n), place(store_.second_moment(index), n),
                          target ? place(target, n) : nullptr, agents(), elements / agents(),
                          static_cast<int>(settings.size() - 1)});
    }
    outputs.push_back(group.loss);
  }
  for (const Update::Following& f : u.following_) {
    settings.push_back({.rule = nn::GroupSettings::Rule::kStay, .polyak = f.polyak});
    for (const Network& network : f.networks)
      for (const int index : network.tensors) {
        float* const target = target_of(index);
        if (!target || std::ranges::find(descending, index) != descending.end())
          throw Error(target ? "it descends in this update: Descent::polyak moves its target"
                             : "it has no target that could follow",
                      "network " + network.name);
        const std::int64_t elements = store_.shape(index).elements();
        const auto n = static_cast<std::size_t>(elements);
        segments.push_back({place(store_.value(index), n), nullptr, nullptr, nullptr, place(target, n),
                            agents(), elements / agents(), static_cast<int>(settings.size() - 1)});
      }
  }
  for (const Update::StateSlot& s : u.states_)
    if (s.next) outputs.push_back(s.next);
  for (const Update::Report& r : u.reports_) outputs.push_back(r.value);

  u.plan_ = std::make_unique<graph::Plan>(
      g, outputs,
      graph::PlanOptions{.agents = agents(), .device = device_ ? &device_->mirror().device() : nullptr});
  bind(u, u.seeds_, seed_words_.data());
  if (device_) {
    u.plan_->bind(u.step_, device_->memory().step);
    u.host_[u.step_.id] = step_words_;
  } else {
    u.plan_->bind(u.step_, step_words_);
  }
  for (const auto& [index, tensor] : u.parameters_) bind(u, tensor, store_.value(index));
  for (const auto& [tensor, memory] : places) bind(u, tensor, memory);
  for (const Update::StateSlot& s : u.states_) bind(u, s.now, s.values->data());
  if (!device_) make_optimiser(u);
}

void Learner::make_optimiser(Update& u) {
  for (const Update::Group& group : u.groups_) u.plan_->raw(group.loss);
  for (const Update::StateSlot& s : u.states_)
    if (s.next) u.plan_->raw(s.next);
  for (const Update::Report& r : u.reports_) u.plan_->raw(r.value);
  u.optimiser_ = std::make_unique<nn::Optimiser>(u.segments_, u.settings_);
  u.rates_.resize(u.settings_.size());
}

void Learner::bind(Update& update, Tensor input, void* memory) {
  const graph::ValueInfo& info = update.graph_.info(input);
  const std::size_t bytes = static_cast<std::size_t>(info.shape.elements()) * size_of(info.type);
  update.host_[input.id] = memory;
  update.plan_->bind(input, place(static_cast<std::byte*>(memory), bytes));
}

// `finite`: the loss is, its gradient is not.
std::string Learner::reason(const std::string& loss, bool finite, std::uint64_t step, const std::string& op) {
  return (finite ? "a gradient of loss " : "loss ") + loss + " is not finite at step " +
         std::to_string(step) + ", first in " +
         (!op.empty() ? op
          : finite    ? "the gradient itself"
                      : "the loss itself");
}

// As the gate of a device does (engine/nn/device_descent.h).
void Learner::stop_broken_agents(Update& u, ThreadTeam& team) {
  const std::span<const std::uint8_t> broken = u.optimiser_->broken_gradients(active_, team);
  for (std::size_t g = 0; g < u.groups_.size(); ++g) {
    const Update::Group& group = u.groups_[g];
    const float* loss = u.plan_->data<float>(group.loss);
    for (std::int64_t a = 0; a < agents(); ++a) {
      const bool finite = std::isfinite(loss[a]);
      const std::size_t cell = g * active_.size() + static_cast<std::size_t>(a);
      if (!active(a) || (finite && !broken[cell])) continue;
      const std::string op = u.plan_->find_non_finite(team, a, agents());
      active_[static_cast<std::size_t>(a)] = 0;
      stop_reason_[static_cast<std::size_t>(a)] =
          reason(group.name, finite, static_cast<std::uint64_t>(step_ + 1), op);
    }
  }
}

void Learner::step(ThreadTeam& team) {
  if (device_) {
    if (!updates_.front()->descent_) begin_on_device();
    std::uint64_t kind = 0;
    for (std::size_t i = 0; i < updates_.size(); ++i) kind |= std::uint64_t{updates_[i]->due(step_)} << i;
    device_->step(
        step_, kind,
        [&](device::Stream& stream) {
          for (const auto& u : updates_) {
            u->plan_->enqueue(stream);
            u->descent_->load(stream);
          }
        },
        [&](device::Stream& stream) { enqueue(stream); });
    fetched_ = false;
    ++step_;
    return;
  }
  set_step_words();
  for (auto& update : updates_) {
    Update& u = *update;
    if (!u.due(step_)) continue;
    u.plan_->run(team);
    stop_broken_agents(u, team);
    const std::int64_t own = step_ / u.every_;  // its steps before this one
    for (std::size_t i = 0; i < u.groups_.size(); ++i)
      u.rates_[i] = u.groups_[i].descent.learning_rate.at(own);
    u.optimiser_->step(own + 1, u.rates_, active_, team);
    for (Update::StateSlot& s : u.states_) {
      if (!s.next) continue;
      const float* next = u.plan_->data<float>(s.next);
      for (std::size_t a = 0; a < active_.size(); ++a)
        if (active_[a]) (*s.values)[a] = next[a];
    }
  }
  ++step_;
}

// What an update reports at a step that it does not run at: its values after it, for the draws of the next,
// so that a record does not depend on when the run was last resumed.
void Learner::evaluate_undue() {
  ThreadTeam alone(1);
  set_step_words();
  for (const auto& u : updates_)
    if (step_ > 0 && !u->due(step_ - 1)) u->plan_->run(alone);
}

void Learner::set_step_words() {
  const auto t = static_cast<std::uint64_t>(step_);
  step_words_[0] = static_cast<std::int32_t>(static_cast<std::uint32_t>(t));
  step_words_[1] = static_cast<std::int32_t>(static_cast<std::uint32_t>(t >> 32));
}

std::map<std::string, std::vector<double>> Learner::reports() {
  if (device_) {
    ThreadTeam team;
    ask_for_reports(step_);
    std::vector<StepReports> all = reports_that_came(team, true);
    auto last = std::move(all.back().values);
    all.pop_back();
    came_.insert(came_.end(), all.begin(), all.end());  // asked for by others
    return last;
  }
  evaluate_undue();
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

void Learner::ask_for_reports(std::int64_t step) {
  if (!device_) {
    came_.push_back({step, reports()});
    return;
  }
  if (!updates_.front()->descent_) begin_on_device();
  for (const auto& u : updates_)  // as evaluate_undue() does
    if (step_ > 0 && !u->due(step_ - 1)) u->plan_->enqueue(device_->mirror().stream());
  device_->ask(step);
}

std::vector<StepReports> Learner::reports_that_came(ThreadTeam& team, bool wait) {
  std::vector<StepReports> all = std::exchange(came_, {});
  if (!device_) return all;
  for (LearnerDevice::Answer& answer : device_->answers(wait)) {
    note_stopped(answer, team);
    all.push_back(std::move(answer.reports));
  }
  return all;
}

Learner::State Learner::state() const {
  fetched();
  return {step_, active_, stop_reason_, state_values_};
}

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
  if (!device_) return;
  device::Mirror& mirror = device_->mirror();
  mirror.upload(slabs().data(), slabs().size_bytes());
  for (const auto& [name, values] : state_values_)
    mirror.upload(values.data(), values.size() * sizeof(float));
  device_->upload(step_, active_);
  fetched_ = true;
}

std::string Learner::describe_plans() const {
  std::string text;
  for (const auto& u : updates_) text += u->name_ + "\n" + u->plan_->describe();
  return text;
}

}  // namespace hardy::algorithms
