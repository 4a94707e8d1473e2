#include "algorithms/experiments/regret_results.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace hardy::algorithms {
namespace {

using nlohmann::json;

template <class T>
json all_of(const std::vector<T>& values, json (*one)(const T&)) {
  json all = json::array();
  for (const T& value : values) all.push_back(one(value));
  return all;
}

json exponent_json(const Exponent& e) {
  return {{"value", e.value},   {"low", e.low},         {"high", e.high},
          {"points", e.points}, {"dropped", e.dropped}, {"none_because", e.none_because}};
}

json settings_json(const ResolvedSettings& s) {
  json j{{"preset", s.preset},     {"eta", s.steps.eta}, {"beta", s.steps.beta},
         {"gamma", s.steps.gamma}, {"note", s.note},     {"literal_bound", bound_text(s)}};
  if (s.literal_bound > 0) {
    j["literal_bound_value"] = s.literal_bound;
    j["trivial_bound"] = s.trivial_bound;
    j["vacuous"] = s.vacuous;
  }
  return j;
}

json extremes_json(const Extremes& e) {
  return {{"least_eta_q", e.least_eta_q}, {"largest_eta_bonus", e.largest_eta_bonus}};
}

json replica_json(const ReplicaResult& r) {
  json trajectories = json::array();
  for (const auto& visits : r.first) {
    json one = json::array();
    for (const Visit& v : visits) one.push_back({v.state, v.action});
    trajectories.push_back(one);
  }
  return {{"seed", r.seed},
          {"learner_loss", r.learner_loss},
          {"best_loss", r.best_loss},
          {"regret", r.regret},
          {"curve", r.curve},
          {"start_costs", r.start_costs},
          {"first_trajectories", trajectories},
          {"least_eta_q", r.least_eta_q},
          {"largest_eta_bonus", r.largest_eta_bonus}};
}

json figures_json(const std::map<std::string, double>& figures) {
  json j = json::object();
  for (const auto& [name, value] : figures) j[name] = value;
  return j;
}

json method_json(const MethodResults& m) {
  const Growth& g = m.growth;
  json j{{"label", m.label},
         {"method", m.method},
         {"regret_notion", m.regret_notion},
         {"comparator", m.comparator},
         {"curve", {{"episode", m.curve_episodes}, {"mean", m.curve}}},
         {"episodes", m.table.episodes},
         {"regret", m.table.regret},
         {"mean", g.mean},
         {"standard_error", g.standard_error},
         {"deviation", g.deviation},
         {"lowest", g.lowest},
         {"highest", g.highest},
         {"local_exponents", g.local},
         {"exponent", exponent_json(g.all)},
         {"upper_half", exponent_json(g.upper_half)},
         {"tail_index", g.tail_index},
         {"settings", all_of(m.settings, settings_json)},
         {"extremes", all_of(m.extremes, extremes_json)},
         {"figures", all_of(m.figures, figures_json)},
         {"covariance", m.covariance},
         {"simulator_calls", m.simulator_calls},
         {"seconds", m.seconds},
         {"warnings", m.warnings}};
  if (!m.replicas.empty()) {
    j["replicas"] = all_of(m.replicas, replica_json);
    j["best_loss"] = m.best;
  }
  return j;
}

json environment_json(const EnvironmentResults& e) {
  return {{"env", e.env},
          {"losses", e.losses},
          {"sizes", {{"H", e.sizes.H}, {"S", e.sizes.S}, {"A", e.sizes.A}, {"d", e.sizes.d}}},
          {"linearity", {{"q", e.linearity.q}, {"transitions", e.linearity.transitions}}},
          {"uniform", e.uniform},
          {"methods", all_of(e.methods, method_json)}};
}

}  // namespace

std::string bound_text(const ResolvedSettings& s) {
  if (s.literal_bound <= 0) return "none";
  char text[96];
  std::snprintf(text, sizeof text, "%.3g%s", s.literal_bound, s.vacuous ? ", vacuous at this K" : "");
  return text;
}

json json_of(const RegretResults& r) {
  json j{{"title", r.title}, {"replicas", r.replicas}, {"studies", all_of(r.studies, environment_json)},
         {"notes", r.notes}, {"warnings", r.warnings}, {"complete", r.complete}};
  if (r.complete) j["seconds"] = r.seconds;
  return j;
}

}  // namespace hardy::algorithms
