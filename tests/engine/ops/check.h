// What the tests of ops share: random values, running a graph, and gradients against central differences.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/random.h"
#include "engine/base/threads.h"
#include "engine/graph/graph.h"
#include "engine/graph/plan.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/reduce.h"

namespace hardy::test {

using graph::Graph;
using graph::Plan;
using graph::Tensor;

struct Operand {
  Shape shape;
  double low = -1.5, high = 1.5;
};
using Build = std::function<Tensor(Graph&, const std::vector<Tensor>&)>;

inline std::vector<double> random_values(const Shape& shape, double low, double high, std::uint64_t seed) {
  const Random random(seed, RandomStream::kUser);
  std::vector<double> x(static_cast<std::size_t>(shape.elements()));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = low + (high - low) * random.uniform64(i);
  return x;
}

template <class T>
void fill(Plan& plan, Tensor t, const std::vector<double>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) plan.data<T>(t)[i] = static_cast<T>(values[i]);
}

template <class T>
std::vector<double> read(const Plan& plan, Tensor t, const Shape& shape) {
  const T* x = plan.data<T>(t);
  return {x, x + shape.elements()};
}

// The op's value and every gradient of sum(weights * op) with element type `type`.
struct Evaluated {
  std::vector<double> value;
  std::vector<std::vector<double>> gradients;
};
template <class T>
Evaluated evaluate(const std::vector<Operand>& operands, const Build& build,
                   const std::vector<std::vector<double>>& values, int threads = 1, bool fuse = true) {
  Graph g;
  std::vector<Tensor> in;
  const DType type = sizeof(T) == 8 ? DType::kF64 : DType::kF32;
  for (std::size_t i = 0; i < operands.size(); ++i)
    in.push_back(g.parameter("x" + std::to_string(i), type, operands[i].shape));
  const Tensor y = build(g, in);
  const Tensor weights = g.input("weights", type, g.shape(y));
  const Tensor loss = ops::sum_per_agent(g, ops::multiply(g, y, weights));
  const std::vector<Tensor> gradients = graph::differentiate(g, loss, in);
  std::vector<Tensor> outputs{y};
  for (Tensor t : gradients)
    if (t) outputs.push_back(t);
  Plan plan(g, outputs, {.fuse = fuse, .in_place = fuse});
  for (std::size_t i = 0; i < in.size(); ++i) fill<T>(plan, in[i], values[i]);
  fill<T>(plan, weights, random_values(g.shape(y), 0.5, 1.5, 99));
  ThreadTeam team(threads);
  plan.run(team);
  Evaluated e{read<T>(plan, y, g.shape(y)), {}};
  for (std::size_t i = 0; i < in.size(); ++i)
    e.gradients.push_back(gradients[i] ? read<T>(plan, gradients[i], operands[i].shape)
                                       : std::vector<double>(values[i].size(), 0.0));
  return e;
}

// Gradients in f64 against central differences; f32 against f64; 1 thread against 3, bit for bit.
inline void check_op(const std::vector<Operand>& operands, const Build& build, double f32_tolerance = 2e-5) {
  std::vector<std::vector<double>> values;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    values.push_back(random_values(operands[i].shape, operands[i].low, operands[i].high, i + 1));
    for (double& x : values.back()) x = static_cast<float>(x);  // the same inputs for both types
  }
  const Evaluated exact = evaluate<double>(operands, build, values);
  const auto objective = [&](const std::vector<std::vector<double>>& v) {
    const Evaluated e = evaluate<double>(operands, build, v);
    const std::vector<double> w =
        random_values(Shape{static_cast<std::int64_t>(e.value.size())}, 0.5, 1.5, 99);
    double total = 0;
    for (std::size_t i = 0; i < w.size(); ++i) total += w[i] * e.value[i];
    return total;
  };
  for (std::size_t k = 0; k < operands.size(); ++k)
    for (std::size_t i = 0; i < values[k].size(); i += std::max<std::size_t>(1, values[k].size() / 11)) {
      auto moved = values;
      constexpr double h = 1e-5;
      moved[k][i] = values[k][i] + h;
      const double up = objective(moved);
      moved[k][i] = values[k][i] - h;
      const double numeric = (up - objective(moved)) / (2 * h);
      EXPECT_NEAR(exact.gradients[k][i], numeric, 1e-6 * std::max(1.0, std::abs(numeric)))
          << "operand " << k << " element " << i;
    }
  const Evaluated single = evaluate<float>(operands, build, values),
                  team = evaluate<float>(operands, build, values, 3);
  for (std::size_t i = 0; i < exact.value.size(); ++i) {
    EXPECT_NEAR(single.value[i], exact.value[i], f32_tolerance * std::max(1.0, std::abs(exact.value[i])));
    EXPECT_EQ(single.value[i], team.value[i]) << "thread count changed element " << i;
  }
  for (std::size_t k = 0; k < operands.size(); ++k) {
    EXPECT_EQ(single.gradients[k], team.gradients[k]);
    for (std::size_t i = 0; i < exact.gradients[k].size(); ++i)
      EXPECT_NEAR(single.gradients[k][i], exact.gradients[k][i],
                  f32_tolerance * std::max(1.0, std::abs(exact.gradients[k][i])));
  }
}

// build() must throw an Error whose message holds every one of `parts`.
inline void expect_shape_error(const std::function<void()>& build, const std::vector<std::string>& parts) {
  try {
    build();
    FAIL() << "no error";
  } catch (const Error& e) {
    for (const std::string& part : parts) EXPECT_NE(e.message().find(part), std::string::npos) << e.message();
  }
}

}  // namespace hardy::test
