#include "engine/graph/memory.h"

#include <algorithm>

namespace hardy::graph {
namespace {

class Placer {
 public:
  Placer(const Graph& g, const std::vector<Step>& steps, const std::vector<Tensor>& root,
         const std::vector<char>& kept, const Order& order, std::size_t alignment)
      : g_(g),
        steps_(steps),
        root_(root),
        kept_(kept),
        order_(order),
        alignment_(alignment),
        uses_(g.values()) {
    for (std::size_t s = 0; s < steps.size(); ++s)
      for (const Node& node : steps[s].nodes) {
        for (Tensor t : node.inputs) add_use(at(t), s);
        for (Tensor t : node.outputs) add_use(at(t), s);
      }
  }

  Placement run(bool in_place) {
    Placement p{std::vector<std::ptrdiff_t>(g_.values(), kNoPlace), std::vector<char>(g_.values(), 0), 0};
    for (std::size_t s = 0; s < steps_.size(); ++s)
      for (const Node& node : steps_[s].nodes)
        for (Tensor t : node.outputs) {
          const std::size_t v = at(t);
          if (kept_[v]) continue;
          const Step& step = steps_[s];
          if (step.chain() && step.nodes.size() > 1 && uses_[v].back() == s) {
            p.scratch[v] = 1;
            continue;
          }
          const std::size_t donor = in_place ? find_donor(s, node, v, p) : g_.values();
          if (donor < g_.values()) {
            p.offset[v] = p.offset[donor];
            taken_[donor] = 1;
          } else {
            p.offset[v] = static_cast<std::ptrdiff_t>(gap(s, bytes(v), p));
          }
          placed_.push_back(v);
          p.bytes = std::max(p.bytes, static_cast<std::size_t>(p.offset[v]) + bytes(v));
        }
    return p;
  }

 private:
  std::size_t at(Tensor t) const {
    return static_cast<std::size_t>(root_[static_cast<std::size_t>(t.id)].id);
  }
  std::size_t bytes(std::size_t v) const {
    const ValueInfo& info = g_.info(Tensor{static_cast<std::int32_t>(v)});
    const std::size_t n = static_cast<std::size_t>(info.shape.elements()) * size_of(info.type);
    return (std::max<std::size_t>(n, 1) + alignment_ - 1) / alignment_ * alignment_;
  }
  void add_use(std::size_t v, std::size_t s) {
    if (uses_[v].empty() || uses_[v].back() != s) uses_[v].push_back(s);
  }
  // No use of v is left when step s begins, but s itself.
  bool over(std::size_t v, std::size_t s, bool but_s) const {
    return std::ranges::all_of(uses_[v],
                               [&](std::size_t use) { return use == s ? but_s : order_.precedes(use, s); });
  }

  // The smallest gap for `size` bytes between what is still in use when step s begins.
  std::size_t gap(std::size_t s, std::size_t size, const Placement& p) const {
    std::vector<std::pair<std::size_t, std::size_t>> used;  // from, to
    for (const std::size_t v : placed_)
      if (!taken_[v] && !over(v, s, false))
        used.emplace_back(static_cast<std::size_t>(p.offset[v]),
                          static_cast<std::size_t>(p.offset[v]) + bytes(v));
    std::ranges::sort(used);
    std::size_t end = 0, best = 0, smallest = 0;  // smallest: of the gaps that fit; 0: none
    for (const auto& [from, to] : used) {
      if (from >= end + size && (smallest == 0 || from - end < smallest)) {
        best = end;
        smallest = from - end;
      }
      end = std::max(end, to);
    }
    return smallest == 0 ? end : best;
  }

  // An operand whose memory `node`'s output v may take over: nobody uses it beside or after this step, it is
  // as large, and every reader in the step reads it element for element, none of them after `node`.
  std::size_t find_donor(std::size_t s, const Node& node, std::size_t v, const Placement& p) const {
    if (!node.op->cpu_range) return g_.values();
    for (Tensor t : node.inputs) {
      const std::size_t d = at(t);
      if (kept_[d] || p.offset[d] == kNoPlace || taken_[d] || !over(d, s, true) || bytes(d) != bytes(v) ||
          uses_[d].front() == s || g_.type(t) != g_.type(node.outputs[0]))
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
  const Order& order_;
  std::size_t alignment_;
  std::vector<std::vector<std::size_t>> uses_;  // by root: the steps that make it and read it
  std::vector<std::size_t> placed_;             // values in the arena so far
  std::vector<char> taken_ = std::vector<char>(g_.values(), 0);
};

}  // namespace

Placement place(const Graph& g, const std::vector<Step>& steps, const std::vector<Tensor>& root,
                const std::vector<char>& kept, bool in_place, const Order& order, std::size_t alignment) {
  return Placer(g, steps, root, kept, order, alignment).run(in_place);
}

}  // namespace hardy::graph
