// Steps that do not need each other, side by side on a device: a branch is a stream that steps are put into
// one after another, and a step waits for those of other branches that it needs. What it needs follows from
// memory: who wrote what it reads, and who reads or wrote what it writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/graph/schedule.h"

namespace hardy::graph {

// Which steps are over before another begins: a partial order that grows step by step.
class Order {
 public:
  // Of steps one after another.
  Order() = default;
  // Of `steps` steps that no one has ordered yet.
  explicit Order(std::size_t steps) : words_((steps + 63) / 64), before_(steps * words_, 0) {}

  // earlier < later, and all that `earlier` follows was said before.
  void follows(std::size_t later, std::size_t earlier);
  bool precedes(std::size_t earlier, std::size_t later) const {
    if (words_ == 0) return earlier < later;
    return (before_[later * words_ + earlier / 64] >> earlier % 64 & 1) != 0;
  }

 private:
  std::size_t words_ = 0;  // 0: one after another
  std::vector<std::uint64_t> before_;
};

// By step: the steps that make its operands, and those that read what it writes over.
std::vector<std::vector<std::size_t>> makers_of(const Graph& g, const std::vector<Step>& steps);

// The steps in the order in which they are put into streams, and by step its branch, 0 to most - 1. Steps
// with the longest way to the end come first, each into the branch that can take it earliest; with
// most = 1 they stay as they are.
std::vector<int> branch_out(const Graph& g, std::vector<Step>& steps, int most);
// What branches and needed values alone order. Steps without a branch, the last ones, follow all before them.
Order order_of(const Graph& g, const std::vector<Step>& steps, const std::vector<int>& branch);

// Memory that a step reads or writes.
struct Access {
  std::uintptr_t begin = 0, end = 0;
  bool writes = false;
};
// By step: the earlier ones of other branches that it waits for, none that another wait covers.
std::vector<std::vector<std::size_t>> waits_of(const std::vector<int>& branch,
                                               const std::vector<std::vector<Access>>& accesses);

}  // namespace hardy::graph
