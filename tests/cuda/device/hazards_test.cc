// What a GPU may do and the emulation does on purpose: libraries that decline, copies that land late, kernels
// that a capture does not load, a ReLU that makes a NaN 0, several devices.
#include "engine/ops/linear.h"
#include "tests/algorithms/steep.h"
#include "tests/cuda/device/training.h"

namespace hardy::test {
namespace {

class DeviceHazards : public ::testing::Test {
 protected:
  void SetUp() override { REQUIRE_EMULATION(); }
  ~DeviceHazards() override { emulation::options() = before_; }

  emulation::Options before_ = emulation::options();
};

std::uint64_t declined() { return emulation::statistics().declined_products; }

// relu(x w + b) of so many inputs that it is the library's, its bias in the product's epilogue and its
// gradient too.
Case layer() {
  Case c;
  const Tensor x = c.normal(DType::kF32, {2, 33, 70}), w = c.normal(DType::kF32, {2, 70, 12}, 0.3),
               b = c.normal(DType::kF32, {2, 12});
  c.value_and_gradients(ops::relu(c.g, ops::add_bias(c.g, ops::linear(c.g, x, w), b)));
  return c;
}
void expect_the_cpus(const Case& c) {
  const auto cpu = run_on_cpu(c), found = run_on_device(c, true, true);
  for (std::size_t i = 0; i < cpu.size(); ++i)
    expect_near(found[i], cpu[i], c.g.type(c.outputs[i]), 4e-5, "output " + std::to_string(i));
}

// Losses of width 1 and a policy of width 3: their biases and those of ensembles' members are not on
// multiples of 16 bytes, which the emulation reports.
TEST_F(DeviceHazards, NoProductOfAStepIsDeclinedForItsAlignment) {
  const std::uint64_t before = declined();
  for (const char* method : {"bc", "iql", "riql"}) train(offline(method, &device())->learner(), 2);
  EXPECT_EQ(declined(), before);
}

TEST_F(DeviceHazards, WhereAnAlgorithmDeclinesTheNextIsTakenAndRemembered) {
  const Case c = layer();
  emulation::options().declined_fused = 3;
  Plan plan(c.g, c.outputs, {.device = &device()});
  const auto stream = device().stream();
  const std::uint64_t before = declined();
  plan.enqueue(*stream);
  const std::uint64_t first = declined();
  EXPECT_EQ(first - before, 6u) << "three algorithms of two products with an epilogue";
  const auto step = stream->capture([&] { plan.enqueue(*stream); });
  EXPECT_EQ(declined(), first) << "the capture tried again what had declined";
  expect_the_cpus(c);
}
TEST_F(DeviceHazards, WhereAllDeclineTheEpilogueFollowsThePlainProduct) {
  emulation::options().declined_fused = 8;
  const std::uint64_t before = declined();
  expect_the_cpus(layer());
  EXPECT_EQ(declined() - before, 16u) << "eight algorithms of two products, once";
}
TEST_F(DeviceHazards, AProductThatNoAlgorithmTakesIsSaid) {
  emulation::options().declined_fused = emulation::options().declined_plain = 8;
  try {
    run_on_device(layer());
    FAIL() << "it ran";
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("cuBLASLt has no product of 33 x 70 by 70 x 12"), std::string::npos)
        << e.message();
  }
}

TEST_F(DeviceHazards, WhatWasUploadedIsThereForEveryStream) {
  device::Device& d = device();
  const std::vector<float> sent(64, 3.0f);
  std::vector<float> came(64);
  const auto x = device::allocate(d, 256), y = device::allocate(d, 256);
  const auto stream = d.stream();
  d.upload(x.get(), sent.data(), 256);
  stream->copy(y.get(), x.get(), 256);
  stream->synchronise();
  d.download(came.data(), y.get(), 256);
  EXPECT_EQ(came, sent);
}

TEST_F(DeviceHazards, EachOfTwoDevicesWorksInTurn) {
  emulation::options().devices = 2;
  const auto first = device::open_device("cuda-emulated:0"), second = device::open_device("cuda-emulated:1");
  const std::vector<float> ones(64, 1.0f), twos(64, 2.0f);
  std::vector<float> came(64);
  const auto x = device::allocate(*second, 256), y = device::allocate(*second, 256);
  const auto stream = second->stream(), other = first->stream();
  second->upload(x.get(), ones.data(), 256);
  const auto elsewhere = device::allocate(*first, 256);  // from here on the first is the thread's device
  stream->copy(y.get(), x.get(), 256);
  second->upload(x.get(), twos.data(), 256);  // after what is in the second's stream
  first->download(came.data(), elsewhere.get(), 256);
  second->download(came.data(), y.get(), 256);
  EXPECT_EQ(came, ones) << "an upload did not wait for its device";
  first->upload(elsewhere.get(), ones.data(), 256);
  stream->copy(y.get(), x.get(), 256);
  second->download(came.data(), y.get(), 256);
  EXPECT_EQ(came, twos) << "a download did not wait for its device";
  // Events and kernels, while the other one is the thread's device.
  first->upload(elsewhere.get(), ones.data(), 256);
  const auto event = second->event();
  stream->record(*event);
  other->wait(*event);
  const Case c = layer();
  Plan plan(c.g, c.outputs, {.device = second.get()}), there(c.g, c.outputs, {.device = first.get()});
  plan.enqueue(*stream);
  there.enqueue(*other);
  there.enqueue(*other);
  plan.enqueue(*stream);
  stream->synchronise();
  other->synchronise();
}

TEST_F(DeviceHazards, EveryKernelOfAStepIsLoadedBeforeItsCapture) {
  const auto trainee = offline("riql", &device());
  emulation::unload_kernels();
  ThreadTeam team;
  trainee->step(team);
  trainee->step(team);
  EXPECT_EQ(trainee->learner().reports().at("loss/v").size(), 2u);
}

TEST_F(DeviceHazards, AGradientThatIsNotFiniteStopsItsAgentAsOnTheCpu) {
  algorithms::Steep cpu, gpu(&device());
  ThreadTeam team;
  for (algorithms::Steep* steep : {&cpu, &gpu}) {
    steep->learner.step(team);
    steep->learner.step(team);
    steep->learner.reports();
  }
  for (const std::int64_t agent : {0, 1}) {
    EXPECT_EQ(gpu.learner.active(agent), cpu.learner.active(agent)) << agent;
    EXPECT_EQ(gpu.learner.stop_reason(agent), cpu.learner.stop_reason(agent)) << agent;
    EXPECT_NEAR(gpu.x(agent), cpu.x(agent), 1e-6) << agent;
  }
  EXPECT_FALSE(gpu.learner.active(0));
  EXPECT_EQ(gpu.x(0), 0.0f);
  // Mended, it goes on: nothing is left of the bad step.
  for (algorithms::Steep* steep : {&cpu, &gpu}) {
    algorithms::Learner::State state = steep->learner.state();
    state.active[0] = 1;
    steep->learner.write_parameters([](nn::ParameterStore& store) { store.agent(0, 0)[0] = 2; });
    steep->learner.restore(state);
    steep->learner.step(team);
    steep->learner.reports();
    EXPECT_TRUE(steep->learner.active(0));
  }
  EXPECT_LT(gpu.x(0), 2.0f);
  EXPECT_NEAR(gpu.x(0), cpu.x(0), 1e-6);
}

}  // namespace
}  // namespace hardy::test
