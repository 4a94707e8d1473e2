#include "datasets/inspect.h"

#include <algorithm>
#include <cmath>

#include "datasets/corruption/corruption_record.h"
#include "datasets/distribution.h"
#include "datasets/episodes.h"
#include "datasets/robust.h"
#include "datasets/task.h"
#include "datasets/transitions.h"
#include "datasets/walk.h"
#include "engine/base/json.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;
constexpr std::size_t kPlaces = 100, kMostDrawn = 400, kMostListed = 10000;

json spread_of(const std::vector<double>& x) {
  Distribution d;
  d.add(x);
  return d.result();
}

// Means over `each` neighbours.
std::vector<double> thinned(const std::vector<double>& x, std::size_t each) {
  std::vector<double> thin;
  for (std::size_t i = 0; i < x.size(); i += each) {
    double sum = 0;
    const std::size_t end = std::min(x.size(), i + each);
    for (std::size_t k = i; k < end; ++k) sum += x[k];
    thin.push_back(sum / static_cast<double>(end - i));
  }
  return thin;
}

std::size_t place_of(std::int64_t row, std::int64_t rows) {
  return static_cast<std::size_t>(row * static_cast<std::int64_t>(kPlaces) / rows);
}

// The share of rows of a kind, for each hundredth of the file.
class Shares {
 public:
  explicit Shares(std::int64_t rows) : rows_(rows), hits_(kPlaces, 0) {}
  void add(std::int64_t row) { ++hits_[place_of(row, rows_)]; }
  std::vector<double> result() const {
    std::vector<double> all(kPlaces, 0);
    for (std::size_t i = 0; i < kPlaces; ++i) {
      const std::int64_t here = begin_of(i + 1) - begin_of(i);
      if (here > 0) all[i] = static_cast<double>(hits_[i]) / static_cast<double>(here);
    }
    return all;
  }

 private:
  std::int64_t begin_of(std::size_t place) const {  // the first row whose place is not below
    const auto n = static_cast<std::int64_t>(kPlaces);
    return (static_cast<std::int64_t>(place) * rows_ + n - 1) / n;
  }
  std::int64_t rows_;
  std::vector<std::int64_t> hits_;
};

// Rows within an episode whose next observation is not the following row's observation.
class Continuity {
 public:
  Continuity(std::int64_t rows, std::size_t width) : width_(width), shares_(rows) {}
  void see(std::int64_t row, const double* observation, const double* next, bool ends) {
    if (open_) {
      ++pairs_;
      if (!same(observation)) {
        ++broken_;
        shares_.add(row - 1);
      }
    }
    next_.assign(next, next + width_);
    open_ = !ends;
  }
  json result() const { return {{"pairs", pairs_}, {"broken", broken_}, {"broken_share", shares_.result()}}; }

 private:
  bool same(const double* y) const {
    for (std::size_t k = 0; k < width_; ++k) {
      const double x = next_[k];
      if (x != y[k] && !(std::abs(x - y[k]) <= 1e-6 * std::max({1.0, std::abs(x), std::abs(y[k])})))
        return false;
    }
    return true;
  }
  std::size_t width_;
  Shares shares_;
  std::vector<double> next_;
  bool open_ = false;
  std::int64_t pairs_ = 0, broken_ = 0;
};

json scores_of(const std::vector<double>& returns, const ReferenceScores& reference) {
  std::vector<double> scores;
  for (const double r : returns)
    scores.push_back(100 * (r - reference.min) / (reference.max - reference.min));
  json s = spread_of(scores);
  s["family"] = reference.family;
  return s;
}

json quantiles_of(const std::vector<double>& x) {
  json all = json::object();
  for (const char* p : {"0.05", "0.25", "0.5", "0.75", "0.95"}) {
    const double q = quantile(x, std::stod(p));
    all[p] = std::isfinite(q) ? json(q) : json();
  }
  return all;
}

// Returns and their scores; without rewards there are none.
void add_returns(json& s, const Reader& reader, const Episodes& e) {
  s["return"] = spread_of(e.returns);
  s["return"]["quantiles"] = quantiles_of(e.returns);
  const auto reference = reference_scores(reader);
  if (reference) s["score"] = scores_of(e.returns, *reference);
  if (e.clean_returns.empty()) return;
  s["clean_return"] = spread_of(e.clean_returns);
  if (reference) s["clean_score"] = scores_of(e.clean_returns, *reference);
}

