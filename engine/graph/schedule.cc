#include "engine/graph/schedule.h"

#include <algorithm>

namespace hardy::graph {
namespace {

class Scheduler {
 public:
  Scheduler(const Graph& g, const std::vector<Node>& nodes, const std::vector<Tensor>& root, bool chains)
      : g_(g),
        nodes_(nodes),
        root_(root),
        chains_(chains),
        waits_(nodes.size(), 0),
        readers_(g.values()),
        writers_(nodes.size()) {
    std::vector<char> made(g.values(), 0);
    for (const Node& node : nodes)
      for (Tensor t : node.outputs) made[at(t)] = 1;
    for (std::size_t n = 0; n < nodes.size(); ++n)
      for (Tensor t : nodes[n].inputs)
        if (made[at(t)]) {
          ++waits_[n];
          readers_[at(t)].push_back(n);
        }
    for (std::size_t w = 0; w < nodes.size(); ++w)
      if (nodes[w].op->writes)
        for (std::size_t n = 0; n < nodes.size(); ++n)
          if (n != w && reads(nodes[n], g.contents_of(nodes[w].inputs[0]))) {
            ++waits_[w];
            writers_[n].push_back(w);
          }
    for (std::size_t n = 0; n < nodes.size(); ++n)
      if (waits_[n] == 0) ready_.push_back(n);
  }

  std::vector<Step> run() {
    std::vector<Step> steps;
    std::size_t done = 0;
    in_step_.assign(g_.values(), 0);
    while (!ready_.empty()) {
      const std::size_t pick = choose(steps);
      const std::size_t n = ready_[pick];
      ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(pick));
      const Node& node = nodes_[n];
      ++done;
      if (!node.op->alias) {
        if (!(chains_ && !steps.empty() && joins(node, steps.back()))) {
          steps.emplace_back();
          in_step_.assign(g_.values(), 0);
        }
        steps.back().nodes.push_back(node);
        for (Tensor t : node.outputs) in_step_[at(root_[at(t)])] = 1;
      }
      for (Tensor t : node.outputs)
        for (std::size_t reader : readers_[at(t)])
          if (--waits_[reader] == 0) ready_.push_back(reader);
      for (std::size_t writer : writers_[n])
        if (--waits_[writer] == 0) ready_.push_back(writer);
    }
    for (std::size_t n = 0; n < nodes_.size(); ++n)
      if (waits_[n] > 0 && nodes_[n].op->writes) fail(nodes_[n]);
    if (done != nodes_.size()) throw Error::failed_run("a fusion made the graph circular", "plan");
    return steps;
  }

 private:
  static std::size_t at(Tensor t) { return static_cast<std::size_t>(t.id); }
  bool reads(const Node& node, Tensor contents) const {
    return !node.op->alias &&
           std::ranges::any_of(node.inputs, [&](Tensor t) { return g_.contents_of(t) == contents; });
  }
  [[noreturn]] void fail(const Node& writer) const {
    throw Error(
        "a value is read after an op wrote over it: read what that op gives, or copy the value before",
        g_.describe(writer.inputs[0]) + ", op " + writer.op->name);
  }

  // Aliases first (they are free and may release a chain's next node), then a node that continues the
  // open chain, then the earliest built.
  std::size_t choose(const std::vector<Step>& steps) const {
    std::size_t best = 0;
    int best_class = 3;
    for (std::size_t i = 0; i < ready_.size(); ++i) {
      const Node& node = nodes_[ready_[i]];
      const int c = node.op->alias ? 0 : chains_ && !steps.empty() && joins(node, steps.back()) ? 1 : 2;
      if (c < best_class || (c == best_class && ready_[i] < ready_[best])) {
        best = i;
        best_class = c;
      }
    }
    return best;
  }

  bool joins(const Node& node, const Step& step) const {
    if (!node.op->cpu_range || !step.chain()) return false;
    const ValueInfo& out = g_.info(node.outputs[0]);
    const ValueInfo& head = g_.info(step.nodes.front().outputs[0]);
    if (out.shape.elements() != head.shape.elements() || out.type != head.type) return false;
    for (Tensor t : node.inputs)
      if (in_step_[at(root_[at(t)])] && !(g_.shape(t) == out.shape)) return false;
    return true;
  }

  const Graph& g_;
  const std::vector<Node>& nodes_;
  const std::vector<Tensor>& root_;
  bool chains_;
  std::vector<int> waits_;
  std::vector<std::vector<std::size_t>> readers_;  // by value
  std::vector<std::vector<std::size_t>> writers_;  // by node: those that write over what it reads
  std::vector<std::size_t> ready_;
  std::vector<char> in_step_;  // roots that the open step makes
};

}  // namespace

std::vector<Step> schedule(const Graph& g, const std::vector<Node>& nodes, const std::vector<Tensor>& root,
                           bool chains) {
  return Scheduler(g, nodes, root, chains).run();
}

}  // namespace hardy::graph
