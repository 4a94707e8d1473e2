// How the columns of a batch leave the dataset on a device in one launch: rows of several tables drawn by the
// same indices, and the columns that are joined right behind them. On the CPU each is a loop as it is.
#include <algorithm>
#include <cstring>

#include "engine/graph/fuse.h"
#include "engine/ops/attributes.h"
#include "engine/ops/concat.h"
#include "engine/ops/gather.h"

namespace hardy::ops {
namespace {

using graph::Fusion;
using graph::Node;
using graph::Tensor;

constexpr auto kMost = static_cast<std::size_t>(GatherColumns::kMost);

GatherColumns columns_of(const Node& node) {
  if (node.op == &kGatherRows) return {{1}};
  return node.attribute<GatherColumns>();
}
std::vector<std::byte> as_bytes(const GatherColumns& columns) {
  std::vector<std::byte> bytes(sizeof columns);
  std::memcpy(bytes.data(), &columns, sizeof columns);
  return bytes;
}

// `into`, a draw of rows or of columns, gives what `part` gave as well, which has these tables' rows.
void add(Fusion& fusion, Node& into, Node& part, const std::vector<Tensor>& tables) {
  GatherColumns columns = columns_of(into);
  columns.tables[into.outputs.size()] = static_cast<std::int32_t>(tables.size());
  if (into.op == &kGatherRows) std::swap(into.inputs[0], into.inputs[1]);
  into.inputs.insert(into.inputs.end(), tables.begin(), tables.end());
  into.op = &kGatherColumns;
  into.attributes = as_bytes(columns);
  fusion.take_over(into, part);
}
bool has_room(const Node& node, std::size_t tables) {
  return node.outputs.size() < kMost && node.inputs.size() - 1 + tables <= kMost;
}

// Rows that are drawn by the same indices from another table of the graph's own.
void rows(Fusion& fusion, Node& node) {
  const Tensor table = node.inputs[0], index = node.inputs[1];
  const auto fits = [&](Tensor t) { return !fusion.made(t) && size_of(fusion.graph().type(t)) == 4; };
  if (!fusion.on_device() || !fits(table)) return;
  for (Node& other : fusion.nodes()) {
    if (&other == &node) return;
    if (fusion.gone(other)) continue;
    const bool draws = (other.op == &kGatherRows && other.inputs[1] == index && fits(other.inputs[0])) ||
                       (other.op == &kGatherColumns && other.inputs[0] == index);
    if (draws && has_room(other, 1)) return add(fusion, other, node, {table});
  }
}

// Columns that one draw gave, side by side.
void joined(Fusion& fusion, Node& node) {
  const graph::Graph& g = fusion.graph();
  if (node.attribute<Concat>().axis != g.shape(node.outputs[0]).rank() - 1) return;
  Node* const draw = fusion.producer(node.inputs[0], kGatherColumns);
  if (!draw) return;
  const GatherColumns columns = columns_of(*draw);
  std::vector<Tensor> tables;
  for (Tensor t : node.inputs) {
    std::size_t table = 1, output = 0;
    for (; output < draw->outputs.size() && draw->outputs[output] != t; ++output)
      table += static_cast<std::size_t>(columns.tables[output]);
    if (output == draw->outputs.size()) return;
    for (std::int32_t k = 0; k < columns.tables[output]; ++k) tables.push_back(draw->inputs[table++]);
  }
  if (has_room(*draw, tables.size())) add(fusion, *draw, node, tables);
}

const graph::RegisterFusion rows_rule(kGatherRows, rows);
const graph::RegisterFusion joined_rule(kConcat, joined);

}  // namespace
}  // namespace hardy::ops
