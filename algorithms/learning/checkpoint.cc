#include "algorithms/learning/checkpoint.h"

#include <algorithm>

namespace hardy::algorithms {

void save_learner(const Learner& learner, run::ArchiveWriter& file) {
  const nn::ParameterStore& store = learner.parameters();
  const Learner::State state = learner.state();
  nlohmann::json names = nlohmann::json::array();
  for (int i = 0; i < store.size(); ++i) names.push_back(store.name(i) + " " + store.shape(i).str());
  file.header()["learner"] = {{"step", state.step},
                              {"active", state.active},
                              {"stop_reason", state.stop_reason},
                              {"parameters", names}};
  const auto slab = [&](const std::string& name, std::span<const float> x) {
    file.add<float>(name, Shape{static_cast<std::int64_t>(x.size())}, x);
  };
  slab("learner/values", store.values());
  slab("learner/first_moments", store.first_moments());
  slab("learner/second_moments", store.second_moments());
  for (const auto& [name, values] : state.values) slab("learner/state/" + name, values);
}

void restore_learner(Learner& learner, const run::Archive& file, const std::string& path) {
  nn::ParameterStore& store = learner.parameters();
  Learner::State state = learner.state();
  try {
    const nlohmann::json& h = file.header().at("learner");
    const auto names = h.at("parameters").get<std::vector<std::string>>();
    for (std::size_t i = 0; i < std::max(names.size(), static_cast<std::size_t>(store.size())); ++i) {
      const std::string mine =
          i < static_cast<std::size_t>(store.size())
              ? store.name(static_cast<int>(i)) + " " + store.shape(static_cast<int>(i)).str()
              : "nothing";
      const std::string theirs = i < names.size() ? names[i] : "nothing";
      if (mine != theirs)
        throw Error("holds " + theirs + " where this method has " + mine, path,
                    "is it another run's checkpoint?");
    }
    state.step = h.at("step");
    state.active = h.at("active").get<std::vector<std::uint8_t>>();
    state.stop_reason = h.at("stop_reason").get<std::vector<std::string>>();
  } catch (const nlohmann::json::exception& e) {
    throw Error(std::string("is not a learner's checkpoint: ") + e.what(), path);
  }
  const auto slab = [&](const std::string& name, std::span<float> x) {
    const std::span<const float> from = file.get<float>(name);
    if (from.size() != x.size())
      throw Error("tensor " + name + " has another size than this method needs", path);
    std::ranges::copy(from, x.begin());
  };
  slab("learner/values", store.values());
  slab("learner/first_moments", store.first_moments());
  slab("learner/second_moments", store.second_moments());
  for (auto& [name, values] : state.values) slab("learner/state/" + name, values);
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
    throw Error(std::string("says no bounds of actions: ") + e.what(), path);
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
