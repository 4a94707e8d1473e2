// A learner's state in an archive, and archives of the format before.
#include "algorithms/learning/checkpoint.h"

#include <gtest/gtest.h>

#include "tests/algorithms/small_learners.h"
#include "tests/engine/run/scratch.h"

namespace hardy::algorithms {
namespace {

// Two critics of one hidden layer, their targets, a temperature: 2 agents.
struct Small {
  Learner learner{{7, 8}};
  Network q, target, log_alpha;
  explicit Small(std::int64_t width = 3, nn::Nonlinearity nonlinearity = nn::Nonlinearity::kRelu) {
    q = learner.network("q", {{2, width, 1}, 2, nonlinearity, {}});
    target = learner.target_of(q);
    log_alpha = learner.vector("log_alpha", 1, 0.25f);
    Update& u = learner.update("u");
    Graph& g = u.graph();
    const Tensor values = u.apply(q, u.normal({2, 4, 2}, RandomStream::kNoise));
    u.minimise("q", ops::mean_per_agent(g, ops::square(g, values)), {q}, {.polyak = 0.5});
    u.minimise("alpha", ops::mean_per_agent(g, ops::square(g, u.parameter(log_alpha, 0))), {log_alpha}, {});
    u.set_state("count", ops::affine(g, u.state("count", 0), 1, 1));
    learner.finish();
  }
  void steps(int n) {
    ThreadTeam team(1);
    for (int i = 0; i < n; ++i) learner.step(team);
  }
};

std::vector<float> values(const Learner& learner) {
  const auto x = learner.parameters().values();
  return {x.begin(), x.end()};
}
template <class Write>
run::Archive written(const test::Scratch& dir, int format, Write&& write) {
  run::ArchiveWriter file("checkpoint", format);
  write(file);
  file.write(dir / "c.ckpt");
  return run::Archive::read(dir / "c.ckpt", "checkpoint", kCheckpointFormat);
}

TEST(LearnerCheckpoint, WhatIsRestoredGoesOnBitForBit) {
  const test::Scratch dir;
  Small whole, half, rest;
  whole.steps(5);
  half.steps(2);
  const run::Archive file =
      written(dir, kCheckpointFormat, [&](run::ArchiveWriter& to) { save_learner(half.learner, to); });
  restore_learner(rest.learner, file, "c.ckpt");
  EXPECT_EQ(rest.learner.steps_done(), 2);
  rest.steps(3);
  EXPECT_EQ(values(rest.learner), values(whole.learner));
  EXPECT_EQ(rest.learner.state().values, whole.learner.state().values);
  EXPECT_EQ(rest.learner.state().values.at("count"), (std::vector<float>{5, 5}));
}

TEST(LearnerCheckpoint, SaysInFieldsWhatItsNetworksAre) {
  const test::Scratch dir;
  Small small;
  small.steps(1);
  const run::Archive file =
      written(dir, kCheckpointFormat, [&](run::ArchiveWriter& to) { save_learner(small.learner, to); });
  const nlohmann::json& q = file.header().at("learner").at("networks").at(0);
  EXPECT_EQ(
      q.at("architecture"),
      (nlohmann::json{{"kind", "mlp"}, {"widths", {2, 3, 1}}, {"members", 2}, {"nonlinearity", "relu"}}));
  EXPECT_EQ(q.at("tensors").at(0), (nlohmann::json{{"name", "q/w0"}, {"shape", {2, 2, 2, 3}}}));

  const SavedLearner saved = saved_learner(file, "c.ckpt");
  EXPECT_EQ(saved.step, 1);
  ASSERT_EQ(saved.networks.size(), 3u);
  EXPECT_EQ(saved.networks[1].name, "q_target");
  EXPECT_EQ(saved.networks[1].role, nn::Role::kTarget);
  EXPECT_EQ(saved.network("policy"), nullptr);
  const nn::ParameterStore& store = small.learner.parameters();
  int t = 0;
  for (const SavedNetwork& network : saved.networks)
    for (const SavedTensor& tensor : network.tensors) {
      EXPECT_EQ(tensor.name, store.name(t));
      EXPECT_TRUE(std::equal(tensor.values.begin(), tensor.values.end(), store.value(t))) << tensor.name;
      const bool trainable = network.role == nn::Role::kTrainable;
      ASSERT_EQ(tensor.second_moments.empty(), !trainable);
      if (trainable) {
        EXPECT_TRUE(
            std::equal(tensor.second_moments.begin(), tensor.second_moments.end(), store.second_moment(t)));
      }
      ++t;
    }
}

TEST(LearnerCheckpoint, OfOtherFunctionsOfTheSameTensorsIsRefused) {
  const test::Scratch dir;
  Small small(3, nn::Nonlinearity::kTanh), other;
  const run::Archive file =
      written(dir, kCheckpointFormat, [&](run::ArchiveWriter& to) { save_learner(small.learner, to); });
  try {
    restore_learner(other.learner, file, "c.ckpt");
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("tanh"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("relu"), std::string::npos) << e.what();
  }
  Small same(3, nn::Nonlinearity::kTanh);
  restore_learner(same.learner, file, "c.ckpt");
}

// Format 1 as its files are: names and shapes in one string, moments of targets too, all on 64 bytes.
run::Archive of_format_1(const test::Scratch& dir) {
  const std::vector<std::pair<std::string, std::size_t>> all{
      {"q/w0 [2, 2, 2, 3]", 24},        {"q/b0 [2, 2, 3]", 12},
      {"q/w1 [2, 2, 3, 1]", 12},        {"q/b1 [2, 2, 1]", 4},
      {"q_target/w0 [2, 2, 2, 3]", 24}, {"q_target/b0 [2, 2, 3]", 12},
      {"q_target/w1 [2, 2, 3, 1]", 12}, {"q_target/b1 [2, 2, 1]", 4},
      {"log_alpha [2, 1]", 2}};
  return written(dir, 1, [&](run::ArchiveWriter& file) {
    nlohmann::json names = nlohmann::json::array();
    std::vector<float> slab;
    for (const auto& [name, elements] : all) {
      for (std::size_t i = 0; i < elements; ++i) slab.push_back(static_cast<float>(100 * names.size() + i));
      slab.resize((slab.size() + 15) / 16 * 16, 0.0f);
      names.push_back(name);
    }
    file.header()["learner"] = {{"step", 41},
                                {"active", std::vector<int>{1, 0}},
                                {"stop_reason", std::vector<std::string>{"", "loss q is not finite"}},
                                {"parameters", names}};
    for (const char* name : {"learner/values", "learner/first_moments", "learner/second_moments"}) {
      file.add<float>(name, Shape{static_cast<std::int64_t>(slab.size())}, std::span<const float>(slab));
      for (float& x : slab) x = x == 0 ? 0 : x + 0.25f;
    }
    const std::vector<float> count{3, 4};
    file.add<float>("learner/state/count", Shape{2}, std::span<const float>(count));
  });
}

TEST(LearnerCheckpoint, OfFormat1IsRestoredTensorByTensor) {
  const test::Scratch dir;
  Small small;
  restore_learner(small.learner, of_format_1(dir), "c.ckpt");
  EXPECT_EQ(small.learner.steps_done(), 41);
  EXPECT_TRUE(small.learner.active(0));
  EXPECT_FALSE(small.learner.active(1));
  EXPECT_EQ(small.learner.stop_reason(1), "loss q is not finite");
  EXPECT_EQ(small.learner.state().values.at("count"), (std::vector<float>{3, 4}));
  const nn::ParameterStore& store = small.learner.parameters();
  for (int t = 0; t < store.size(); ++t)
    for (std::int64_t i = 0; i < store.shape(t).elements(); ++i) {
      const auto x = static_cast<float>(100 * t + i);
      EXPECT_EQ(store.value(t)[i], x) << store.name(t);
      if (store.role(t) != nn::Role::kTrainable || x == 0) continue;
      EXPECT_EQ(store.first_moment(t)[i], x + 0.25f) << store.name(t);
      EXPECT_EQ(store.second_moment(t)[i], x + 0.5f) << store.name(t);
    }
}

TEST(LearnerCheckpoint, OfFormat1SaysWhatItsNetworksAre) {
  const test::Scratch dir;
  const run::Archive file = of_format_1(dir);
  const SavedLearner saved = saved_learner(file, "c.ckpt");
  ASSERT_EQ(saved.networks.size(), 3u);
  EXPECT_EQ(
      saved.networks[0].architecture->describe(),
      (nlohmann::json{{"kind", "mlp"}, {"widths", {2, 3, 1}}, {"members", 2}, {"nonlinearity", "relu"}}));
  EXPECT_EQ(saved.networks[0].role, nn::Role::kTrainable);
  EXPECT_EQ(saved.networks[1].role, nn::Role::kTarget);
  EXPECT_EQ(saved.networks[1].tensors[2].values[1], 601.0f);
  EXPECT_EQ(saved.networks[2].architecture->describe(), (nlohmann::json{{"kind", "vector"}, {"size", 1}}));
}

TEST(LearnerCheckpoint, OfAnotherLearnerIsRefusedWithItsFirstDifference) {
  const test::Scratch dir;
  Small small, wide(4);
  const run::Archive file =
      written(dir, kCheckpointFormat, [&](run::ArchiveWriter& to) { save_learner(wide.learner, to); });
  const std::vector<float> before = values(small.learner);
  try {
    restore_learner(small.learner, file, "c.ckpt");
    FAIL() << "it was taken";
  } catch (const Error& e) {
    EXPECT_EQ(e.message(),
              "c.ckpt: holds q/w0 [2, 2, 2, 4] where this method has q/w0 [2, 2, 2, 3]; is it another run's "
              "checkpoint?");
  }
  EXPECT_EQ(values(small.learner), before);
}

}  // namespace
}  // namespace hardy::algorithms
