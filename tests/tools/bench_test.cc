// `hardy bench METHOD --device D` through the real command, on the emulated device; and what it refuses.
#include <gtest/gtest.h>

#include "engine/base/json.h"
#include "tests/tools/command.h"

namespace hardy {
namespace {

// Without the emulation's checker: what it would see, other tests show it.
test::Result bench(const std::string& words) {
  return test::hardy_command("bench " + words + " --device cuda-emulated --json --rows 256 --seconds 0.1",
                             "HARDY_EMULATION_CHECK=0 ");
}

// Lines of --plan: one a launch of a step; what is on demand comes behind.
std::ptrdiff_t planned_ops(const std::string& all) {
  const std::string plan = all.substr(0, all.find("on demand:"));
  std::ptrdiff_t ops = 0;
  for (std::size_t at = 0; (at = plan.find('[', at)) != std::string::npos; ++at) ++ops;
  return ops;
}

// Multiply-adds of a step's products for a batch of 256, counted by hand: layers of 256, an input of 17 or,
// with the action, 23. A backward pass is the forward one for the weights, and, but for the first layer, for
// inputs.
double counted_by_hand(const std::string& method) {
  const double h = 256, s = 17, sa = 23, a = 6;
  const auto forward = [&](double in, double out) { return in * h + h * h + h * out; };
  const auto backward = [&](double in, double out) { return forward(in, out) + h * h + h * out; };
  const double policy = forward(s, a) + backward(s, a);
  const auto in_sample = [&](double K) {  // V at s and s', targets, critics, policy
    return forward(s, 1) + K * forward(sa, 1) + forward(s, 1) + backward(s, 1) +
           K * (forward(sa, 1) + backward(sa, 1)) + policy;
  };
  // TD3+BC: a step of its policy to two of its critics, through both of them.
  const double td3 = forward(s, a) + 2 * (forward(sa, 1) + forward(sa, 1) + backward(sa, 1)) +
                     0.5 * (forward(s, a) + backward(s, a) + 2 * (forward(sa, 1) + forward(sa, 1)));
  const double multiply_adds = method == "bc"     ? policy
                               : method == "iql"  ? in_sample(2)
                               : method == "riql" ? in_sample(5)
                                                  : td3;
  return 1e-9 * 2 * 256 * multiply_adds;
}

TEST(BenchThroughput, AStepsProductsAreThoseCountedByHandOnBothDevices) {
  for (const std::string method : {"bc", "iql", "riql", "td3_bc"})
    for (const std::string device : {"cpu --threads 1", "cuda-emulated --agents 2"}) {
      const test::Result r =
          test::hardy_command("bench " + method + " --json --rows 256 --seconds 0.1 --device " + device,
                              "HARDY_EMULATION_CHECK=0 ");
      ASSERT_EQ(r.code, 0) << r.err;
      EXPECT_NEAR(nlohmann::json::parse(r.out).at("gflop_per_agent_step").get<double>(),
                  counted_by_hand(method), 1e-6 * counted_by_hand(method))
          << method << " on " << device;
    }
}

class ThroughputOnADevice : public testing::TestWithParam<const char*> {};

TEST_P(ThroughputOnADevice, GivesAStepsTimeTheHostsPartItsNodesAndItsMemory) {
  const test::Result r = bench(std::string(GetParam()) + " --plan");
  ASSERT_EQ(r.code, 0) << r.err;
  const nlohmann::json j = nlohmann::json::parse(r.out);
  EXPECT_EQ(j.at("method"), GetParam());
  EXPECT_EQ(j.at("device"), "cuda-emulated:0");
  EXPECT_EQ(j.at("tf32"), false);
  EXPECT_EQ(j.at("tf32x3"), false);
  const double step = j.at("microseconds_per_step"), host = j.at("host_microseconds_per_step");
  EXPECT_GT(host, 0);
  EXPECT_LT(host, step);
  EXPECT_LE(j.at("quickest_block_microseconds_per_step"), 1.0001 * step);
  EXPECT_GE(j.at("slowest_block_microseconds_per_step"), 0.9999 * step);
  EXPECT_NEAR(step * j.at("steps_per_second").get<double>(), 1e6, 1);
  EXPECT_NEAR(step * j.at("steps").get<double>(), 1e6 * j.at("seconds").get<double>(), 1);
  // Every planned op is a node at least, and after them come the gate and the descent.
  EXPECT_GT(planned_ops(r.err), 5) << r.err;
  EXPECT_GE(j.at("graph_nodes"), planned_ops(r.err) + 2);
  // A policy alone has 17 x 256 + 256 + 256 x 256 + 256 + 256 x 6 + 6 = 71,942 numbers, each with two moments
  // and its gradient.
  EXPECT_GT(j.at("device_bytes"), 4 * 4 * 71942);
}
INSTANTIATE_TEST_SUITE_P(Methods, ThroughputOnADevice, testing::Values("bc", "iql", "riql", "sac"),
                         [](const auto& method) { return std::string(method.param); });

TEST(BenchThroughput, MoreAgentsTakeMoreMemoryAndTheSameNodes) {
  const test::Result two = bench("bc --agents 2"), three = bench("bc --tf32 --agents 3"),
                     alone = bench("bc --agents 2 --branches 1");
  ASSERT_EQ(three.code, 0) << three.err;
  const nlohmann::json a = nlohmann::json::parse(two.out), b = nlohmann::json::parse(three.out);
  EXPECT_EQ(b.at("tf32"), true);
  EXPECT_EQ(a.at("branches"), 6);
  EXPECT_EQ(a.at("graph_nodes"), b.at("graph_nodes"));
  const nlohmann::json one = nlohmann::json::parse(alone.out);
  EXPECT_EQ(one.at("branches"), 1);
  EXPECT_LT(one.at("device_bytes"), a.at("device_bytes"));  // branches have memory of their own
  EXPECT_GT(b.at("device_bytes"), a.at("device_bytes"));
  EXPECT_NEAR(b.at("agent_steps_per_second").get<double>(), 3 * b.at("steps_per_second").get<double>(), 1e-6);
}

TEST(BenchThroughput, ProductsOnTensorCoresTakeNoMoreNodesThanTheLibrarys) {
  const test::Result three = bench("bc --tf32x3"), library = bench("bc");
  ASSERT_EQ(three.code, 0) << three.err;
  const nlohmann::json a = nlohmann::json::parse(three.out), b = nlohmann::json::parse(library.out);
  EXPECT_EQ(a.at("tf32x3"), true);
  EXPECT_EQ(a.at("tf32"), false);
  EXPECT_LE(a.at("graph_nodes"), b.at("graph_nodes"));
}

// Layers of critics and of single networks, forward and two gradients; none for the inputs of first layers.
TEST(BenchProducts, TimesEachProductOfAStepByAllThatTheLibraryOffersAndByOurKernel) {
  const test::Result r = test::hardy_command(
      "bench products --device cuda-emulated --hidden 64 --batch-size 48 --repetitions 1 --json",
      "HARDY_EMULATION_CHECK=0 ");
  ASSERT_EQ(r.code, 0) << r.err;
  const nlohmann::json rows = nlohmann::json::parse(r.out).at("products");
  ASSERT_EQ(rows.size(), 10u);
  double multiply_adds = 0;
  for (const nlohmann::json& row : rows) {
    const double m = row.at("m"), n = row.at("n"), k = row.at("k"), count = row.at("count");
    multiply_adds += m * n * k * count;
    EXPECT_EQ(row.at("library_microseconds").size(), 8u) << row;
    EXPECT_EQ(row.at("own_microseconds").size(), 1u) << row;
    for (const char* by : {"library_microseconds", "own_microseconds"})
      for (const double us : row.at(by)) EXPECT_GT(us, 0) << row;
  }
  EXPECT_EQ(multiply_adds, 48.0 * 64 * ((5 * 23 + 17) * 2 + (5 + 1) * 64 * 3));
}

TEST(BenchCommand, RefusesInOneLine) {
  const auto refused = [](const std::string& words, std::initializer_list<const char*> parts,
                          const std::string& before = "") {
    // A leak checker stumbles over thread-locals of a backend that was loaded and never used.
    const test::Result r =
        test::hardy_command("bench " + words, "LSAN_OPTIONS=$LSAN_OPTIONS:use_tls=0 " + before);
    EXPECT_EQ(r.code, 2) << words;
    EXPECT_EQ(r.out, "") << words;
    EXPECT_TRUE(test::one_line(r.err)) << words << ": " << r.err;
    for (const char* part : parts) EXPECT_NE(r.err.find(part), std::string::npos) << words << ": " << r.err;
  };
  refused("riql --tf32", {"--tf32", "is for GPUs", "add --device cuda"});
  refused("riql --tf32x3", {"--tf32x3", "is for GPUs", "add --device cuda"});
  refused("riql --tf32x3 --tf32 --device cuda-emulated", {"--tf32", "excludes --tf32x3", "leave out one"});
  refused("products --device cpu", {"--device cpu", "products are timed on a GPU"});
  refused("products --device cuda-emulated --tf32x3", {"--tf32x3", "in any case", "leave it out"});
  refused("riql --branches 2", {"--branches", "is for GPUs", "add --device cuda"});
  refused("riql --device quantum", {"quantum", "there is no such device", "known: cpu, cuda"});
  refused("riql --device cuda-emulated:3", {"there is no device 3", "this machine has one"});
  refused("sac --device cuda-emulated", {"no CUDA device"}, "HARDY_EMULATION_DEVICES=0 ");
  refused("bc --device cuda-emulated --agents 64", {"too little memory", "are needed", "are free"},
          "HARDY_EMULATION_MEMORY=8 ");
  refused("rql --device cuda-emulated", {"there is no method 'rql'", "did you mean"});
  refused("ftrl_log_barrier --device cuda", {"--device"});
}

}  // namespace
}  // namespace hardy
