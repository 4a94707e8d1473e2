#include "engine/graph/device_chains.h"

#include <algorithm>
#include <queue>
#include <set>

#include "engine/graph/branches.h"
#include "engine/graph/device_kernels.h"

namespace hardy::graph {
namespace {

class Joiner {
 public:
  Joiner(const Graph& g, const std::vector<Step>& steps, const std::function<bool(const Node&)>& may_chain)
      : g_(g), steps_(steps), may_chain_(may_chain), makers_(makers_of(g, steps)), group_of_(steps.size()) {}

  std::vector<Step> run() {
    for (std::size_t s = 0; s < steps_.size(); ++s) {
      const Node& node = steps_[s].nodes.front();
      int before = 0;
      for (const std::size_t m : makers_[s]) before = std::max(before, groups_[group_of_[m]].level);
      const bool chains = may_chain_(node);
      std::size_t found = groups_.size();
      if (chains) found = place_for(s, node, before);
      if (found == groups_.size()) groups_.push_back({before + 1, chains, {}, {}, {}});
      Group& group = groups_[found];
      group.steps.push_back(s);
      for (Tensor t : node.outputs) group.made.insert(contents(t));
      for (Tensor t : node.inputs) group.read.insert(contents(t));
      group_of_[s] = found;
    }
    return in_order();
  }

 private:
  struct Group {
    int level;
    bool chains;
    std::vector<std::size_t> steps;
    std::set<std::int32_t> made, read;
  };

  std::int32_t contents(Tensor t) const { return g_.contents_of(t).id; }
  const Node& head(const Group& group) const { return steps_[group.steps.front()].nodes.front(); }

  // The group that the node joins; none: groups_.size(). before: the highest level of its makers.
  std::size_t place_for(std::size_t s, const Node& node, int before) const {
    // Of the level of its makers there is one, a chain; all others are below it.
    std::size_t last = groups_.size();
    bool one = true;
    for (const std::size_t m : makers_[s]) {
      if (groups_[group_of_[m]].level < before) continue;
      one = one && (last == groups_.size() || last == group_of_[m]);
      last = group_of_[m];
    }
    if (last < groups_.size() && one && joins(node, groups_[last])) return last;
    for (std::size_t k = 0; k < groups_.size(); ++k) {
      const Group& sibling = groups_[k];
      const auto reads = [&](Tensor t) { return sibling.read.contains(contents(t)) && made(t); };
      if (sibling.level == before + 1 && joins(node, sibling) && std::ranges::any_of(node.inputs, reads))
        return k;
    }
    return groups_.size();
  }
  bool made(Tensor t) const { return g_.info(g_.contents_of(t)).source == Source::kComputed; }

  bool joins(const Node& node, const Group& group) const {
    const Shape& shape = g_.shape(node.outputs[0]);
    if (!group.chains || group.steps.size() == kMostLinks ||
        g_.shape(head(group).outputs[0]).elements() != shape.elements())
      return false;
    std::size_t operands = node.inputs.size();
    for (const std::size_t s : group.steps) operands += steps_[s].nodes.front().inputs.size();
    return operands <= kMostChainOperands && std::ranges::all_of(node.inputs, [&](Tensor t) {
             return !group.made.contains(contents(t)) || g_.shape(t) == shape;
           });
  }

  // As the steps were, as far as what needs what lets them: those that begin first are first.
  std::vector<Step> in_order() const {
    std::vector<std::set<std::size_t>> needs(groups_.size());
    std::vector<std::vector<std::size_t>> readers(groups_.size());
    for (std::size_t s = 0; s < steps_.size(); ++s)
      for (const std::size_t m : makers_[s])
        if (group_of_[m] != group_of_[s] && needs[group_of_[s]].insert(group_of_[m]).second)
          readers[group_of_[m]].push_back(group_of_[s]);
    std::vector<std::size_t> waits(groups_.size());
    std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
    for (std::size_t k = 0; k < groups_.size(); ++k) {
      waits[k] = needs[k].size();
      if (waits[k] == 0) ready.push(k);
    }
    std::vector<Step> ordered;
    while (!ready.empty()) {
      const std::size_t k = ready.top();
      ready.pop();
      ordered.emplace_back();
      for (const std::size_t s : groups_[k].steps) ordered.back().nodes.push_back(steps_[s].nodes.front());
      for (const std::size_t reader : readers[k])
        if (--waits[reader] == 0) ready.push(reader);
    }
    if (ordered.size() != groups_.size()) throw Error::failed_run("chains made the graph circular", "plan");
    return ordered;
  }

  const Graph& g_;
  const std::vector<Step>& steps_;
  const std::function<bool(const Node&)>& may_chain_;
  std::vector<std::vector<std::size_t>> makers_;
  std::vector<std::size_t> group_of_;  // by step
  std::vector<Group> groups_;
};

}  // namespace

std::vector<Step> join_chains(const Graph& g, const std::vector<Step>& steps,
                              const std::function<bool(const Node&)>& may_chain) {
  return Joiner(g, steps, may_chain).run();
}

}  // namespace hardy::graph
