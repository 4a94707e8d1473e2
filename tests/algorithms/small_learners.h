// Learners of a few numbers, whose gradients can be worked out by hand.
#pragma once

#include <cmath>
#include <vector>

#include "algorithms/learning/learner.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/concat.h"
#include "engine/ops/gather.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"

namespace hardy::test {

// Least squares: y from x of `rows` rows a step, drawn from a table and split among passes. With a base the
// regression is on what a network that all agents share makes of x.
struct Regression {
  static constexpr std::int64_t kTable = 64, kInputs = 4;
  struct Settings {
    std::int64_t rows = 16, passes = 1;
    bool whole_numbers = true;  // in the table and in the parameters: every sum is exact
    bool base = false;
    nn::GroupSettings rule = {};
    std::int64_t shards = 1;
    comm::Ranks* ranks = &comm::alone();
  };

  std::vector<float> x, y;
  std::int32_t filled = kTable;
  algorithms::Learner learner;
  algorithms::Network line, base;

  Regression(const Settings& s, std::vector<std::uint64_t> seeds, device::Device* on = nullptr)
      : learner(std::move(seeds), on, {.shards = s.shards, .ranks = s.ranks}) {
    const Random random(5, RandomStream::kUser);
    const auto number = [&](std::uint64_t i) {
      const double z = 3 * random.normal(i);
      return static_cast<float>(s.whole_numbers ? std::round(z) : z);
    };
    for (std::uint64_t i = 0; i < kTable * kInputs; ++i) x.push_back(number(i));
    for (std::uint64_t i = 0; i < kTable; ++i) y.push_back(number(1000 + i));

    std::int64_t width = kInputs;
    if (s.base) {
      width = 3;
      base = learner.network("base", nn::mlp({{kInputs, 5, width}, 0, nn::Nonlinearity::kRelu, {}}),
                             nn::Role::kShared);
    }
    line = learner.network("line", {{width, 1}, 0, nn::Nonlinearity::kRelu, {}});
    algorithms::Update& u = learner.update("fit").accumulate(s.passes);
    graph::Graph& g = u.graph();
    const graph::Tensor index = u.indices(
        s.rows / u.passes(), u.table("rows", DType::kI32, {1}, &filled, true), RandomStream::kBatch);
    graph::Tensor in =
        ops::gather_rows(g, u.table("x", DType::kF32, {kTable, kInputs}, x.data(), true), index);
    if (s.base) in = u.apply(base, in);
    const graph::Tensor error =
        ops::subtract(g, u.apply(line, in),
                      ops::gather_rows(g, u.table("y", DType::kF32, {kTable, 1}, y.data(), true), index));
    u.minimise("fit", ops::mean_per_agent(g, ops::square(g, error)), {line},
               {.learning_rate = nn::Schedule::constant(0.125), .rule = s.rule});
    u.report("error", ops::mean_per_agent(g, error));
    u.set_state("mean_error",
                ops::affine(g, ops::add(g, u.state("mean_error", 0), ops::mean_per_agent(g, error)), 0.5));
    learner.finish();
    if (s.whole_numbers)
      learner.write_parameters([&](nn::ParameterStore& store) {
        for (const int t : line.tensors)
          for (std::int64_t i = 0; i < store.shape(t).elements(); ++i)
            store.value(t)[i] = static_cast<float>(i % 3 - 1);
      });
  }
};

// The losses s (3 a_0 + 4 b_1) of two agents with s = 1 and s = 0.1: gradients of the norms 5 and 0.5 over a
// and b together. Plain descent with a rate of 1.
struct Slope {
  std::vector<float> s{1, 0.1f};
  algorithms::Learner learner;
  algorithms::Network a, b;

  explicit Slope(std::optional<double> clip_norm, double otherwise = 0, device::Device* on = nullptr)
      : learner({1, 2}, on, {.clip_norm = otherwise}) {
    a = learner.vector("a", 2, 0.0f);
    b = learner.vector("b", 3, 0.0f);
    algorithms::Update& u = learner.update("descend");
    graph::Graph& g = u.graph();
    const auto entry = [&](const algorithms::Network& n, std::int64_t k) {
      return ops::reshape(g, ops::slice(g, u.parameter(n, 0), 1, k, k + 1), {2});
    };
    const graph::Tensor both =
        ops::add(g, ops::affine(g, entry(a, 0), 3, 0), ops::affine(g, entry(b, 1), 4, 0));
    u.minimise("slope", ops::multiply(g, u.table("s", DType::kF32, {2}, s.data(), false), both), {a, b},
               {.learning_rate = nn::Schedule::constant(1),
                .clip_norm = clip_norm,
                .rule = {.rule = nn::GroupSettings::Rule::kSgd}});
    learner.finish();
  }
  // a_0 and b_1 of both agents after one step.
  std::vector<float> after_a_step() {
    ThreadTeam team(1);
    learner.step(team);
    const nn::ParameterStore& store = learner.parameters();
    std::vector<float> all;
    for (const std::int64_t agent : {0, 1}) {
      all.push_back(store.agent(a.tensors[0], agent)[0]);
      all.push_back(store.agent(b.tensors[0], agent)[1]);
    }
    return all;
  }
};

}  // namespace hardy::test
