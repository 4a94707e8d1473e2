#include "algorithms/learning/checkpoint.h"

#include <algorithm>

#include "algorithms/learning/checkpoint_format_1.h"
#include "engine/base/json_problem.h"

namespace hardy::algorithms {
namespace {

std::vector<std::int64_t> dimensions(const Shape& shape) {
  std::vector<std::int64_t> all;
  for (int axis = 0; axis < shape.rank(); ++axis) all.push_back(shape[axis]);
  return all;
}
Shape shape_of(const nlohmann::json& dimensions) {
  Shape shape;
  for (const auto d : dimensions.get<std::vector<std::int64_t>>()) shape.push_back(d);
  return shape;
}

std::vector<SavedNetwork> networks_of(const nlohmann::json& learner, const std::string& path) {
  std::vector<SavedNetwork> networks;
  for (const nlohmann::json& n : learner.at("networks")) {
    SavedNetwork network{
        n.at("name"), nn::role_named(n.at("role")), nn::described(n.at("architecture"), path), {}};
    for (const nlohmann::json& t : n.at("tensors"))
      network.tensors.push_back({t.at("name"), shape_of(t.at("shape")), {}, {}, {}});
    networks.push_back(std::move(network));
  }
  return networks;
}

// The tensors' parts of the slabs, which lie as a store of the same layout has them.
void find_values(const run::Archive& file, const std::string& path, SavedLearner& saved) {
  nn::ParameterLayout layout(static_cast<std::int64_t>(saved.active.size()));
  const bool roles = file.format() > 1;
  for (const SavedNetwork& network : saved.networks)
    for (const SavedTensor& t : network.tensors)
      layout.add(t.name, t.shape, roles ? network.role : nn::Role::kTrainable);
  const auto slab = [&](const char* name, std::size_t floats) {
    const std::span<const float> x = file.get<float>(name);
    if (x.size() != floats)
      throw Error("tensor " + std::string(name) + " has another size than the networks that it lists", path);
    return x;
  };
  const auto values = slab("learner/values", layout.values()),
             first = slab("learner/first_moments", layout.trained()),
             second = slab("learner/second_moments", layout.trained());
  int index = 0;
  for (SavedNetwork& network : saved.networks)
    for (SavedTensor& t : network.tensors) {
      const auto n = static_cast<std::size_t>(t.shape.elements());
      t.values = values.subspan(layout.place(index), n);
      if (network.role == nn::Role::kTrainable) {
        t.first_moments = first.subspan(layout.trained_place(index), n);
        t.second_moments = second.subspan(layout.trained_place(index), n);
      }
      ++index;
    }
}

// Refuses a file whose tensors are not the store's, in its order.
void require_same(const nn::ParameterStore& store, const std::vector<const SavedTensor*>& theirs,
                  const std::string& path) {
  const auto count = static_cast<std::size_t>(store.size());
  for (std::size_t i = 0; i < std::max(theirs.size(), count); ++i) {
    const int t = static_cast<int>(i);
    const bool mine = i < count, is = i < theirs.size();
    if (mine && is && store.name(t) == theirs[i]->name && store.shape(t) == theirs[i]->shape) {
      if (store.role(t) != nn::Role::kTrainable || !theirs[i]->first_moments.empty()) continue;
      throw Error("holds no moments of " + store.name(t) + ", which descends in this method", path,
                  "is it another run's checkpoint?");
    }
    throw Error("holds " + (is ? theirs[i]->name + " " + theirs[i]->shape.str() : "nothing") +
                    " where this method has " +
                    (mine ? store.name(t) + " " + store.shape(t).str() : "nothing"),
                path, "is it another run's checkpoint?");
  }
}

// And one whose networks are other functions of the same tensors. Format 1 says nothing of that.
void require_same(const std::vector<Network>& mine, const std::vector<SavedNetwork>& theirs,
                  const std::string& path) {
  for (std::size_t i = 0; i < std::min(mine.size(), theirs.size()); ++i) {
    const auto text = [](nn::Role role, const nn::Architecture& architecture) {
      return nn::name_of(role) + " " + architecture.describe().dump();
    };
    const std::string saved = text(theirs[i].role, *theirs[i].architecture),
                      now = text(mine[i].role, *mine[i].architecture);
    if (saved != now)
      throw Error("holds network " + theirs[i].name + " as " + saved + " where this method has " + now, path,
                  "is it another run's checkpoint?");
  }
}

}  // namespace

void save_learner(const Learner& learner, run::ArchiveWriter& file) {
  const nn::ParameterStore& store = learner.parameters();
  const Learner::State state = learner.state();
  nlohmann::json networks = nlohmann::json::array();
  for (const Network& network : learner.program().networks) {
    nlohmann::json tensors = nlohmann::json::array();
    for (const int t : network.tensors)
      tensors.push_back({{"name", store.name(t)}, {"shape", dimensions(store.shape(t))}});
    networks.push_back({{"name", network.name},
                        {"role", nn::name_of(network.role)},
                        {"architecture", network.architecture->describe()},
                        {"tensors", tensors}});
  }
  file.header()["learner"] = {{"step", state.step},
                              {"active", state.active},
                              {"stop_reason", state.stop_reason},
                              {"networks", networks}};
  const auto slab = [&](const std::string& name, std::span<const float> x) {
    file.add<float>(name, Shape{static_cast<std::int64_t>(x.size())}, x);
  };
  slab("learner/values", store.values());
  slab("learner/first_moments", store.first_moments());
  slab("learner/second_moments", store.second_moments());
  for (const auto& [name, values] : state.values) slab("learner/state/" + name, values);
}

const SavedNetwork* SavedLearner::network(const std::string& name) const {
  const auto found = std::ranges::find(networks, name, &SavedNetwork::name);
  return found == networks.end() ? nullptr : &*found;
}

SavedLearner saved_learner(const run::Archive& file, const std::string& path) {
  SavedLearner saved;
  try {
    const nlohmann::json& h = file.header().at("learner");
    saved.step = h.at("step");
    saved.active = h.at("active").get<std::vector<std::uint8_t>>();
    saved.stop_reason = h.at("stop_reason").get<std::vector<std::string>>();
    saved.networks = file.format() > 1 ? networks_of(h, path) : networks_of_format_1(h, path);
  } catch (const nlohmann::json::exception& e) {
    throw Error("is not a learner's checkpoint: " + problem_of(e), path);
  }
  find_values(file, path, saved);
  return saved;
}

void restore_learner(Learner& learner, const run::Archive& file, const std::string& path) {
  const SavedLearner saved = saved_learner(file, path);
  std::vector<const SavedTensor*> tensors;
  for (const SavedNetwork& network : saved.networks)
    for (const SavedTensor& t : network.tensors) tensors.push_back(&t);
  require_same(learner.parameters(), tensors, path);
  if (file.format() > 1) require_same(learner.program().networks, saved.networks, path);
  Learner::State state = learner.state();
  state.step = saved.step;
  state.active = saved.active;
  state.stop_reason = saved.stop_reason;
  for (auto& [name, values] : state.values) {
    const std::span<const float> from = file.get<float>("learner/state/" + name);
    if (from.size() != values.size())
      throw Error("tensor learner/state/" + name + " has another size than this method needs", path);
    std::ranges::copy(from, values.begin());
  }
  learner.write_parameters([&](nn::ParameterStore& store) {
    for (int t = 0; t < store.size(); ++t) {
      const SavedTensor& from = *tensors[static_cast<std::size_t>(t)];
      std::ranges::copy(from.values, store.value(t));
      if (store.role(t) != nn::Role::kTrainable) continue;
      std::ranges::copy(from.first_moments, store.first_moment(t));
      std::ranges::copy(from.second_moments, store.second_moment(t));
    }
  });
  learner.restore(state);
}

void save_bounds(const ActionBounds& bounds, run::ArchiveWriter& file) {
  file.header()["actions"] = {{"low", bounds.low}, {"high", bounds.high}};
}

std::optional<ActionBounds> saved_bounds(const run::Archive& file, const std::string& path) {
  if (!file.header().contains("actions")) return std::nullopt;
  try {
    const nlohmann::json& h = file.header().at("actions");
    return ActionBounds{h.at("low").get<std::vector<float>>(), h.at("high").get<std::vector<float>>(), path};
  } catch (const nlohmann::json::exception& e) {
    throw Error("says no bounds of actions: " + problem_of(e), path);
  }
}

void require_bounds(const ActionBounds& bounds, const run::Archive& file, const std::string& path) {
  const std::optional<ActionBounds> saved = saved_bounds(file, path);
  if (saved ? saved->low == bounds.low && saved->high == bounds.high : bounds.unit()) return;
  throw Error(saved ? "learned with actions scaled from " + saved->text()
                    : "learned before actions were scaled, with theirs as they are",
              path, "they are scaled from " + bounds.text() + " now; train anew");
}

}  // namespace hardy::algorithms
