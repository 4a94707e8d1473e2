// A plan's steps side by side: the same bits as one after another, in whatever order the device runs what may
// overlap.
#include "tests/cuda/device/training.h"
#include "tests/engine/graph/some_graph.h"

namespace hardy::test {
namespace {

using Bits = std::vector<std::vector<std::uint32_t>>;

// What every output holds after a captured step was run twice.
Bits bits_on(device::Device& d, const SomeGraph& s) {
  Plan plan(s.g, s.outputs, {.device = &d});
  for (std::size_t i = 0; i < s.sources.size(); ++i) {
    std::vector<float> values(static_cast<std::size_t>(s.g.shape(s.sources[i]).elements()));
    const Random random(i, RandomStream::kUser);
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = 2 * random.uniform(k) - 1;
    d.upload(plan.raw(s.sources[i]), values.data(), values.size() * sizeof values[0]);
  }
  const std::unique_ptr<device::Stream> stream = d.stream();
  plan.enqueue(*stream);
  stream->synchronise();
  const auto step = stream->capture([&] { plan.enqueue(*stream); });
  stream->replay(*step);
  stream->replay(*step);
  stream->synchronise();
  Bits bits;
  for (Tensor t : s.outputs) {
    bits.emplace_back(static_cast<std::size_t>(s.g.shape(t).elements()));
    d.download(bits.back().data(), plan.raw(t), bits.back().size() * 4);
  }
  return bits;
}

TEST(DeviceBranches, SideBySideAndOneAfterAnotherGiveTheSameBits) {
  const auto one = device::open_device(device_name(), {.branches = 1});
  emulation::Options& options = emulation::options();
  const emulation::Options before = options;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const SomeGraph s(seed, 2, 5, 6);
    const Bits expected = bits_on(*one, s);
    for (const auto schedule :
         {emulation::Schedule::kForward, emulation::Schedule::kReverse, emulation::Schedule::kRandom}) {
      options.schedule = schedule;
      options.seed += 1;
      EXPECT_EQ(bits_on(device(), s), expected) << "graph " << seed;
    }
    options = before;
  }
}

TEST(DeviceBranches, MemoryIsAtMostTwiceWhatOneAfterAnotherNeeds) {
  const auto one = device::open_device(device_name(), {.branches = 1});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const SomeGraph s(seed, 2, 50, 60);
    const std::size_t least = Plan(s.g, s.outputs, {.device = one.get()}).arena_bytes(),
                      most = Plan(s.g, s.outputs, {.device = &device()}).arena_bytes();
    EXPECT_LE(most, 2 * least) << "graph " << seed;
  }
}

TEST(DeviceBranches, ARiqlStepsLongestPathIsAQuarterOfItsLaunches) {
  REQUIRE_EMULATION();
  const auto trainee = offline("riql", &device(), {{"hidden", "16,16"}, {"batch-size", "8"}}, {3});
  ThreadTeam team;
  trainee->step(team);
  trainee->learner().reports();
  const emulation::Statistics before = emulation::statistics();
  trainee->step(team);
  trainee->learner().reports();
  const emulation::Statistics after = emulation::statistics();
  const auto launches =
      after.kernel_launches - before.kernel_launches + after.library_calls - before.library_calls;
  EXPECT_EQ(launches, 91u);
  EXPECT_EQ(after.longest_path, 22u);
}

}  // namespace
}  // namespace hardy::test
