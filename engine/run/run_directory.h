// One run's folder, held by one process at a time:
//
//   config.ini  run.json  metrics.jsonl  summary.json  lock
//   results.json (a study's)  tensorboard/agent_<i>/  checkpoints/step_<12 digits>.ckpt
//   policy/agent_<i>.policy  policy/best_agent_<i>.policy
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/run/fields.h"
#include "engine/run/temporary.h"

namespace hardy::run {

class RunDirectory {
 public:
  // A new folder (its parents too) with these folders in it. Error if anything of that name exists. Until
  // write_run() has described it, it lies beside its place as NAME.tmp-PID, and goes with this object or this
  // process: whoever sees a run sees a whole one.
  static RunDirectory create(const std::filesystem::path& given, const std::vector<std::string>& parts = {
                                                                     "checkpoints", "policy", "tensorboard"});
  // An existing run, to go on with. Error if it is none, or if another process has it.
  static RunDirectory open(const std::filesystem::path& path);
  ~RunDirectory();  // gives the lock back; removes a run that was never described
  RunDirectory(RunDirectory&& other) noexcept;
  RunDirectory& operator=(RunDirectory&&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config_file() const { return path_ / "config.ini"; }
  std::filesystem::path metrics_file() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path checkpoint_folder() const { return path_ / "checkpoints"; }
  std::filesystem::path policy_file(std::int64_t agent) const;
  std::filesystem::path best_policy_file(std::int64_t agent) const;  // of a run that keeps it

  void write_config(const std::string& resolved) const;  // Schema::resolved()
  // run.json; adds "version", "source" and "build". The first time it gives a new run its name; an Error if
  // another process has taken it meanwhile.
  void write_run(const nlohmann::json& description);
  void write_summary(const nlohmann::json& summary) const;
  void write_results(const nlohmann::json& results) const;  // results.json, of a study

 private:
  explicit RunDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  void lock();
  void appear();

  std::filesystem::path path_;               // where it lies now
  std::filesystem::path name_;               // where it is going to; "" once it is there
  std::unique_ptr<Temporary> half_written_;  // as long as it has no name
  int lock_ = -1;
};

// What the files of a run say; no lock is taken. Errors name the file, and the key that is asked for.
Fields read_run(const std::filesystem::path& run);                     // run.json
std::optional<Fields> read_summary(const std::filesystem::path& run);  // summary.json, where there is one yet
Fields read_results(const std::filesystem::path& run);                 // results.json, of a study

}  // namespace hardy::run
