#include "algorithms/experiments/regret_shards.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/base/text.h"

namespace hardy::algorithms {
namespace {

// A shard's row of one K.
struct Row {
  const RegretShard* shard;
  std::size_t k;

  const std::vector<double>& regret() const { return shard->method.table.regret[k]; }
  double replicas() const { return static_cast<double>(regret().size()); }
};

std::map<double, std::vector<Row>> rows_of(const RegretLine& line) {
  std::map<double, std::vector<Row>> rows;
  for (const RegretShard& shard : line.shards)
    for (std::size_t k = 0; k < shard.method.table.episodes.size(); ++k)
      rows[shard.method.table.episodes[k]].push_back({&shard, k});
  return rows;
}

void add_row(double episodes, const std::vector<Row>& rows, MethodResults& m) {
  m.table.episodes.push_back(episodes);
  m.table.regret.emplace_back();
  const Row& first = rows.front();
  m.settings.push_back(first.shard->method.settings[first.k]);
  m.covariance.push_back(first.shard->method.covariance[first.k]);
  Extremes& extremes = m.extremes.emplace_back(first.shard->method.extremes[first.k]);
  std::map<std::string, double>& figures = m.figures.emplace_back();
  double replicas = 0;
  for (const Row& row : rows) replicas += row.replicas();
  for (const Row& row : rows) {
    m.table.regret.back().insert(m.table.regret.back().end(), row.regret().begin(), row.regret().end());
    const MethodResults& of = row.shard->method;
    extremes.least_eta_q = std::min(extremes.least_eta_q, of.extremes[row.k].least_eta_q);
    extremes.largest_eta_bonus = std::max(extremes.largest_eta_bonus, of.extremes[row.k].largest_eta_bonus);
    for (const auto& [name, value] : of.figures[row.k]) figures[name] += value * row.replicas() / replicas;
  }
}

// A shard has the curve of its own last K alone.
void set_curve(const std::vector<Row>& rows, MethodResults& m) {
  double replicas = 0;
  for (const Row& row : rows) {
    const MethodResults& of = row.shard->method;
    if (row.k + 1 != of.table.episodes.size() || of.curve.size() != of.curve_episodes.size()) continue;
    if (m.curve_episodes.empty()) {
      m.curve_episodes = of.curve_episodes;
      m.curve.assign(of.curve.size(), 0);
    }
    if (of.curve_episodes != m.curve_episodes) continue;
    for (std::size_t i = 0; i < m.curve.size(); ++i) m.curve[i] += of.curve[i] * row.replicas();
    replicas += row.replicas();
  }
  for (double& x : m.curve) x /= replicas;
}

std::vector<double> common_episodes(const std::vector<RegretLine>& lines, std::vector<std::string>& missing) {
  std::map<double, std::size_t> count;
  for (const RegretLine& line : lines)
    for (const auto& [k, rows] : rows_of(line)) ++count[k];
  std::vector<double> common;
  for (const auto& [k, in] : count) {
    if (in == lines.size())
      common.push_back(k);
    else
      missing.push_back(to_text(k));
  }
  return common;
}

}  // namespace

EnvironmentResults together(const std::string& name, const std::vector<RegretLine>& all,
                            std::vector<std::string>& notes, std::uint64_t seed, int resamples) {
  std::vector<RegretLine> lines;
  std::vector<std::string> empty, missing;
  for (const RegretLine& line : all) {
    if (line.shards.empty())
      empty.push_back(line.label);
    else
      lines.push_back(line);
  }
  if (!empty.empty()) notes.push_back(name + ": nothing is done of " + join(empty, ", "));
  EnvironmentResults study;
  study.env = name;
  if (lines.empty()) return study;
  study.losses = lines[0].shards[0].study.losses;
  study.sizes = lines[0].shards[0].study.sizes;
  study.linearity = lines[0].shards[0].study.linearity;
  const std::vector<double> common = common_episodes(lines, missing);
  if (!missing.empty())
    notes.push_back(name + ": K = " + join(missing, ", ") + " is left out, which not all have done");
  if (common.empty()) return study;
  std::map<double, std::pair<double, double>> uniform;  // sums and counts
  for (const RegretLine& line : lines)
    for (const RegretShard& shard : line.shards)
      for (std::size_t k = 0; k < std::min(shard.study.uniform.size(), shard.method.table.episodes.size());
           ++k) {
        auto& [sum, count] = uniform[shard.method.table.episodes[k]];
        sum += shard.study.uniform[k], ++count;
      }
  for (const double k : common)
    if (const auto found = uniform.find(k); found != uniform.end())
      study.uniform.push_back(found->second.first / found->second.second);
  if (study.uniform.size() != common.size()) study.uniform.clear();
  for (const RegretLine& line : lines) {
    MethodResults& m = study.methods.emplace_back();
    const std::map<double, std::vector<Row>> rows = rows_of(line);
    const MethodResults& first = rows.at(common.back()).front().shard->method;
    m.label = line.label;
    m.method = first.method;
    m.regret_notion = first.regret_notion;
    m.comparator = first.comparator;
    for (const double k : common) add_row(k, rows.at(k), m);
    set_curve(rows.at(common.back()), m);
    for (const RegretShard& shard : line.shards) {
      m.simulator_calls += shard.method.simulator_calls;
      m.seconds += shard.method.seconds;
    }
    m.growth = growth_of(m.table, seed, resamples, study.uniform);
    m.theory = first.theory;
    m.standing = standing_of(m.growth, m.theory);
    m.warnings = warnings_of(m);
  }
  return study;
}

}  // namespace hardy::algorithms
