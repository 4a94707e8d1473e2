#include "engine/graph/memory.h"

#include <algorithm>
#include <map>

namespace hardy::graph {
namespace {

constexpr std::size_t kAlign = 64;

// First-fit-by-size allocation of a growing arena; freed ranges merge with their neighbours.
class Arena {
 public:
  std::size_t take(std::size_t bytes) {
    auto best = free_.end();
    for (auto it = free_.begin(); it != free_.end(); ++it)
      if (it->second >= bytes && (best == free_.end() || it->second < best->second)) best = it;
    if (best == free_.end()) {
      const std::size_t offset = end_;
      end_ += bytes;
      return offset;
    }
    const std::size_t offset = best->first, left = best->second - bytes;
    free_.erase(best);
    if (left) free_[offset + bytes] = left;
    return offset;
  }
  void give(std::size_t offset, std::size_t bytes) {
    auto next = free_.lower_bound(offset);
    if (next != free_.end() && offset + bytes == next->first) {
      bytes += next->second;
      next = free_.erase(next);
    }
    if (next != free_.begin()) {
      auto before = std::prev(next);
      if (before->first + before->second == offset) {
        before->second += bytes;
        return;
      }
    }
    free_[offset] = bytes;
  }
  std::size_t bytes() const { return end_; }

 private:
  std::map<std::size_t, std::size_t> free_;
  std::size_t end_ = 0;
};

class Placer {
 public:
  Placer(const Graph& g, const std::vector<Step>& steps, const std::vector<Tensor>& root,
         const std::vector<char>& kept)
      : g_(g), steps_(steps), root_(root), kept_(kept), first_(g.values(), -1), last_(g.values(), -1) {
    for (std::size_t s = 0; s < steps.size(); ++s)
      for (const Node& node : steps[s].nodes) {
        for (Tensor t : node.outputs) first_[at(t)] = last_[at(t)] = static_cast<int>(s);
        for (Tensor t : node.inputs) last_[at(t)] = std::max(last_[at(t)], static_cast<int>(s));
      }
  }

  Placement run(bool in_place) {
    Placement p{std::vector<std::ptrdiff_t>(g_.values(), kNoPlace), std::vector<char>(g_.values(), 0), 0};
    Arena arena;
    for (std::size_t s = 0; s < steps_.size(); ++s) {
      const Step& step = steps_[s];
      for (const Node& node : step.nodes)
        for (Tensor t : node.outputs) {
          const std::size_t v = at(t);
          if (kept_[v]) continue;
          if (step.chain() && step.nodes.size() > 1 && last_[v] == static_cast<int>(s)) {
            p.scratch[v] = 1;
            continue;
          }
          const std::size_t donor = in_place ? find_donor(s, node, v, p) : g_.values();
          if (donor < g_.values()) {
            p.offset[v] = p.offset[donor];
            taken_[donor] = 1;
          } else {
            p.offset[v] = static_cast<std::ptrdiff_t>(arena.take(bytes(v)));
          }
        }
      for (std::size_t v = 0; v < g_.values(); ++v)
        if (p.offset[v] != kNoPlace && last_[v] == static_cast<int>(s) && !taken_[v])
          arena.give(static_cast<std::size_t>(p.offset[v]), bytes(v));
    }
    p.bytes = arena.bytes();
    return p;
  }

 private:
  std::size_t at(Tensor t) const {
    return static_cast<std::size_t>(root_[static_cast<std::size_t>(t.id)].id);
  }
  std::size_t bytes(std::size_t v) const {
    const ValueInfo& info = g_.info(Tensor{static_cast<std::int32_t>(v)});
    const std::size_t n = static_cast<std::size_t>(info.shape.elements()) * size_of(info.type);
    return (std::max<std::size_t>(n, 1) + kAlign - 1) / kAlign * kAlign;
  }

  // An operand whose memory `node`'s output v may take over: it dies in this step, is as large, and
  // every reader in the step reads it element for element, none of them after `node`.
  std::size_t find_donor(std::size_t s, const Node& node, std::size_t v, const Placement& p) const {
    if (!node.op->cpu_range) return g_.values();
    for (Tensor t : node.inputs) {
      const std::size_t d = at(t);
      if (kept_[d] || p.offset[d] == kNoPlace || taken_[d] || last_[d] != static_cast<int>(s) ||
          bytes(d) != bytes(v) || first_[d] == static_cast<int>(s) || g_.type(t) != g_.type(node.outputs[0]))
        continue;
      bool safe = true, seen_node = false;
      for (const Node& other : steps_[s].nodes) {
        for (Tensor r : other.inputs)
          if (at(r) == d && (seen_node || !(g_.shape(r) == g_.shape(other.outputs[0])))) safe = false;
        seen_node = seen_node || &other == &node;
      }
      if (safe) return d;
    }
    return g_.values();
  }

  const Graph& g_;
  const std::vector<Step>& steps_;
  const std::vector<Tensor>& root_;
  const std::vector<char>& kept_;
  std::vector<int> first_, last_;  // by root: steps that make it and read it last
  std::vector<char> taken_ = std::vector<char>(g_.values(), 0);
};

}  // namespace

Placement place(const Graph& g, const std::vector<Step>& steps, const std::vector<Tensor>& root,
                const std::vector<char>& kept, bool in_place) {
  return Placer(g, steps, root, kept).run(in_place);
}

}  // namespace hardy::graph
