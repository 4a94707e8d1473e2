// Graphs drawn at random over every kind of op, with their gradients: what the planner's tests run.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "engine/ops/concat.h"
#include "engine/ops/layer_norm.h"
#include "engine/ops/linear.h"
#include "engine/ops/order_statistics.h"
#include "engine/ops/reshape.h"
#include "engine/ops/softmax.h"
#include "tests/engine/ops/check.h"

namespace hardy::test {

// All values are [A, rows, columns] or stretch to it, and stay small.
class SomeGraph {
 public:
  Graph g;
  std::vector<Tensor> sources, outputs;  // [A, ...] f32, all of them

  SomeGraph(std::uint64_t seed, std::int64_t agents, std::int64_t rows, std::int64_t columns, int ops = 30)
      : draws_(seed, RandomStream::kUser), full_{agents, rows, columns} {
    for (const Shape& s : {full_, full_, Shape{agents, 1, columns}, Shape{agents, rows, 1}})
      pool_.push_back(source(s));
    w_ = source({agents, columns, columns});
    b_ = source({agents, columns});
    for (int i = 0; i < ops; ++i) grow();
    Tensor total = pool_[0];
    for (std::size_t i = pool_.size() - 4; i < pool_.size(); ++i) total = ops::add(g, total, pool_[i]);
    const Tensor loss = ops::mean_per_agent(g, ops::square(g, total));
    outputs = {loss, any(), any()};
    for (Tensor d : graph::differentiate(g, loss, sources))
      if (d) outputs.push_back(d);
  }

  // Values of the sources: agent k of the plan has the numbers of agent first_agent + k.
  void fill(Plan& plan, std::int64_t first_agent) const {
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const Shape& s = g.shape(sources[i]);
      const std::int64_t each = s.elements() / s[0];
      for (std::int64_t a = 0; a < s[0]; ++a) {
        const Random random(i, RandomStream::kUser, static_cast<std::uint64_t>(first_agent + a + 1));
        for (std::int64_t k = 0; k < each; ++k)
          plan.data<float>(sources[i])[a * each + k] = 2 * random.uniform(static_cast<std::uint64_t>(k)) - 1;
      }
    }
  }

 private:
  std::uint32_t draw(std::uint32_t n) { return draws_.integer(next_++, n); }
  Tensor any() { return pool_[draw(static_cast<std::uint32_t>(pool_.size()))]; }
  Tensor any_full() { return ops::stretch(g, any(), full_); }
  Tensor source(const Shape& shape) {
    sources.push_back(g.parameter("p" + std::to_string(sources.size()), DType::kF32, shape));
    return sources.back();
  }

  void grow() {
    const std::int64_t agents = full_[0], rows = full_[1], columns = full_[2];
    const Tensor x = any(), f = any_full();
    const auto small = [&](Tensor t) { return ops::tanh(g, t); };
    const auto layer = [&] { return ops::add_bias(g, ops::linear(g, f, w_), b_); };
    switch (draw(15)) {
      case 0:
        return pool_.push_back(ops::multiply(g, small(x), f));
      case 1:
        return pool_.push_back(small(ops::add(g, x, any_full())));
      case 2:
        return pool_.push_back(ops::relu(g, ops::subtract(g, f, any())));
      case 3:
        return pool_.push_back(ops::exp(g, ops::negate(g, ops::square(g, x))));
      case 4:
        return pool_.push_back(ops::mean(g, f, 1));
      case 5:
        return pool_.push_back(ops::max(g, f, 2));
      case 6:
        return pool_.push_back(small(ops::logsumexp(g, f, 1)));
      case 7:
        return pool_.push_back(ops::relu(g, layer()));
      case 8:
        return pool_.push_back(small(ops::relu(g, layer())));
      case 9:
        return pool_.push_back(small(layer()));
      case 10: {
        const Tensor flat = ops::silu(g, ops::reshape(g, f, {agents, rows * columns}));
        return pool_.push_back(ops::reshape(g, small(flat), full_));
      }
      case 11:
        return pool_.push_back(ops::softmax(g, f));
      case 12:
        return pool_.push_back(small(ops::layer_norm(g, f, b_, b_)));
      case 13: {
        const Tensor both = ops::reshape(g, ops::concat(g, {f, any_full()}, 1), {agents, 2, rows, columns});
        return pool_.push_back(ops::squeeze(g, ops::quantile(g, both, 0.3, 1), 1));
      }
      default:
        return pool_.push_back(ops::multiply(g, ops::stop_gradient(g, small(x)), f));
    }
  }

  Random draws_;
  std::uint64_t next_ = 0;
  Shape full_;
  Tensor w_, b_;
  std::vector<Tensor> pool_;
};

// What every output holds after a run, as bits.
inline std::vector<std::vector<std::uint32_t>> bits_after(const SomeGraph& s,
                                                          const graph::PlanOptions& options, int threads,
                                                          std::int64_t first_agent = 0) {
  Plan plan(s.g, s.outputs, options);
  s.fill(plan, first_agent);
  ThreadTeam team(threads);
  plan.run(team);
  plan.run(team);  // a second run must not see the first one's leavings
  std::vector<std::vector<std::uint32_t>> bits;
  for (Tensor t : s.outputs) {
    bits.emplace_back(static_cast<std::size_t>(s.g.shape(t).elements()));
    std::memcpy(bits.back().data(), plan.raw(t), bits.back().size() * 4);
  }
  return bits;
}

}  // namespace hardy::test
