// What a run reports as it goes: one JSON object a line in metrics.jsonl, and the same numbers in
// TensorBoard event files, one folder an agent.
//
//   {"kind":"train","step":1000,"seconds":12.3,"values":{"loss/q":[one an agent]}}
//
// Numbers that are not finite are null.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "engine/run/tensorboard.h"

namespace hardy::run {

using MetricValues = std::map<std::string, std::vector<double>>;  // one number an agent

struct MetricsRecord {
  std::string kind;  // "train" or "eval"
  std::int64_t step = 0;
  double seconds = 0;   // since the run began, time between a stop and its resumption not counted
  MetricValues values;  // null is read as NaN
};

// All whole records of a metrics.jsonl; a last line that a killed process left unfinished is passed over.
std::vector<MetricsRecord> read_metrics(const std::filesystem::path& file);

class MetricsLog {
 public:
  // run: the run's folder. last_step: the checkpoint that the run goes on from; records of later steps
  // are dropped, so that each step is reported once. A new run has none to drop.
  MetricsLog(const std::filesystem::path& run, std::int64_t agents,
             std::int64_t last_step = std::numeric_limits<std::int64_t>::max());
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;

  // In the file when it returns, so that a later checkpoint never knows more than the log. Error on a
  // full disk or where a value has another count than the agents.
  void write(const MetricsRecord& record);
  void sync();  // to the disk

 private:
  std::filesystem::path file_;
  int fd_ = -1;
  std::vector<EventFile> events_;
};

}  // namespace hardy::run
