// A plan run once more, node by node, to say which value first holds a NaN or an infinity.
#include <algorithm>
#include <cmath>

#include "engine/base/aligned.h"
#include "engine/graph/plan_impl.h"

namespace hardy::graph {
namespace {

template <class T>
bool finite(const T* x, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i)
    if (!std::isfinite(x[i])) return false;
  return true;
}

}  // namespace

std::string Plan::find_non_finite(ThreadTeam& team, std::int64_t agent, std::int64_t agents) {
  return find_non_finite(team, agent, agents, [this](Tensor t) { return raw(t); });
}

std::string Plan::find_non_finite(ThreadTeam& team, std::int64_t agent, std::int64_t agents,
                                  const HostMemory& memory) const {
  const Graph& g = impl_->whole;
  std::vector<Tensor> values;  // sources first, then what the run computes, in building order
  for (std::size_t v = 0; v < g.values(); ++v)
    if (impl_->needed[v]) values.push_back(Tensor{static_cast<std::int32_t>(v)});
  std::ranges::stable_partition(values, [&](Tensor t) { return g.info(t).source != Source::kComputed; });
  // What is written over does not last: the state after it is looked at.
  std::vector<Tensor> lasting;
  std::ranges::copy_if(values, std::back_inserter(lasting),
                       [&](Tensor t) { return !g.writer_over(t, g.nodes()); });
  Plan plain(g, lasting, {.fuse = false, .in_place = false});
  std::vector<std::vector<std::byte, AlignedAllocator<std::byte>>>
      copies;  // of what it writes over: this is no step
  for (Tensor t : values) {
    const ValueInfo& info = g.info(t);
    if (info.source != Source::kInput && info.source != Source::kParameter) continue;
    void* place = memory(t);
    if (g.writer_over(t, g.nodes())) {
      const auto* from = static_cast<const std::byte*>(place);
      copies.emplace_back(from, from + static_cast<std::size_t>(info.shape.elements()) * size_of(info.type));
      place = copies.back().data();
    }
    plain.bind(t, place);
  }
  plain.run(team);
  for (Tensor t : lasting) {
    const ValueInfo& info = g.info(t);
    const bool sliced = info.shape.rank() > 0 && info.shape[0] == agents;
    if (info.source == Source::kInput && !sliced)
      continue;  // a table that agents share: its rows are not all read
    const std::int64_t n = info.shape.elements();
    const std::int64_t begin = sliced ? n / agents * agent : 0, end = sliced ? n / agents * (agent + 1) : n;
    const bool good = info.type == DType::kF32   ? finite(plain.data<float>(t), begin, end)
                      : info.type == DType::kF64 ? finite(plain.data<double>(t), begin, end)
                                                 : true;
    if (!good) return g.describe(t) + " " + info.shape.str();
  }
  return "";
}

}  // namespace hardy::graph
