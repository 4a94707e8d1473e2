#include "algorithms/experiments/regret_results.h"

#include <algorithm>
#include <cstdio>
#include <limits>

#include "engine/base/error.h"
#include "engine/base/json.h"
#include "engine/base/text.h"

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
         {"replicas_at_last", m.table.regret.empty() ? std::vector<double>() : m.table.regret.back()},
         {"mean", g.mean},
         {"median", g.median},
         {"below_95", g.below_95},
         {"below_99", g.below_99},
         {"theory_exponent", m.theory},
         {"standing", m.standing},
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

json size_json(const SizeExponent& e) {
  return {{"size", e.size}, {"held", e.held}, {"exponent", exponent_json(e.exponent)}};
}
json sizes_json(const MethodSizes& m) {
  return {{"label", m.label}, {"along", all_of(m.along, size_json)}, {"joint", all_of(m.joint, size_json)}};
}

json environment_json(const EnvironmentResults& e) {
  json j{{"env", e.env},
         {"losses", e.losses},
         {"sizes", {{"H", e.sizes.H}, {"S", e.sizes.S}, {"A", e.sizes.A}, {"d", e.sizes.d}}},
         {"linearity", {{"q", e.linearity.q}, {"transitions", e.linearity.transitions}}},
         {"uniform", e.uniform},
         {"methods", all_of(e.methods, method_json)}};
  if (e.unfinished) j["unfinished"] = method_json(*e.unfinished);
  return j;
}

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

template <class T>
std::vector<T> read_all(const std::vector<run::Fields>& list, T (*one)(const run::Fields&)) {
  std::vector<T> all;
  for (const run::Fields& f : list) all.push_back(one(f));
  return all;
}

ResolvedSettings settings_of(const run::Fields& s) {
  ResolvedSettings r;
  r.steps = {s.number("eta", kNone), s.number("beta", kNone), s.number("gamma", kNone)};
  r.preset = s.text("preset");
  r.note = s.text("note");
  r.literal_bound = s.number("literal_bound_value", 0);
  r.trivial_bound = s.number("trivial_bound", 0);
  r.vacuous = s.flag("vacuous", false);
  return r;
}

Extremes extremes_of(const run::Fields& e) {
  return {e.number("least_eta_q", kNone), e.number("largest_eta_bonus", kNone)};
}

std::map<std::string, double> figures_of(const run::Fields& f) {
  std::map<std::string, double> figures;
  for (const auto& [name, value] : f.object().items()) figures[name] = f.number(name, kNone);
  return figures;
}

MethodResults method_of(const run::Fields& f) {
  MethodResults m;
  m.label = f.text("label");
  m.method = f.text("method");
  m.regret_notion = f.text("regret_notion");
  m.comparator = f.text("comparator");
  m.theory = f.number("theory_exponent", kNone);
  m.standing = f.text("standing", "");
  for (const double k : f.at("curve").numbers("episode"))
    m.curve_episodes.push_back(static_cast<std::int64_t>(k));
  m.curve = f.at("curve").numbers("mean");
  m.table.episodes = f.numbers("episodes");
  const std::size_t all_k = m.table.episodes.size();
  const json rows = f.object().value("regret", json());
  const auto right = [](const json& row) {
    return row.is_array() && std::ranges::all_of(row, [](const json& x) { return x.is_number(); });
  };
  if (!rows.is_array() || rows.size() != all_k || !std::ranges::all_of(rows, right))
    throw Error("the key 'regret' of '" + m.label + "' is no list of numbers for each of its 'episodes'",
                f.file(), "put back the file that hardy wrote");
  for (const json& row : rows) m.table.regret.push_back(row.get<std::vector<double>>());
  m.settings = read_all(f.list("settings"), settings_of);
  m.extremes = read_all(f.list("extremes"), extremes_of);
  m.figures = read_all(f.list("figures"), figures_of);
  m.covariance = f.texts("covariance");
  if (m.settings.size() != all_k || m.extremes.size() != all_k || m.figures.size() != all_k ||
      m.covariance.size() != all_k)
    throw Error("the lists of '" + m.label + "' are not as long as its 'episodes'", f.file(),
                "put back the file that hardy wrote");
  m.simulator_calls = f.integer("simulator_calls");
  m.seconds = f.number("seconds");
  return m;
}

EnvironmentResults environment_of(const run::Fields& f) {
  EnvironmentResults e;
  e.env = f.text("env");
  e.losses = f.text("losses");
  const run::Fields sizes = f.at("sizes");
  const auto size = [&](const char* key) { return static_cast<int>(sizes.integer(key)); };
  e.sizes = {0, size("H"), size("S"), size("A"), size("d")};
  e.linearity.q = f.at("linearity").number("q", kNone);
  e.linearity.transitions = f.at("linearity").number("transitions", kNone);
  e.uniform = f.numbers("uniform");
  e.methods = read_all(f.list("methods"), method_of);
  if (f.has("unfinished")) e.unfinished = method_of(f.at("unfinished"));
  return e;
}

}  // namespace

std::string bound_text(const ResolvedSettings& s) {
  if (s.literal_bound <= 0) return "none";
  char text[96];
  std::snprintf(text, sizeof text, "%.3g%s", s.literal_bound, s.vacuous ? ", vacuous at this K" : "");
  return text;
}

std::vector<std::string> warnings_of(const MethodResults& m) {
  std::vector<std::string> lines;
  char tail[32];
  std::snprintf(tail, sizeof tail, "%.1f", m.growth.tail_index);
  if (m.growth.tail_index < kHeavyTail)
    lines.push_back(
        m.label + ": regret is heavy-tailed over replicas (tail index " + tail +
        "): a few of them carry the mean, and intervals may miss it; look at the largest, play more");
  for (std::size_t k = 0; k < m.figures.size(); ++k)
    if (const auto known = m.figures[k].find("known_states");
        known != m.figures[k].end() && known->second == 0)
      lines.push_back(m.label + ": no state is known at K = " + to_text(m.table.episodes[k]) +
                      ": it plays uniformly and learns nothing; raise --alpha or --cover-episodes");
  return lines;
}

json json_of(const RegretResults& r) {
  json j{{"title", r.title}, {"replicas", r.replicas}, {"studies", all_of(r.studies, environment_json)},
         {"notes", r.notes}, {"warnings", r.warnings}, {"complete", r.complete}};
  if (!r.sizes.empty()) j["sizes"] = all_of(r.sizes, sizes_json);
  if (r.complete) j["seconds"] = r.seconds;
  return j;
}

RegretResults regret_results_of(const run::Fields& file) {
  RegretResults r;
  r.title = file.text("title");
  r.replicas = file.integer("replicas");
  r.studies = read_all(file.list("studies"), environment_of);
  r.notes = file.texts("notes");
  r.warnings = file.texts("warnings");
  r.complete = file.flag("complete");
  r.seconds = file.number("seconds", 0);
  return r;
}

double RegretResults::episodes_played() const {
  double all = 0;
  const auto add = [&](const MethodResults& m) {
    for (std::size_t k = 0; k < m.table.episodes.size(); ++k)
      all += m.table.episodes[k] * static_cast<double>(m.table.regret[k].size());
  };
  for (const EnvironmentResults& e : studies) {
    std::ranges::for_each(e.methods, add);
    if (e.unfinished) add(*e.unfinished);
  }
  return all;
}

}  // namespace hardy::algorithms
