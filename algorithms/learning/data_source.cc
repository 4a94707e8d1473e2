#include "algorithms/learning/data_source.h"

namespace hardy::algorithms {

Batch DataSource::batch(Update&) const {
  throw Error("draws windows, not rows", "the method's data", "say so in draws_from()");
}

WindowBatch DataSource::windows(Update&) const {
  throw Error("draws rows, not windows", "the method's data", "say so in draws_from()");
}

std::int64_t DataSource::drawn(const Update& u) const {
  if (batch_ % u.passes() != 0)
    throw Error("has no " + std::to_string(u.passes()) + " equal parts",
                "--batch-size " + std::to_string(batch_),
                "take an --accumulate (times --shards) that divides it");
  return batch_ / u.passes();
}

}  // namespace hardy::algorithms
