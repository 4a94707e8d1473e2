#include "engine/ops/take.h"

#include "engine/ops/random.h"
#include "engine/ops/softmax.h"
#include "tests/engine/ops/check.h"

namespace hardy::test {
namespace {

// Indices drawn below n inside the graph, [A, B].
Tensor some_index(Graph& g, std::int64_t agents, std::int64_t batch, std::int32_t n) {
  return ops::random_index(g, batch, g.scalar(DType::kI32, n), g.input("seeds", DType::kI32, {agents, 2}),
                           g.input("step", DType::kI32, {1, 2}), RandomStream::kUser);
}

TEST(Take, HasTheRightGradient) {
  check_op({{{2, 9, 5}}},
           [](Graph& g, const std::vector<Tensor>& x) { return ops::take(g, x[0], some_index(g, 2, 9, 5)); });
}

TEST(Take, GivesACategoricalLogProbabilityWithTheRightGradient) {
  check_op({{{2, 9, 5}}}, [](Graph& g, const std::vector<Tensor>& x) {
    return ops::take(g, ops::log_softmax(g, x[0]), some_index(g, 2, 9, 5));
  });
}

TEST(Take, NamesTheOperandsThatDoNotFit) {
  Graph g;
  const Tensor x = g.input("logits", DType::kF32, {1, 4, 8}), i = g.input("index", DType::kI32, {1, 5});
  expect_shape_error([&] { ops::take(g, x, i); },
                     {"op take", "input logits f32[1, 4, 8]", "input index i32[1, 5]"});
}

}  // namespace
}  // namespace hardy::test
