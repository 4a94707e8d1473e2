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

struct Launches {
  std::uint64_t in_all, one_after_another;
};
// Of a RIQL step whose reports nobody reads.
Launches launches_of_riql(std::vector<std::uint64_t> seeds) {
  const auto trainee =
      offline("riql", &device(), {{"hidden", "16,16"}, {"batch-size", "8"}}, std::move(seeds));
  ThreadTeam team;
  trainee->step(team);
  static_cast<void>(trainee->learner().parameters());  // waits
  const emulation::Statistics before = emulation::statistics();
  trainee->step(team);
  static_cast<void>(trainee->learner().parameters());
  const emulation::Statistics after = emulation::statistics();
  return {after.kernel_launches - before.kernel_launches + after.library_calls - before.library_calls,
          after.longest_path};
}

TEST(DeviceBranches, ARiqlStepIsAtMost60LaunchesOfWhich18NeedEachOther) {
  REQUIRE_EMULATION();
  const Launches one = launches_of_riql({3}), many = launches_of_riql(std::vector<std::uint64_t>(8, 3));
  for (const Launches& l : {one, many}) {
    EXPECT_LE(l.in_all, 60u);
    EXPECT_LE(l.one_after_another, 18u);
  }
  EXPECT_EQ(one.in_all, 52u);  // as docs/gpu.md says
  EXPECT_EQ(one.one_after_another, 16u);
  EXPECT_EQ(many.in_all, 52u);
  EXPECT_EQ(many.one_after_another, 16u);
}

// A library without epilogues: each is a launch behind its product, of all agents and members at once.
TEST(DeviceBranches, WhereTheLibraryHasNoEpiloguesManyAgentsAreNotManyLaunches) {
  REQUIRE_EMULATION();
  emulation::Options& options = emulation::options();
  const emulation::Options before = options;
  options.declined_fused = 8;
  const Launches one = launches_of_riql({3}), many = launches_of_riql(std::vector<std::uint64_t>(64, 5));
  options = before;
  EXPECT_EQ(one.in_all, 52u);
  EXPECT_EQ(many.in_all, 55u);
}

}  // namespace
}  // namespace hardy::test
