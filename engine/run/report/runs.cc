#include "engine/run/report/runs.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/base/error.h"
#include "engine/run/run_directory.h"

namespace hardy::run::report {

std::string Run::text(const std::string& key) const {
  const auto found = about.find(key);
  if (found == about.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::vector<Run> read_runs(const std::vector<std::string>& paths) {
  std::vector<Run> runs;
  std::map<std::string, int> names;
  for (const std::string& p : paths) {
    Run r;
    r.path = p;
    r.about = read_run(p);
    if (!r.about.is_object() || !r.about.contains("method")) throw Error("run.json names no method", p);
    r.summary = read_summary(p);
    for (MetricsRecord& m : read_metrics(r.path / "metrics.jsonl"))
      (m.kind == "eval" ? r.eval : r.train).push_back(std::move(m));
    std::string name =
        r.path.filename().empty() ? r.path.parent_path().filename().string() : r.path.filename().string();
    if (const int seen = names[name]++) name += " (" + std::to_string(seen + 1) + ")";
    r.label = name;
    runs.push_back(std::move(r));
  }
  return runs;
}

Spread spread(const std::vector<double>& values) {
  Spread s;
  for (const double v : values) {
    if (!std::isfinite(v)) continue;
    s.min = s.n ? std::min(s.min, v) : v;
    s.max = s.n ? std::max(s.max, v) : v;
    s.mean += v;
    ++s.n;
  }
  if (s.n == 0) return s;
  s.mean /= static_cast<double>(s.n);
  for (const double v : values)
    if (std::isfinite(v)) s.std += (v - s.mean) * (v - s.mean);
  s.std = s.n > 1 ? std::sqrt(s.std / static_cast<double>(s.n - 1)) : 0;
  return s;
}

}  // namespace hardy::run::report
