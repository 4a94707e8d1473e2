// What a report reads of run folders.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/run/metrics.h"

namespace hardy::report {

// Of the dataset that a run learned from, as its run.json describes it. Numbers that are not there are NaN.
struct RunData {
  struct Element {
    std::string name;
    double rate, scale, rows_changed;
  };
  std::string path, view, sha256;
  double rows, transitions, episodes;
  double return_mean, return_std, score_mean, score_best;
  double clean_score_mean, clean_score_best;        // by the rewards that a corruption's record holds
  std::vector<double> return_edges, return_counts;  // a histogram over episodes
  bool corrupted = false;
  bool in_memory = false;       // after the figures here were taken of the file
  std::string generator, seed;  // of the corruption
  std::vector<Element> elements;

  bool rewards_corrupted() const;       // returns are then not those of the behaviour
  std::string corruption_text() const;  // "dynamics 30 % (scale 1.0)", "none"
};

// Of the prompts that a run of a token policy learned from.
struct RunPrompts {
  std::string source;  // a task with its keys, or a file
  std::vector<std::string> bands, test_bands;
  double count, rejected, test;  // demonstrations that the verifier rejects; prompts of the test
};

struct Run {
  std::filesystem::path path;
  std::string label;         // the folder's name, made unique
  std::string method, task;  // task: what it is evaluated in, "" for nothing
  std::string command, notes, version, source, created;
  std::size_t agents = 1;
  bool interacts = false;  // counts environment steps; a run on data counts gradient steps
  std::map<std::string, std::string> settings;
  std::optional<RunData> data;
  std::optional<RunPrompts> prompts;

  // Of summary.json, which a run has when it ended.
  bool ended = false, finished = false;
  double steps, seconds;  // so far; NaN where nothing is known
  std::size_t agents_stopped = 0;

  std::vector<run::MetricsRecord> train, eval;
};

// Errors name the file, the key, and what would be right.
std::vector<Run> read_runs(const std::vector<std::string>& paths);

struct Spread {
  double mean = 0, std = 0, min = 0, max = 0;  // std of the sample: over n - 1; 0 for a single value
  std::size_t n = 0;                           // of the finite values
};
Spread spread(const std::vector<double>& values);

// Of the last evaluation, one value an agent: "score/mean", "return/mean", "length/mean".
Spread last_evaluation(const Run& run, const std::string& key);

// The runs whose score is above that of every other run of the same task by more than the sample deviations
// allow: mean - std of the one is above mean + std of each other. One agent has no interval and tells
// nothing.
std::vector<bool> clearly_best(const std::vector<Run>& runs);

// For a terminal: a line a run, with its task, score and return.
std::string results_text(const std::vector<Run>& runs);

}  // namespace hardy::report
