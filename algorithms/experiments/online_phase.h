// The phase that `--then online` adds to learning from a dataset: its options, and what cannot be right of
// them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "algorithms/learning/method.h"
#include "algorithms/online/continuing_trainee.h"
#include "engine/run/schema.h"

namespace hardy::algorithms {

// What goes before it.
struct OfflinePhase {
  const std::string &method, &environment;
  std::int64_t steps;
  bool on_one_cpu;  // in one process, on no other device
};

class OnlinePhase {
 public:
  // Of a method that does not go online `then` alone, which check() refuses.
  void options(run::Schema& schema, const Method& method);
  // An Error where it is wanted and cannot be had, or where it is not and an option of its own was given.
  void check(const run::Schema& schema, const Method& method, const OfflinePhase& before);

  bool wanted() const { return then_ == "online"; }
  const OnlineSettings& settings() const { return settings_; }
  // The last step of both phases, where it is wanted; else the offline one's.
  std::int64_t last_step(std::int64_t offline_steps) const;
  // The key and its value that make `steps` the last of both; an Error where that is none of its own.
  std::pair<std::string, std::string> ends_at(std::int64_t steps, std::int64_t offline_steps) const;
  std::string note(const OfflinePhase& before) const;  // a line for the run's log

 private:
  std::string then_ = "nothing";
  OnlineSettings settings_;
  std::vector<std::string> corrupt_;
};

}  // namespace hardy::algorithms
