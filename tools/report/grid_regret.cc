#include "tools/report/grid_regret.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "algorithms/experiments/regret_shards.h"
#include "engine/base/text.h"
#include "engine/run/run_directory.h"
#include "tools/report/chart.h"

namespace hardy::report {

using algorithms::CellState;
using algorithms::Grid;
using algorithms::GridCell;

std::string value_of(const GridCell& cell, const std::string& key) {
  const auto found = cell.keys.find(key);
  return found == cell.keys.end() ? "" : found->second;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string exact(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return std::isfinite(value) ? text : "";
}

std::string latex_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '^' || c == '~' || c == '\\') {
      out += c == '^' ? "\\textasciicircum{}" : c == '~' ? "\\textasciitilde{}" : "\\textbackslash{}";
      continue;
    }
    if (std::string("_%&#${}").find(c) != std::string::npos) out += '\\';
    out += c;
  }
  return out;
}

std::optional<algorithms::RegretResults> regret_of_grid(const Grid& grid,
                                                        const std::vector<CellState>& states,
                                                        const std::string& by) {
  // What makes a study of its own: all that varies but what is compared, K and seeds.
  std::vector<std::string> axes;
  for (const std::string& key : algorithms::varied_keys(grid.cells()))
    if (key != by && key != "seed" && key != "episodes" && key != "replicas") axes.push_back(key);
  std::vector<std::pair<std::string, std::vector<algorithms::RegretLine>>> studies;
  algorithms::RegretResults results;
  bool any = false;
  results.complete = true;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const GridCell& cell = grid.cells()[i];
    if (!cell.regret()) continue;
    std::string name;
    for (const std::string& key : axes)
      if (cell.keys.contains(key))
        name += (name.empty() ? "" : ", ") + (key == "env" ? std::string() : key + " ") + value_of(cell, key);
    if (name.empty()) name = value_of(cell, "env").empty() ? "regret" : value_of(cell, "env");
    auto study = std::ranges::find(studies, name, [](const auto& s) { return s.first; });
    if (study == studies.end()) study = studies.insert(studies.end(), {name, {}});
    const std::string label =
        by == "method" ? algorithms::study_settings_of(cell).methods.front().label : value_of(cell, by);
    auto line = std::ranges::find(study->second, label, &algorithms::RegretLine::label);
    if (line == study->second.end()) line = study->second.insert(study->second.end(), {label, {}});
    results.complete = results.complete && states[i].kind == CellState::Kind::kDone;
    if (states[i].kind != CellState::Kind::kDone) continue;
    algorithms::RegretResults of =
        algorithms::regret_results_of(run::read_results(grid.folder_of(cell) / "run"));
    any = true;
    for (algorithms::EnvironmentResults& e : of.studies)
      for (const algorithms::MethodResults& m : e.methods) line->shards.push_back({e, m});
    results.notes.insert(results.notes.end(), of.notes.begin(), of.notes.end());
  }
  if (!any) return std::nullopt;
  results.title = "Regret of the grid " + grid.folder().filename().string();
  std::ranges::sort(results.notes);
  results.notes.erase(std::ranges::unique(results.notes).begin(), results.notes.end());
  std::size_t least = SIZE_MAX;
  for (const auto& [name, lines] : studies) {
    algorithms::EnvironmentResults study = algorithms::together(name, lines, results.notes);
    for (const algorithms::MethodResults& m : study.methods) {
      results.warnings.insert(results.warnings.end(), m.warnings.begin(), m.warnings.end());
      for (const auto& row : m.table.regret) least = std::min(least, row.size());
      results.seconds += m.seconds;
    }
    if (!study.methods.empty()) results.studies.push_back(std::move(study));
  }
  results.replicas = static_cast<std::int64_t>(least);
  if (results.studies.empty()) return std::nullopt;
  return results;
}

std::vector<Replica> replicas_of(const Grid& grid, const GridCell& cell) {
  std::vector<Replica> all;
  const std::int64_t first = to_integer(value_of(cell, "seed")).value_or(0);
  for (const algorithms::EnvironmentResults& e :
       algorithms::regret_results_of(run::read_results(grid.folder_of(cell) / "run")).studies)
    for (const algorithms::MethodResults& m : e.methods)
      for (std::size_t k = 0; k < m.table.episodes.size(); ++k)
        for (std::size_t r = 0; r < m.table.regret[k].size(); ++r)
          all.push_back({first + static_cast<std::int64_t>(r), m.table.episodes[k], m.table.regret[k][r]});
  return all;
}

std::string regret_latex(const algorithms::RegretResults& results) {
  std::string text;
  for (const algorithms::EnvironmentResults& study : results.studies) {
    const std::vector<double>& k = study.methods.front().table.episodes;
    text += "% " + study.env + "\n\\begin{tabular}{l" + std::string(k.size() + 1, 'r') + "}\n\\hline\n";
    for (const double episodes : k) text += " & $K = " + number(episodes, 0) + "$";
    text += " & exponent \\\\\n\\hline\n";
    for (const algorithms::MethodResults& m : study.methods) {
      text += latex_text(m.label);
      for (std::size_t i = 0; i < k.size(); ++i)
        text += " & $" + number(m.growth.mean[i], 1) +
                (std::isfinite(m.growth.standard_error[i]) ? " \\pm " + number(m.growth.standard_error[i], 1)
                                                           : "") +
                "$";
      const algorithms::Exponent& e = m.growth.all;
      text +=
          !std::isfinite(e.value)
              ? " & --"
              : " & $" + number(e.value, 2) + "$" +
                    (std::isfinite(e.low) ? " [" + number(e.low, 2) + ", " + number(e.high, 2) + "]" : "");
      text += " \\\\\n";
    }
    text += "\\hline\n\\end{tabular}\n";
  }
  return text;
}

}  // namespace hardy::report
