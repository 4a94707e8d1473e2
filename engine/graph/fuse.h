// Rewrites that the planner makes before it places anything: a layer's product, bias and activation become
// one kernel, and so do the gradients that read the same operands. Each is a rule that the op's file
// registers beside the op; the graph knows none of them.
#pragma once

#include <utility>
#include <vector>

#include "engine/graph/graph.h"

namespace hardy::graph {

// The live nodes of a graph while rules join them.
class Fusion {
 public:
  // kept[v]: value v must exist after the run.
  Fusion(const Graph& g, std::vector<Node> nodes, const std::vector<char>& kept, bool on_device);

  const Graph& graph() const { return g_; }
  bool on_device() const { return on_device_; }  // else for the CPU

  std::vector<Node>& nodes() { return nodes_; }
  bool gone(const Node& node) const { return dead_[index(node)] != 0; }
  bool made(Tensor t) const { return producer_[static_cast<std::size_t>(t.id)] >= 0; }  // by a node
  // The node that makes t with `op`; else null.
  Node* producer(Tensor t, const Op& op);
  // The same if nobody else needs t.
  Node* only_producer(Tensor t, const Op& op);
  // `into` becomes a node of `op` and does the work of `part`, which goes.
  void absorb(Node& into, Node& part, const Op& op, std::vector<Tensor> inputs,
              std::vector<std::byte> attributes = {});
  // `into` gives what `part` gave as well, which goes.
  void take_over(Node& into, Node& part);
  void remove(Node& node) { dead_[index(node)] = 1; }
  std::vector<Node> take_nodes();  // those left

 private:
  std::size_t index(const Node& node) const { return static_cast<std::size_t>(&node - nodes_.data()); }

  const Graph& g_;
  std::vector<Node> nodes_;
  std::vector<char> dead_;
  std::vector<int> producer_, uses_;
  const std::vector<char>& kept_;
  bool on_device_;
};

// rule(fusion, node) is called for every node of `op`, in topological order, so that a chain grows from its
// head. One rule an op.
using FusionRule = void (*)(Fusion&, Node&);
struct RegisterFusion {
  RegisterFusion(const Op& op, FusionRule rule);
};

// nodes: the live ones of g. Values that a rule makes unnecessary are no node's output any more.
std::vector<Node> fuse(const Graph& g, std::vector<Node> nodes, const std::vector<char>& kept,
                       bool on_device = false);

}  // namespace hardy::graph
