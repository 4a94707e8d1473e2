#include "engine/graph/fuse.h"

#include <map>

namespace hardy::graph {
namespace {

std::size_t at(Tensor t) { return static_cast<std::size_t>(t.id); }

std::map<const Op*, FusionRule>& rules() {
  static std::map<const Op*, FusionRule> all;
  return all;
}

}  // namespace

RegisterFusion::RegisterFusion(const Op& op, FusionRule rule) {
  if (!rules().emplace(&op, rule).second) throw Error("two fusion rules are registered for one op", op.name);
}

Fusion::Fusion(const Graph& g, std::vector<Node> nodes, const std::vector<char>& kept, bool on_device)
    : g_(g),
      nodes_(std::move(nodes)),
      dead_(nodes_.size(), 0),
      producer_(g.values(), -1),
      uses_(g.values(), 0),
      kept_(kept),
      on_device_(on_device) {
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    for (Tensor t : nodes_[n].outputs) producer_[at(t)] = static_cast<int>(n);
    for (Tensor t : nodes_[n].inputs) ++uses_[at(t)];
  }
}

Node* Fusion::producer(Tensor t, const Op& op) {
  const int n = producer_[at(t)];
  return n < 0 || nodes_[static_cast<std::size_t>(n)].op != &op ? nullptr
                                                                : &nodes_[static_cast<std::size_t>(n)];
}
Node* Fusion::only_producer(Tensor t, const Op& op) {
  return uses_[at(t)] == 1 && !kept_[at(t)] ? producer(t, op) : nullptr;
}

void Fusion::absorb(Node& into, Node& part, const Op& op, std::vector<Tensor> inputs,
                    std::vector<std::byte> attributes) {
  remove(part);
  into.op = &op;
  into.inputs = std::move(inputs);
  into.attributes = std::move(attributes);
}

void Fusion::take_over(Node& into, Node& part) {
  remove(part);
  for (Tensor t : part.outputs) {
    into.outputs.push_back(t);
    producer_[at(t)] = static_cast<int>(index(into));
  }
}

std::vector<Node> Fusion::take_nodes() {
  std::vector<Node> alive;
  for (std::size_t n = 0; n < nodes_.size(); ++n)
    if (!dead_[n]) alive.push_back(std::move(nodes_[n]));
  return alive;
}

std::vector<Node> fuse(const Graph& g, std::vector<Node> nodes, const std::vector<char>& kept,
                       bool on_device) {
  Fusion fusion(g, std::move(nodes), kept, on_device);
  for (Node& node : fusion.nodes()) {
    if (fusion.gone(node)) continue;
    const auto rule = rules().find(node.op);
    if (rule != rules().end()) rule->second(fusion, node);
  }
  return fusion.take_nodes();
}

}  // namespace hardy::graph
