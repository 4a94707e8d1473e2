// A plan: a graph made ready to run, on the CPU or on another device. Nodes that no output needs are dropped,
// what depends on constants alone is computed, layers and pointwise chains are fused, every intermediate gets
// its place in one arena by liveness, and run() then allocates nothing.
//
//   Plan plan(g, {loss, dw}, {});
//   plan.bind(w, weights.data());        // memory of the caller's
//   std::copy(..., plan.data<float>(x)); // or the plan's own
//   plan.run(team);
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/graph/graph.h"

namespace hardy {
class ThreadTeam;
}

namespace hardy::device {
class Device;
class Stream;
}  // namespace hardy::device

namespace hardy::graph {

struct PlanOptions {
  bool fuse = true;         // linear + bias + activation, gradients of layers, pointwise chains
  bool in_place = true;     // pointwise results over operands that are not needed any more
  std::int64_t agents = 1;  // of the leading axis: on the CPU they run apart where the graph lets them
  device::Device* device = nullptr;  // null: the CPU. A device must have a kernel for every op
  // Outputs that a run leaves out, and all that they alone need: they follow where they are asked for.
  std::vector<Tensor> on_demand = {};
};

class Plan {
 public:
  // outputs: values that keep their contents after run(). Throws if a value is unusable.
  Plan(const Graph& g, std::span<const Tensor> outputs, const PlanOptions& options = {});
  Plan(const Graph& g, std::initializer_list<Tensor> outputs, const PlanOptions& options = {})
      : Plan(g, std::span(outputs.begin(), outputs.size()), options) {}
  ~Plan();
  Plan(Plan&&) noexcept;
  Plan& operator=(Plan&&) noexcept;

  // Puts an input, a parameter or an output at `memory` (its bytes, aligned to its type, of the plan's
  // device), for good.
  void bind(Tensor t, void* memory);
  // The place of an input, a parameter or an output.
  void* raw(Tensor t) const;
  template <class T>
  T* data(Tensor t) const {
    return static_cast<T*>(raw(t));
  }

  // One pass. Inputs and parameters that were never bound have zeroed memory of the plan's own.
  void run(ThreadTeam& team);
  // On a device: puts one pass into the stream. An Error names the op whose kernel cannot run.
  void enqueue(device::Stream& stream);
  // After a run, before the next: the outputs on demand, of what it computed. As often as one likes.
  void run_on_demand(ThreadTeam& team);
  void enqueue_on_demand(device::Stream& stream);

  // Runs once more, node by node, and describes the first value that is not finite within the slice
  // of `agent` (the leading axis, where it has `agents` entries); "" if all are.
  std::string find_non_finite(ThreadTeam& team, std::int64_t agent, std::int64_t agents);
  // The same on the CPU, of what `memory` (host) holds for an input or a parameter.
  using HostMemory = std::function<void*(Tensor)>;
  std::string find_non_finite(ThreadTeam& team, std::int64_t agent, std::int64_t agents,
                              const HostMemory& memory) const;

  std::size_t arena_bytes() const;  // intermediates
  std::size_t own_bytes() const;    // intermediates, and inputs, parameters and outputs that are not bound
  std::size_t steps() const;        // kernels launched by one run, what is on demand left out
  double flops() const;             // of one run's matrix products, a multiply-add as 2
  std::string describe() const;     // one line a step: op, shapes, what was fused

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hardy::graph
