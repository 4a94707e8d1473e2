#include "engine/graph/branches.h"

#include <algorithm>
#include <numeric>

namespace hardy::graph {
namespace {

constexpr double kLaunch = 3, kMegabyte = 2;  // microseconds: what a step costs, roughly

double cost_of(const Graph& g, const Step& step) {
  double bytes = 0;
  const auto add = [&](Tensor t) {
    bytes += static_cast<double>(g.shape(t).elements()) * static_cast<double>(size_of(g.type(t)));
  };
  for (const Node& node : step.nodes) {
    std::ranges::for_each(node.inputs, add);
    std::ranges::for_each(node.outputs, add);
  }
  return kLaunch + kMegabyte * bytes * 1e-6;
}

bool conflict(const std::vector<Access>& a, const std::vector<Access>& b) {
  for (const Access& x : a)
    for (const Access& y : b)
      if ((x.writes || y.writes) && x.begin < y.end && y.begin < x.end) return true;
  return false;
}

}  // namespace

std::vector<std::vector<std::size_t>> makers_of(const Graph& g, const std::vector<Step>& steps) {
  constexpr auto kNobody = static_cast<std::size_t>(-1);
  const auto at = [&](Tensor t) { return static_cast<std::size_t>(g.contents_of(t).id); };
  std::vector<std::size_t> maker(g.values(), kNobody);
  std::vector<std::vector<std::size_t>> readers(g.values());
  for (std::size_t s = 0; s < steps.size(); ++s)
    for (const Node& node : steps[s].nodes) {
      for (Tensor t : node.outputs) maker[at(t)] = s;
      for (Tensor t : node.inputs) readers[at(t)].push_back(s);
    }
  std::vector<std::vector<std::size_t>> makers(steps.size());
  for (std::size_t s = 0; s < steps.size(); ++s)
    for (const Node& node : steps[s].nodes) {
      for (Tensor t : node.inputs)
        if (const std::size_t m = maker[at(t)]; m != kNobody && m != s) makers[s].push_back(m);
      if (node.op->writes)
        for (const std::size_t reader : readers[at(node.inputs[0])])
          if (reader != s) makers[s].push_back(reader);
    }
  return makers;
}

void Order::follows(std::size_t later, std::size_t earlier) {
  for (std::size_t w = 0; w < words_; ++w) before_[later * words_ + w] |= before_[earlier * words_ + w];
  before_[later * words_ + earlier / 64] |= std::uint64_t{1} << earlier % 64;
}

std::vector<int> branch_out(const Graph& g, std::vector<Step>& steps, int most) {
  const std::size_t n = steps.size();
  if (most <= 1) return std::vector<int>(n, 0);
  const auto makers = makers_of(g, steps);
  std::vector<double> cost(n), rest(n, 0);  // rest: from the step's beginning to the end of all that needs it
  for (std::size_t s = n; s-- > 0;) {
    cost[s] = cost_of(g, steps[s]);
    rest[s] += cost[s];
    for (const std::size_t m : makers[s]) rest[m] = std::max(rest[m], rest[s]);
  }
  std::vector<std::size_t> urgent(n);
  std::iota(urgent.begin(), urgent.end(), std::size_t{0});
  std::ranges::stable_sort(urgent, [&](std::size_t a, std::size_t b) { return rest[a] > rest[b]; });

  struct Branch {
    double free = 0;
    std::size_t last;
  };
  std::vector<Branch> branches(static_cast<std::size_t>(most), {0, n});
  std::vector<double> begins(n), ends(n);
  std::vector<int> of(n);
  for (const std::size_t s : urgent) {
    double ready = 0;
    std::size_t latest = n;  // the one that it waits for longest
    for (const std::size_t m : makers[s])
      if (ends[m] > ready) ready = ends[m], latest = m;
    std::size_t best = 0;
    const auto begin_in = [&](std::size_t b) { return std::max(branches[b].free, ready); };
    const auto follows_on = [&](std::size_t b) { return latest < n && branches[b].last == latest; };
    for (std::size_t b = 1; b < branches.size(); ++b) {
      const double here = begin_in(b), there = begin_in(best);
      if (here != there ? here < there
          : follows_on(b) != follows_on(best)
              ? follows_on(b)
              : branches[b].free > branches[best].free)  // those that have been free for longer stay free
        best = b;
    }
    begins[s] = begin_in(best);
    ends[s] = begins[s] + cost[s];
    branches[best] = {ends[s], s};
    of[s] = static_cast<int>(best);
  }

  std::vector<std::size_t> order = urgent;
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return begins[a] < begins[b]; });
  std::vector<Step> sorted;
  std::vector<int> branch;
  for (const std::size_t s : order) {
    sorted.push_back(std::move(steps[s]));
    branch.push_back(of[s]);
  }
  steps = std::move(sorted);
  return branch;
}

Order order_of(const Graph& g, const std::vector<Step>& steps, const std::vector<int>& branch) {
  const auto makers = makers_of(g, steps);
  Order order(steps.size());
  std::vector<std::size_t> last;  // by branch
  for (std::size_t s = 0; s < branch.size(); ++s) {
    const auto b = static_cast<std::size_t>(branch[s]);
    if (b >= last.size()) last.resize(b + 1, s);
    if (last[b] != s) order.follows(s, last[b]);
    last[b] = s;
    for (const std::size_t m : makers[s]) order.follows(s, m);
  }
  for (std::size_t s = branch.size(); s < steps.size(); ++s)
    for (std::size_t before = 0; before < s; ++before) order.follows(s, before);
  return order;
}

std::vector<std::vector<std::size_t>> waits_of(const std::vector<int>& branch,
                                               const std::vector<std::vector<Access>>& accesses) {
  const std::size_t n = accesses.size();
  Order order(n);
  std::vector<std::vector<std::size_t>> waits(n);
  for (std::size_t s = 0; s < n; ++s) {
    for (std::size_t a = s; a-- > 0;)
      if (branch[a] == branch[s]) {
        order.follows(s, a);
        break;
      }
    for (std::size_t a = s; a-- > 0;)  // the latest first: they may cover those before
      if (!order.precedes(a, s) && conflict(accesses[a], accesses[s])) {
        waits[s].push_back(a);
        order.follows(s, a);
      }
  }
  return waits;
}

}  // namespace hardy::graph
