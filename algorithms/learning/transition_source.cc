#include "algorithms/learning/transition_source.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/base/text.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/concat.h"
#include "engine/ops/gather.h"
#include "engine/ops/reshape.h"

namespace hardy::algorithms {
namespace {

// Rows [begin, end) of a draw of `drawn`: parts of a batch that come from several tables share no number.
struct Part {
  std::int64_t begin, end, drawn;
};

// prefix: of the tables' names, an update's own each.
Batch draw(Update& u, const TransitionTables& tables, const DataSource& source, const std::string& prefix,
           const Part& part) {
  Graph& g = u.graph();
  Tensor index = u.indices(part.drawn, u.table(prefix + "rows", DType::kI32, {1}, tables.rows, true),
                           RandomStream::kBatch);
  if (part.begin > 0 || part.end < part.drawn) index = ops::slice(g, index, 1, part.begin, part.end);
  const auto rows_of = [&](const char* name, void* memory, std::int64_t width, DType type = DType::kF32) {
    const Shape shape =
        tables.shared ? Shape{tables.capacity, width} : Shape{u.agents(), tables.capacity, width};
    return ops::gather_rows(g, u.table(prefix + name, type, shape, memory, tables.shared), index);
  };
  Batch b;
  b.agents = u.agents();
  b.rows = part.end - part.begin;
  b.observation_size = source.observation_size();
  b.action_size = source.action_size();
  b.observations = rows_of("observations", tables.observations, b.observation_size);
  b.actions = tables.choices ? ops::squeeze(g, rows_of("actions", tables.choices, 1, DType::kI32), -1)
                             : rows_of("actions", tables.actions, b.action_size);
  b.rewards = ops::squeeze(g, rows_of("rewards", tables.rewards, 1), -1);
  b.next_observations = rows_of("next_observations", tables.next_observations, b.observation_size);
  b.terminals = ops::squeeze(g, rows_of("terminals", tables.terminals, 1), -1);
  if (tables.next_actions) b.next_actions = rows_of("next_actions", tables.next_actions, b.action_size);
  if (tables.trust) b.trust = ops::squeeze(g, rows_of("trust", tables.trust, 1), -1);
  if (tables.action_trust)
    b.action_trust = ops::squeeze(g, rows_of("action_trust", tables.action_trust, 1), -1);
  if (tables.imitation) b.imitation = ops::squeeze(g, rows_of("imitation", tables.imitation, 1), -1);
  b.reward_span = tables.reward_span;
  return b;
}

}  // namespace

Batch TransitionSource::batch(Update& u) const {
  const std::int64_t rows = drawn(u);
  return draw(u, tables_, *this, "", {0, rows, rows});
}

std::int64_t MixedSource::rows_from_replay(double share, std::int64_t rows) {
  return std::clamp<std::int64_t>(std::llround(share * static_cast<double>(rows)), 1, rows);
}

Batch MixedSource::batch(Update& u) const {
  const std::int64_t rows = drawn(u), own = rows_from_replay(share_, rows), old = rows - own;
  if (own * u.passes() != rows_from_replay(share_, rows * u.passes()))
    throw Error("the rows of the dataset, or its own, have no " + std::to_string(u.passes()) + " equal parts",
                "--online-share " + to_text(share_),
                "take an --accumulate (times --shards) that divides both of a batch's parts");
  Batch fresh = draw(u, replay_, *this, "replay/", {old, rows, rows});
  fresh.reward_span = dataset_.reward_span;
  if (old == 0) return fresh;
  Batch b = draw(u, dataset_, *this, "", {0, old, rows});
  Graph& g = u.graph();
  for (Tensor Batch::*column :
       {&Batch::observations, &Batch::actions, &Batch::rewards, &Batch::next_observations, &Batch::terminals})
    b.*column = ops::concat(g, {b.*column, fresh.*column}, 1);
  // What it saw itself is believed, and imitated as the mean of the others is.
  for (Tensor Batch::*weight : {&Batch::trust, &Batch::action_trust, &Batch::imitation})
    if (b.*weight)
      b.*weight = ops::concat(g, {b.*weight, ops::fill(g, DType::kF32, {b.agents, fresh.rows}, 1)}, 1);
  b.rows = rows;
  return b;
}

}  // namespace hardy::algorithms