void add_episodes(json& s, const Reader& reader, const Episodes& e) {
  std::vector<double> lengths;
  std::int64_t terminated = 0, timed_out = 0;
  for (const EpisodeRows& rows : e.rows) {
    lengths.push_back(static_cast<double>(rows.size()));
    terminated += rows.terminated;
    timed_out += rows.timed_out;
  }
  s["episodes"] = e.rows.size();
  s["terminated"] = terminated;
  s["timed_out"] = timed_out;
  s["cut"] = static_cast<std::int64_t>(e.rows.size()) - terminated - timed_out;
  s["return"] = nullptr;
  s["length"] = spread_of(lengths);
  s["length"]["quantiles"] = quantiles_of(lengths);
  if (e.rows.size() <= kMostListed) {
    s["returns"] = e.returns;
    s["lengths"] = lengths;
  }
  const std::size_t each = std::max<std::size_t>(1, (e.rows.size() + kMostDrawn - 1) / kMostDrawn);
  s["along_file"] = {
      {"episodes_each", each}, {"returns", thinned(e.returns, each)}, {"lengths", thinned(lengths, each)}};
  if (reader.find("rewards")) add_returns(s, reader, e);
}

bool rewards_corrupted(const json& manifest) {
  return manifest.is_object() && std::ranges::any_of(manifest.at("elements"), [](const json& e) {
           return e.at("element") == name_of(Element::kRewards);
         });
}

}  // namespace

json inspect(Reader& reader, std::int64_t time_limit) {
  check_d4rl(reader, Rewards::kWherePresent);
  const WalkedColumns columns = columns_of(reader);
  json s{{"path", reader.path()},
         {"format", reader.format()},
         {"rows", columns.rows},
         {"observation_size", columns.observations->row_elements()},
         {"action_size", columns.actions->row_elements()},
         {"notes", reader.notes()},
         {"corruption", corruption_manifest(reader)}};
  if (!columns.timeouts) {
    const TimeLimit known =
        time_limit > 0 ? TimeLimit{static_cast<int>(time_limit), "given"} : time_limit_of(reader);
    time_limit = known.steps;
    if (known.steps > 0) s["time_limit"] = {{"steps", known.steps}, {"source", known.source}};
  }

  const auto width = [](const Column* c) { return static_cast<std::size_t>(c ? c->row_elements() : 0); };
  Distributions observations(width(columns.observations)), next(width(columns.next_observations)),
      actions(width(columns.actions)), rewards(1);
  Continuity continuity(columns.rows, width(columns.observations));
  EpisodeReturns episodes(reader, s.at("corruption"), columns, time_limit);
  walk(reader, columns, [&](const RowPiece& p) {
    observations.add(p.observations);
    next.add(p.next_observations);
    actions.add(p.actions);
    rewards.add(p.rewards);
    const std::vector<bool> ends = episodes.see(p);
    if (!columns.next_observations) return;
    for (std::size_t i = 0; i < ends.size(); ++i)
      continuity.see(p.first + static_cast<std::int64_t>(i),
                     p.observations.data() + i * width(columns.observations),
                     p.next_observations.data() + i * width(columns.observations), ends[i]);
  });

  add_episodes(s, reader, episodes.result());
  if (rewards_corrupted(s.at("corruption"))) s["rewards_corrupted"] = true;
  for (const Column& c : reader.columns()) s["layout"][c.key] = c.describe();
  s["columns"] = {{"observations", observations.result()}, {"actions", actions.result()}};
  if (columns.rewards) s["columns"]["rewards"] = rewards.result();
  if (columns.next_observations) {
    s["columns"]["next_observations"] = next.result();
    s["continuity"] = continuity.result();
  }
  if (s.at("corruption").is_object())
    for (const auto& e : s.at("corruption").at("elements")) {
      const std::string name = e.at("element");
      const RowSet set = recorded_rows(reader, element_named(name), "rows", columns.rows);
      Shares shares(columns.rows);
      for (std::int64_t row = 0; row < columns.rows; ++row)
        if (set.has(row)) shares.add(row);
      s["corrupted_share"][name] = shares.result();
    }
  return s;
}

json without_drawings(json s) {
  for (const char* key : {"returns", "lengths", "along_file", "corrupted_share"}) s.erase(key);
  for (const char* key : {"length", "score", "clean_return", "clean_score"})
    if (s.contains(key)) s[key].erase("histogram");
  if (s.contains("continuity")) s["continuity"].erase("broken_share");
  for (auto& [key, dimensions] : s["columns"].items())
    for (json& d : dimensions) d.erase("histogram");
  return s;
}

}  // namespace hardy::datasets
