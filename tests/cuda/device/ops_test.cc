// Every op of the engine on the device against the CPU: the same graph, planned by the same planner, at sizes
// that leave warps and blocks partly empty.
#include "engine/ops/arithmetic.h"
#include "engine/ops/concat.h"
#include "engine/ops/dropout.h"
#include "engine/ops/gather.h"
#include "engine/ops/layer_norm.h"
#include "engine/ops/linear.h"
#include "engine/ops/order_statistics.h"
#include "engine/ops/random.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "engine/ops/rms_norm.h"
#include "engine/ops/sample_tokens.h"
#include "engine/ops/softmax.h"
#include "engine/ops/take.h"
#include "engine/ops/token_log_probs.h"
#include "engine/ops/write_rows.h"
#include "engine/ops/write_where.h"
#include "tests/cuda/device/devices.h"
#include "tests/engine/ops/second_cases.h"

namespace hardy::test {
namespace {

constexpr std::int64_t kSizes[] = {1, 31, 33, 255, 257};
constexpr DType kFloats[] = {DType::kF32, DType::kF64};

// The same arithmetic in the same order but for contracted multiply-adds: a few units in the last place. Sums
// are in another order: sqrt(n) of them.
constexpr double kPointwise = 1e-6, kSum = 4e-6;

std::string text(std::int64_t n, DType type) { return "size " + std::to_string(n) + " " + name_of(type); }

TEST(DeviceOps, BinaryArithmeticAndItsGradients) {
  using Binary = Tensor (*)(Graph&, Tensor, Tensor);
  for (const Binary op : {Binary(ops::add), Binary(ops::subtract), Binary(ops::multiply), Binary(ops::divide),
                          Binary(ops::minimum), Binary(ops::maximum)})
    for (const DType type : kFloats)
      for (const std::int64_t n : kSizes) {
        Case c;
        const Tensor a = c.normal(type, {2, n}), b = c.normal(type, {2, n}, 0.1, 2);
        c.value_and_gradients(op(c.g, a, b));
        compare(c, kPointwise, text(n, type));
      }
}

TEST(DeviceOps, UnaryArithmeticAndActivationsAndTheirGradients) {
  using Unary = Tensor (*)(Graph&, Tensor);
  const Unary all[] = {ops::copy,
                       ops::negate,
                       ops::square,
                       ops::exp,
                       ops::softplus,
                       ops::relu,
                       ops::tanh,
                       ops::gelu,
                       ops::silu,
                       +[](Graph& g, Tensor x) { return ops::log(g, ops::softplus(g, x)); },
                       +[](Graph& g, Tensor x) { return ops::clamp(g, x, -0.5, 0.75); },
                       +[](Graph& g, Tensor x) { return ops::affine(g, x, 1.7, -0.3); }};
  for (const Unary op : all)
    for (const DType type : kFloats)
      for (const std::int64_t n : kSizes) {
        Case c;
        c.value_and_gradients(op(c.g, c.normal(type, {3, n})));
        compare(c, kPointwise, text(n, type));
      }
}

TEST(DeviceOps, StretchedOperandsAreReadWhereTheCpuReadsThem) {
  for (const DType type : kFloats)
    for (const std::int64_t n : kSizes) {
      Case c;
      const Tensor full = c.normal(type, {2, 3, n}), row = c.normal(type, {2, 1, n}, 1, 2),
                   column = c.normal(type, {2, 3, 1}), number = c.normal(type, {1}),
                   agent = c.normal(type, {2, 1, 1});
      Graph& g = c.g;
      Tensor y = ops::add(g, ops::multiply(g, full, row), ops::multiply(g, column, number));
      y = ops::subtract(g, ops::stretch(g, ops::divide(g, agent, row), {2, 3, n}), y);
      c.value_and_gradients(y);
      c.outputs.push_back(ops::fill(g, type, {n, 2}, 0.25));
      compare(c, kSum * std::sqrt(n), text(n, type));
    }
}

TEST(DeviceOps, ReductionsOverEveryAxisAndTheirGradients) {
  using Reduce = Tensor (*)(Graph&, Tensor, int);
  for (const Reduce op :
       {Reduce(ops::sum), Reduce(ops::mean), Reduce(ops::max), Reduce(ops::min), Reduce(ops::logsumexp)})
    for (const DType type : kFloats)
      for (const std::int64_t n : kSizes)
        for (const int axis : {0, 1, 2}) {
          Case c;
          const Shape shape = axis == 0 ? Shape{n, 2, 3} : axis == 1 ? Shape{2, n, 5} : Shape{2, 3, n};
          c.value_and_gradients(op(c.g, c.normal(type, shape), axis));
          compare(c, kSum * std::sqrt(n), text(n, type) + " axis " + std::to_string(axis));
        }
}

TEST(DeviceOps, ReductionsKeepNaNAndInfinity) {
  Case c;
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor x = c.operand(DType::kF32, {4, 33}, [&](std::int64_t i) {
    return i == 5            ? std::nan("")
           : i / 33 == 1     ? -infinity
           : i == 2 * 33 + 7 ? infinity
                             : static_cast<double>(i % 33);
  });
  for (Tensor y : {ops::sum(c.g, x, 1), ops::max(c.g, x, 1), ops::min(c.g, x, 1), ops::logsumexp(c.g, x, 1)})
    c.outputs.push_back(y);
  compare(c, kSum, "rows with NaN, -inf, inf");
}

TEST(DeviceOps, SoftmaxAndLayerNormAndTheirGradients) {
  for (const DType type : kFloats)
    for (const std::int64_t n : kSizes) {
      for (const auto op : {ops::softmax, ops::log_softmax}) {
        Case c;
        c.value_and_gradients(op(c.g, c.normal(type, {2, 3, n}, 3)));
        compare(c, kSum * std::sqrt(n), text(n, type));
      }
      Case c;
      const Tensor x = c.normal(type, {2, 3, 4, n}), scale = c.normal(type, {2, 3, n}, 0.2, 1),
                   shift = c.normal(type, {2, 3, n});
      c.value_and_gradients(ops::layer_norm(c.g, x, scale, shift, 1e-3));
      compare(c, 4 * kSum * std::sqrt(n), "layer norm " + text(n, type));
    }
}

TEST(DeviceOps, RmsNormAndItsGradients) {
  for (const DType type : kFloats)
    for (const std::int64_t n : kSizes)
      for (const std::int64_t gains : {1, 2}) {
        Case c;
        const Tensor x = c.normal(type, {2, 3, 4, n}), gain = c.normal(type, {gains, n}, 0.2, 1);
        c.value_and_gradients(ops::rms_norm(c.g, x, gain, 1e-3));
        compare(c, 4 * kSum * std::sqrt(n), "rms norm " + text(n, type));
      }
}

// Some rows not asked for, weights of each agent's and of all; where N is larger, rows in several chunks.
TEST(DeviceOps, TokenLogProbsAndTheirGradients) {
  for (const DType type : kFloats)
    for (const auto& [N, V] : {std::pair<std::int64_t, std::int64_t>{9, 3}, {5, 127}, {6, 300}, {66, 16384}})
      for (const std::int64_t weights : {1, 2}) {
        if (N > 60 && (weights == 1 || type == DType::kF64)) continue;
        Case c;
        const Tensor hidden = c.normal(type, {2, N, 5}), weight = c.normal(type, {weights, V, 5}, 0.5);
        const Tensor target = c.operand(DType::kI32, {2, N}, [&, rows = N, tokens = V](std::int64_t i) {
          return i % rows == 2 ? -1.0 : static_cast<double>(i * 7919 % tokens);
        });
        const ops::TokenLogProbs y = ops::token_log_probs(c.g, hidden, weight, target, 0.8);
        c.value_and_gradients(ops::concat(c.g, {y.log_prob, y.entropy}, 1));
        compare(c, 8 * kSum * std::sqrt(V), "token log-probabilities " + text(V, type), has_ptx() && N < 60);
      }
}

TEST(DeviceOps, SampledTokensAreTheCpus) {
  for (const DType type : kFloats)
    for (const std::int64_t V : {1, 31, 300})
      for (const double temperature : {0.0, 0.7}) {
        Case c;
        const Tensor hidden = c.normal(type, {2, 40, 5}), weight = c.normal(type, {2, V, 5}),
                     keys = c.integers({2, 40, 4}, 1000), seeds = c.integers({2, 2}, 1000);
        const ops::Sampled y = ops::sample_tokens(c.g, hidden, weight, keys, seeds, temperature);
        c.outputs = {y.token, y.log_prob, y.entropy};
        compare(c, 4 * kSum * std::sqrt(V), "sampled tokens " + text(V, type));
      }
}

// Rows of 16-byte words, of 4-byte words and of single bytes; reads before and after, over branches too.
TEST(DeviceOps, RowsWrittenInPlaceStandBetweenTheReadsBeforeAndAfter) {
  for (const std::int64_t width : {8, 5}) {
    Graph g;
    const Tensor cache = g.input("cache", DType::kF32, {2, 3, 6, width}),
                 rows = g.input("rows", DType::kF32, {2, 3, 2, width}),
                 first = g.input("first", DType::kI32, {2, 3}), last = g.input("last", DType::kI32, {2, 3});
    std::vector<Tensor> outputs;
    for (int i = 0; i < 4; ++i) outputs.push_back(ops::sum_per_agent(g, ops::affine(g, cache, i + 1.0)));
    const Tensor once = ops::write_rows(g, cache, rows, first, last);
    outputs.push_back(ops::sum_per_agent(g, ops::square(g, once)));
    const Tensor twice =
        ops::write_rows(g, once, ops::affine(g, rows, 3), first, first);  // nothing is written
    outputs.push_back(twice);
    outputs.push_back(ops::sum_per_agent(g, twice));
    const auto run = [&](device::Device* where) {
      Plan plan(g, outputs, {.device = where});
      const auto put = [&](Tensor t, auto value) {
        std::vector<decltype(value(0))> values;
        for (std::int64_t i = 0; i < g.shape(t).elements(); ++i) values.push_back(value(i));
        const std::size_t bytes = values.size() * sizeof values[0];
        if (where)
          where->upload(plan.raw(t), values.data(), bytes);
        else
          std::memcpy(plan.raw(t), values.data(), bytes);
      };
      put(cache, [](std::int64_t i) { return static_cast<float>(i % 11); });
      put(rows, [](std::int64_t i) { return static_cast<float>(i % 7 + 20); });
      put(first,
          [](std::int64_t i) { return static_cast<std::int32_t>(i - 1); });  // -1 to 4: over either end
      put(last, [](std::int64_t i) { return static_cast<std::int32_t>(i == 2 ? 2 : 9); });
      if (where) {
        const auto stream = where->stream();
        plan.enqueue(*stream);
        stream->synchronise();
        // A captured step over the cache as it is now, which changes no row that is written.
        const auto step = stream->capture([&] { plan.enqueue(*stream); });
        stream->synchronise();
        put(cache, [](std::int64_t i) { return static_cast<float>(i % 11); });
        stream->replay(*step);
        stream->synchronise();
      } else {
        ThreadTeam team;
        plan.run(team);
      }
      std::vector<std::vector<float>> values;
      for (Tensor t : outputs) {
        values.emplace_back(static_cast<std::size_t>(g.shape(t).elements()));
        if (where)
          where->download(values.back().data(), plan.raw(t), values.back().size() * 4);
        else
          std::memcpy(values.back().data(), plan.raw(t), values.back().size() * 4);
      }
      return values;
    };
    const auto cpu = run(nullptr);
    for (int schedule = 0; schedule < 3; ++schedule, ++hardy::emulation::options().seed) {
      EXPECT_EQ(run(&device()), cpu) << "width " << width;
      if (!has_ptx()) continue;
      const FromPtx from_ptx;
      EXPECT_EQ(run(&device()), cpu) << "from PTX, width " << width;
    }
  }
}

TEST(DeviceOps, GatherPicksRowsAndScattersThemBackInOrder) {
  for (const DType type : {DType::kF32, DType::kF64, DType::kI32, DType::kBool})
    for (const std::int64_t n : kSizes)
      for (const bool shared : {true, false}) {
        Case c;
        const Tensor table = type == DType::kF32 || type == DType::kF64
                                 ? c.normal(type, shared ? Shape{n, 7} : Shape{2, n, 7})
                                 : c.operand(type, shared ? Shape{n, 7} : Shape{2, n, 7},
                                             [](std::int64_t i) { return i % 3; });
        const Tensor index = c.integers({2, 65}, static_cast<std::uint32_t>(n));  // with repeats
        const Tensor y = ops::gather_rows(c.g, table, index);
        if (type == DType::kF32 || type == DType::kF64)
          c.value_and_gradients(y);
        else
          c.outputs.push_back(y);
        compare(c, kSum * std::sqrt(65), text(n, type));
      }
}

// The sort's memory is there when the step is captured, and a replay sorts anew.
TEST(DeviceOps, GradientsOfGatheredRowsAreTheSameFromACapturedStep) {
  Case c;
  const Tensor table = c.normal(DType::kF32, {300, 7}), index = c.integers({2, 257}, 300);
  c.value_and_gradients(ops::gather_rows(c.g, table, index));
  EXPECT_EQ(run_on_device(c), run_on_device(c, true, true));
}

TEST(DeviceOps, TakeConcatSliceAndTheirGradients) {
  for (const DType type : kFloats)
    for (const std::int64_t n : kSizes) {
      Case c;
      const Tensor x = c.normal(type, {2, 3, n}), z = c.normal(type, {2, 3, 4}),
                   v = c.normal(type, {2, 5, n});
      Graph& g = c.g;
      const Tensor index = c.integers({2, 3}, static_cast<std::uint32_t>(n));
      const Tensor wide = ops::concat(g, std::array{x, z, x}, -1);  // [2, 3, 2n + 4]
      const Tensor tall = ops::concat(g, std::array{v, x}, 1);      // [2, 8, n]
      c.outputs = {wide, tall};
      const Tensor part = ops::slice(g, wide, -1, n / 2, n + 3), rows = ops::slice(g, tall, 1, 2, 7);
      c.value_and_gradients(ops::add(g, ops::add(g, ops::sum(g, part, -1), ops::take(g, x, index)),
                                     ops::sum(g, ops::slice(g, ops::square(g, rows), 1, 0, 3), -1)));
      compare(c, kSum * std::sqrt(n), text(n, type));
    }
}

TEST(DeviceOps, QuantilesTakeTheSameNumbers) {
  for (const DType type : kFloats)
    for (const std::int64_t n : kSizes)
      for (const double alpha : {0.0, 0.25, 1.0}) {
        Case c;
        c.value_and_gradients(ops::quantile(c.g, c.normal(type, {2, 5, n}), alpha, 1));
        compare(c, kPointwise, text(n, type));
      }
  Case c;
  const Tensor x =
      c.operand(DType::kF32, {1, 64, 3}, [](std::int64_t i) { return i == 31 ? std::nan("") : i % 7; });
  c.outputs = {ops::quantile(c.g, x, 0.3, 1)};
  compare(c, 0, "64 numbers, one of them NaN");
}

TEST(DeviceOps, DrawsAreTheCpusBitForBit) {
  for (const std::int64_t n : kSizes) {
    Case c;
    const Tensor seeds = c.integers({3, 2}, 4000000000u), step = c.integers({1, 2}, 1000),
                 limit = c.operand(DType::kI32, {1}, [](std::int64_t) { return 1000003; });
    const Tensor ones = c.operand(DType::kF32, {3, n}, [](std::int64_t) { return 1; }),
                 passes = c.integers({1, 3}, 1000);
    c.outputs = {ops::random_index(c.g, n, limit, seeds, step, RandomStream::kBatch),
                 ops::dropout(c.g, ones, 0.3, seeds, step, 0),
                 ops::dropout(c.g, ones, 0.5, seeds, passes, 7)};
    compare(c, 0, "indices " + std::to_string(n));
    Case d;
    const Tensor s = d.integers({3, 2}, 4000000000u), t = d.integers({1, 2}, 1000),
                 logits = d.normal(DType::kF32, {3, n, 5});
    d.outputs = {ops::random_normal(d.g, {3, n, 2}, s, t, RandomStream::kNoise),
                 ops::random_categorical(d.g, logits, s, t, RandomStream::kUser)};
    compare(d, 1e-7,
            "draws " + std::to_string(n));  // log, sin and cos of another library: half a unit of f32
  }
}

// Layers as the planner fuses them, [A, B, in] and ensembles, with one x for all members or one for each.
TEST(DeviceOps, LayersOfEveryFormAndTheirGradients) {
  struct Form {
    std::int64_t agents, members;
    bool shared;
  };
  for (const Form form :
       {Form{1, 0, false}, Form{3, 0, false}, Form{1, 5, true}, Form{7, 3, true}, Form{2, 3, false}})
    for (const DType type : kFloats)
      for (const std::int64_t n : kSizes)
        for (const auto activation : {+[](Graph&, Tensor x) { return x; }, ops::relu, ops::tanh}) {
          Case c;
          Graph& g = c.g;
          const std::int64_t in = 9, rows = n, out = n > 40 ? 5 : n;  // the long axis is the batch
          const Shape x_shape = form.members && !form.shared ? Shape{form.agents, form.members, rows, in}
                                                             : Shape{form.agents, rows, in};
          const auto of = [&](std::initializer_list<std::int64_t> rest) {
            Shape s{form.agents};
            if (form.members) s.push_back(form.members);
            for (std::int64_t d : rest) s.push_back(d);
            return s;
          };
          const Tensor x = c.normal(type, x_shape), w = c.normal(type, of({in, out}), 0.3),
                       b = c.normal(type, of({out})), w2 = c.normal(type, of({out, 3}), 0.3);
          const Tensor hidden = activation(g, ops::add_bias(g, ops::linear(g, x, w), b));
          c.value_and_gradients(ops::linear(g, hidden, w2));
          compare(c, kSum * std::sqrt(n + 9), text(n, type));
        }
}

// Heads of few outputs hand their gradient back in a kernel of its own, wider ones and odd widths through the
// library.
TEST(DeviceOps, HeadsBehindALayerHandTheirGradientBackWhateverTheirWidth) {
  for (const DType type : kFloats)
    for (const std::int64_t members : {0, 2})
      for (const std::int64_t in : {4, 6, 33, 256})
        for (const std::int64_t out : {1, 6, 8, 9}) {
          Case c;
          const auto of = [&](std::initializer_list<std::int64_t> rest) {
            Shape s{3};
            if (members) s.push_back(members);
            for (std::int64_t d : rest) s.push_back(d);
            return s;
          };
          const Tensor x = c.normal(type, of({5, 3})), w = c.normal(type, of({3, in})),
                       b = c.normal(type, of({in})), head = c.normal(type, of({in, out}), 0.3);
          const Tensor hidden = ops::relu(c.g, ops::add_bias(c.g, ops::linear(c.g, x, w), b));
          c.value_and_gradients(ops::linear(c.g, hidden, head));
          compare(
              c, kSum * std::sqrt(in + 9),
              text(in, type) + " to " + std::to_string(out) + ", " + std::to_string(members) + " members");
        }
}

// The planner joins a bias to its product unless the product itself is wanted.
TEST(DeviceOps, ABiasBehindAProductThatIsKeptAgrees) {
  for (const DType type : kFloats)
    for (const std::int64_t n : kSizes) {
      Case c;
      const Tensor x = c.normal(type, {2, n, 9}), w = c.normal(type, {2, 9, 5}, 0.3),
                   b = c.normal(type, {2, 5});
      const Tensor product = ops::linear(c.g, x, w);
      c.outputs.push_back(product);
      c.value_and_gradients(ops::add_bias(c.g, product, b));
      compare(c, kSum * std::sqrt(n + 9), text(n, type));
    }
}

TEST(DeviceOps, FlagsAreJoinedAndCut) {
  for (const std::int64_t n : kSizes) {
    Case c;
    const auto flag = [](std::int64_t i) { return i % 3 == 0; };
    const Tensor x = c.operand(DType::kBool, {2, n}, flag), y = c.operand(DType::kBool, {2, 4}, flag);
    const Tensor both = ops::concat(c.g, std::array{x, y}, 1);
    c.outputs = {both, ops::slice(c.g, both, 1, n / 2, n + 3)};
    compare(c, 0, "flags " + std::to_string(n));
  }
}

// Several writes to one row, more columns than a block has threads, sums longer than a block.
TEST(DeviceOps, RowsWrittenByAMaskAndSumsThatFollowAreTheCpusBitForBit) {
  for (const std::int64_t n : {1, 5, 40}) {
    Graph g;
    const std::int64_t N = 700, B = 50;
    const Tensor table = g.parameter("table", DType::kF32, {2, N, n}),
                 sums = g.input("sums", DType::kF32, {2, N, 1}),
                 index = g.input("index", DType::kI32, {2, B}), count = g.input("count", DType::kI32, {2, B}),
                 values = g.input("values", DType::kF32, {2, B, n}),
                 which = g.input("which", DType::kF32, {2, B});
    const ops::Written written = ops::write_where(g, table, index, values, which);
    const Tensor added = ops::add_before(g, sums, index, count, ops::slice(g, written.change, 0, 1));
    const std::vector<Tensor> outputs{written.table, written.change, added};
    const auto run = [&](device::Device* where) {
      Plan plan(g, outputs, {.device = where});
      const auto put = [&](Tensor t, auto value) {
        std::vector<decltype(value(0))> x;
        for (std::int64_t i = 0; i < g.shape(t).elements(); ++i) x.push_back(value(i));
        if (where)
          where->upload(plan.raw(t), x.data(), x.size() * sizeof x[0]);
        else
          std::memcpy(plan.raw(t), x.data(), x.size() * sizeof x[0]);
      };
      put(table, [](std::int64_t i) { return static_cast<float>(i % 13); });
      put(sums, [](std::int64_t i) { return static_cast<float>(i % 17); });
      put(index, [](std::int64_t i) { return static_cast<std::int32_t>(600 + i * i % 7); });
      put(count, [](std::int64_t i) { return static_cast<std::int32_t>(i * 41 % 600); });
      put(values, [](std::int64_t i) { return static_cast<float>(i % 19) * 0.25f; });
      put(which, [](std::int64_t i) { return i % 3 == 0 ? 1.0f : 0.0f; });
      if (where) {
        const auto stream = where->stream();
        plan.enqueue(*stream);
        stream->synchronise();
      } else {
        ThreadTeam team(2);
        plan.run(team);
      }
      std::vector<std::vector<float>> all;
      for (const Tensor t : outputs) {
        all.emplace_back(static_cast<std::size_t>(g.shape(t).elements()));
        if (where)
          where->download(all.back().data(), plan.raw(t), all.back().size() * sizeof(float));
        else
          std::memcpy(all.back().data(), plan.raw(t), all.back().size() * sizeof(float));
      }
      return all;
    };
    EXPECT_EQ(run(nullptr), run(&device())) << n;
  }
}

TEST(DeviceOps, EveryKernelOfTheBackendWasAsked) {
  // What no test above runs would be missing from this list of what graphs can hold.
  for (const char* key : {"add",
                          "multiply/d1",
                          "fill",
                          "stretch",
                          "sum",
                          "mean",
                          "max",
                          "min",
                          "extreme_gradient",
                          "logsumexp",
                          "softmax",
                          "log_softmax",
                          "layer_norm",
                          "layer_norm_input_gradient",
                          "layer_norm_parameter_gradient",
                          "rms_norm",
                          "rms_norm_input_gradient",
                          "rms_norm_gain_gradient",
                          "token_log_probs",
                          "token_log_probs_gradient",
                          "sample_tokens",
                          "write_rows",
                          "write_where",
                          "add_before",
                          "attention",
                          "attention_gradient",
                          "decode_attention",
                          "rotary",
                          "gather_rows",
                          "gather_columns",
                          "scatter_rows",
                          "take",
                          "take_gradient",
                          "concat",
                          "slice",
                          "pad",
                          "quantile",
                          "quantile_gradient",
                          "random_normal",
                          "random_index",
                          "random_categorical",
                          "random_keep",
                          "linear",
                          "add_bias",
                          "linear_bias",
                          "linear_input_gradient",
                          "linear_input_gradient_relu",
                          "linear_weight_gradient",
                          "bias_gradient",
                          "linear_weight_bias_gradient"})
    EXPECT_NE(graph::find_kernel(device().backend(), key), nullptr) << key;
}

TEST(DeviceOps, SecondDerivativesOfEverythingALossPassesThroughAgree) {
  for (const SecondCase& s : second_cases())
    for (const DType type : kFloats) {
      Case c;
      for (const Operand& o : s.operands)
        c.operand(type, o.shape, [&, seed = c.operands.size() + 5](std::int64_t i) {
          return o.low + (o.high - o.low) *
                             Random(seed, RandomStream::kUser).uniform64(static_cast<std::uint64_t>(i));
        });
      std::vector<Tensor> slopes;
      for (std::size_t k = 0; k < s.operands.size(); ++k)
        slopes.push_back(first_derivative(c.g, s.build, c.operands, k));
      const std::vector<Tensor> operands = c.operands;
      for (Tensor slope : slopes)
        for (Tensor d :
             graph::differentiate(c.g, ops::sum_to(c.g, ops::square(c.g, slope), Shape{1}), operands))
          if (d) c.outputs.push_back(d);
      compare(c, 1e-5, s.name + " " + name_of(type));
    }
}

}  // namespace
}  // namespace hardy::test
