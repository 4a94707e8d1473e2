#include "datasets/inspect.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "datasets/corruption/corruption_record.h"
#include "datasets/episodes.h"
#include "datasets/pieces.h"
#include "datasets/reference_scores.h"
#include "datasets/transitions.h"

namespace hardy::datasets {
namespace {

using nlohmann::json;
constexpr std::size_t kBins = 24, kPlaces = 100, kMostEpisodes = 400;

// Mean, deviation, extremes and a histogram of numbers that are given twice.
struct Spread {
  std::int64_t n = 0, bad = 0;
  double mean = 0, square = 0, low = std::numeric_limits<double>::infinity(), high = -low;
  std::vector<std::int64_t> counts = std::vector<std::int64_t>(kBins, 0);

  void first(double x) {
    if (!std::isfinite(x)) {
      ++bad;
      return;
    }
    ++n;
    const double away = x - mean;  // Welford
    mean += away / static_cast<double>(n);
    square += away * (x - mean);
    low = std::min(low, x);
    high = std::max(high, x);
  }
  void second(double x) {
    if (!std::isfinite(x)) return;
    const double place = high > low ? (x - low) / (high - low) * kBins : 0;
    ++counts[std::min(static_cast<std::size_t>(place), kBins - 1)];
  }
  json result() const {
    if (n == 0) return {{"not_finite", bad}};
    std::vector<double> edges;
    const double top = high > low ? high : low + 1;
    for (std::size_t i = 0; i <= kBins; ++i)
      edges.push_back(low + (top - low) * static_cast<double>(i) / static_cast<double>(kBins));
    json r{{"mean", mean},
           {"std", std::sqrt(square / static_cast<double>(n))},
           {"min", low},
           {"max", high},
           {"histogram", {{"edges", edges}, {"counts", counts}}}};
    if (bad) r["not_finite"] = bad;
    return r;
  }
};

json spread_of(const std::vector<double>& x) {
  Spread s;
  for (const double v : x) s.first(v);
  for (const double v : x) s.second(v);
  return s.result();
}

json column_spreads(Reader& reader, const Column& c) {
  std::vector<Spread> dims(static_cast<std::size_t>(c.row_elements()));
  for (const bool second : {false, true})
    for_pieces(c.rows(), [&](std::int64_t first, std::int64_t n) {
      const std::vector<double> x = read_doubles(reader, c, first, n);
      for (std::size_t i = 0; i < x.size(); ++i)
        second ? dims[i % dims.size()].second(x[i]) : dims[i % dims.size()].first(x[i]);
    });
  json all = json::array();
  for (const Spread& s : dims) all.push_back(s.result());
  return all;
}

std::vector<double> returns_of(Reader& reader, const std::vector<EpisodeRows>& episodes) {
  const Column& rewards = reader.column("rewards");
  std::vector<double> returns(episodes.size(), 0);
  std::size_t e = 0;
  for_pieces(rewards.rows(), [&](std::int64_t first, std::int64_t n) {
    const std::vector<double> r = read_doubles(reader, rewards, first, n);
    for (std::int64_t i = 0; i < n; ++i) {
      while (first + i >= episodes[e].end) ++e;
      returns[e] += r[static_cast<std::size_t>(i)];
    }
  });
  return returns;
}

// At most kMostEpisodes numbers: means over neighbours.
std::vector<double> thinned(const std::vector<double>& x) {
  const std::size_t each = (x.size() + kMostEpisodes - 1) / std::max<std::size_t>(kMostEpisodes, 1);
  std::vector<double> thin;
  for (std::size_t i = 0; i < x.size(); i += std::max<std::size_t>(each, 1)) {
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

// The share of rows in a set, for each hundredth of the file.
template <class Has>
std::vector<double> shares(std::int64_t rows, Has&& has) {
  std::vector<double> hit(kPlaces, 0), all(kPlaces, 0);
  for (std::int64_t row = 0; row < rows; ++row) {
    all[place_of(row, rows)] += 1;
    hit[place_of(row, rows)] += has(row);
  }
  for (std::size_t i = 0; i < kPlaces; ++i) hit[i] = all[i] > 0 ? hit[i] / all[i] : 0;
  return hit;
}

json continuity_of(Reader& reader, const std::vector<EpisodeRows>& episodes, std::int64_t rows) {
  const Column &s = reader.column("observations"), &next = reader.column("next_observations");
  const auto d = static_cast<std::size_t>(s.row_elements());
  RowSet ends(rows), broken(rows);
  for (const EpisodeRows& e : episodes) ends.add(e.end - 1);
  for_pieces(rows, [&](std::int64_t first, std::int64_t n) {
    const std::int64_t m = std::min(n, rows - 1 - first);  // rows that have a successor
    if (m <= 0) return;
    const std::vector<double> y = read_doubles(reader, s, first + 1, m),
                              x = read_doubles(reader, next, first, m);
    for (std::int64_t i = 0; i < m; ++i) {
      if (ends.has(first + i)) continue;
      for (std::size_t k = static_cast<std::size_t>(i) * d; k < static_cast<std::size_t>(i + 1) * d; ++k)
        if (!(std::abs(x[k] - y[k]) <= 1e-6 * std::max({1.0, std::abs(x[k]), std::abs(y[k])}))) {
          broken.add(first + i);
          break;
        }
    }
  });
  return {{"pairs", rows - ends.count()},
          {"broken", broken.count()},
          {"broken_share", shares(rows, [&](std::int64_t row) { return broken.has(row); })}};
}

}  // namespace

json inspect(Reader& reader) {
  check_d4rl(reader);
  const std::int64_t rows = reader.column("observations").rows();
  const std::vector<EpisodeRows> episodes = find_episodes(reader);
  const std::vector<double> returns = returns_of(reader, episodes);
  std::vector<double> lengths;
  std::int64_t terminated = 0, timed_out = 0;
  for (const EpisodeRows& e : episodes) {
    lengths.push_back(static_cast<double>(e.size()));
    terminated += e.terminated;
    timed_out += e.timed_out;
  }
  json s{{"path", reader.path()},
         {"format", reader.format()},
         {"rows", rows},
         {"observation_size", reader.column("observations").row_elements()},
         {"action_size", reader.column("actions").row_elements()},
         {"episodes", episodes.size()},
         {"terminated", terminated},
         {"timed_out", timed_out},
         {"cut", static_cast<std::int64_t>(episodes.size()) - terminated - timed_out},
         {"return", spread_of(returns)},
         {"length", spread_of(lengths)},
         {"returns", thinned(returns)},
         {"lengths", thinned(lengths)},
         {"notes", reader.notes()},
         {"corruption", corruption_manifest(reader)}};
  if (const auto reference = reference_scores(std::filesystem::path(reader.path()).filename().string())) {
    std::vector<double> scores;
    for (const double r : returns)
      scores.push_back(100 * (r - reference->min) / (reference->max - reference->min));
    s["score"] = spread_of(scores);
    s["score"]["family"] = reference->family;
  }
  for (const Column& c : reader.columns()) {
    s["layout"][c.key] = c.describe();
    if (c.key == "observations" || c.key == "actions" || c.key == "rewards" || c.key == "next_observations")
      s["columns"][c.key] = column_spreads(reader, c);
  }
  if (reader.find("next_observations")) s["continuity"] = continuity_of(reader, episodes, rows);
  if (s.at("corruption").is_object())
    for (const auto& e : s.at("corruption").at("elements")) {
      const std::string name = e.at("element");
      const RowSet set = recorded_rows(reader, element_named(name), "rows", rows);
      s["corrupted_share"][name] = shares(rows, [&](std::int64_t row) { return set.has(row); });
    }
  return s;
}

json without_drawings(json s) {
  for (const char* key : {"returns", "lengths", "corrupted_share"}) s.erase(key);
  s["length"].erase("histogram");
  if (s.contains("score")) s["score"].erase("histogram");
  if (s.contains("continuity")) s["continuity"].erase("broken_share");
  for (auto& [key, dimensions] : s["columns"].items())
    for (json& d : dimensions) d.erase("histogram");
  return s;
}

}  // namespace hardy::datasets
