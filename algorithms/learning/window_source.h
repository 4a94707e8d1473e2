// Batches of windows from a dataset, the same tables for all agents; beside transition_source.h.
#pragma once

#include "algorithms/learning/data_source.h"
#include "datasets/windows.h"

namespace hardy::algorithms {

class WindowSource final : public DataSource {
 public:
  // tables: in memory that outlives the learner. batch: of windows, whose first rows are drawn uniformly with
  // replacement, so that an episode comes as often as it is long, as published; keyed as the rows of a
  // TransitionSource are.
  WindowSource(datasets::Windows& tables, std::int64_t batch)
      : DataSource(tables.observation_size, tables.action_size, batch), tables_(tables) {}

  WindowBatch windows(Update& update) const override;

 private:
  datasets::Windows& tables_;
};

}  // namespace hardy::algorithms
