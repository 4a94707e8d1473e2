// Batches of windows from a dataset, the same tables for all agents; beside transition_source.h.
#pragma once

#include <optional>
#include <utility>

#include "algorithms/learning/data_source.h"
#include "datasets/windows.h"

namespace hardy::algorithms {

class WindowSource final : public DataSource {
 public:
  // What agents have of their own instead of the tables' columns, where their method corrects these: vectors
  // of (N + 1) n numbers.
  struct Corrected {
    Network actions, rewards, returns_to_go;
  };
  // tables: in memory that outlives the learner. batch: of windows, whose first rows are drawn uniformly with
  // replacement, so that an episode comes as often as it is long, as published; keyed as the rows of a
  // TransitionSource are.
  WindowSource(datasets::Windows& tables, std::int64_t batch, std::optional<Corrected> corrected = {})
      : DataSource(tables.observation_size, tables.action_size, batch),
        tables_(tables),
        corrected_(std::move(corrected)) {}

  WindowBatch windows(Update& update) const override;

 private:
  datasets::Windows& tables_;
  std::optional<Corrected> corrected_;
};

}  // namespace hardy::algorithms
