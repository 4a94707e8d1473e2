// What a report reads of run folders.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/run/metrics.h"

namespace hardy::run::report {

struct Run {
  std::filesystem::path path;
  std::string label;              // the folder's name, made unique
  nlohmann::json about, summary;  // run.json; summary.json or null while it runs
  std::vector<MetricsRecord> train, eval;

  std::size_t agents() const { return about.value("agents", std::size_t{1}); }
  std::string text(const std::string& key) const;  // of run.json, "" where there is none
};

// Errors name the folder and what is missing in it.
std::vector<Run> read_runs(const std::vector<std::string>& paths);

struct Spread {
  double mean = 0, std = 0, min = 0, max = 0;  // std of the sample: over n - 1; 0 for a single value
  std::size_t n = 0;                           // of the finite values
};
Spread spread(const std::vector<double>& values);

}  // namespace hardy::run::report
