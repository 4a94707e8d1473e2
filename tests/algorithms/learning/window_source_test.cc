// Windows of a dataset's episodes, against an enumeration from the raw rows.
#include "algorithms/learning/window_source.h"

#include <gtest/gtest.h>

#include <cmath>

#include "algorithms/offline/offline_trainee.h"
#include "engine/ops/arithmetic.h"
#include "engine/ops/concat.h"
#include "engine/ops/gather.h"
#include "engine/ops/reduce.h"
#include "engine/ops/reshape.h"
#include "tests/algorithms/offline/example.h"

namespace hardy::algorithms {
namespace {

// Episodes of 1, 6, 4 and 9 rows, the last one cut by the file's end.
datasets::Transitions episodes() {
  datasets::Transitions t = example_transitions(20);
  t.episode_end.assign(20, 0);
  for (const std::size_t last : {0u, 6u, 10u}) t.episode_end[last] = 1;
  return t;
}
constexpr std::int64_t kFirst[] = {0, 1, 7, 11, 20};

constexpr std::int64_t kSteps = 4, kBatch = 6;
const std::vector<std::uint64_t> kSeeds{5, 6};

// A step's batch, read through gradients: that of sum_i p_i x_i with respect to p is x.
struct Seen {
  std::vector<float> observations, actions, rewards, returns_to_go, timesteps, valid, lengths, token_starts,
      token_ends;
  bool operator==(const Seen&) const = default;
};

class Reader {
 public:
  explicit Reader(std::int64_t passes = 1) : windows_(datasets::windows_of(episodes(), kSteps)) {
    for (std::size_t i = 0; i < 20; ++i) counts_.push_back(static_cast<float>(i));
    Update& u = learner_.update("u").accumulate(passes);
    Graph& g = u.graph();
    const WindowBatch w = WindowSource(windows_, kBatch).windows(u);
    EXPECT_EQ(w.windows, kBatch / passes);
    const auto read = [&](const std::string& name, Tensor x) {
      const std::int64_t n = g.shape(x).elements() / w.agents;
      const Network p = learner_.vector(name, n, 1.0f);
      const Tensor product = ops::multiply(g, u.parameter(p, 0), ops::reshape(g, x, {w.agents, n}));
      u.minimise(name, ops::reshape(g, ops::sum(g, product, -1), {w.agents}), {p}, {});
      networks_.push_back(p);
    };
    const auto number = [&](Tensor counts) {  // of i32, by looking it up
      const std::int64_t n = g.shape(counts).elements() / w.agents;
      return ops::gather_rows(g, u.table("numbers", DType::kF32, {20, 1}, counts_.data(), true),
                              ops::reshape(g, counts, {w.agents, n}));
    };
    read("observations", w.observations);
    read("actions", w.actions);
    read("rewards", w.rewards);
    read("returns_to_go", w.returns_to_go);
    read("timesteps", number(w.timesteps));
    read("valid", w.valid);
    read("lengths", number(w.lengths));
    read("token_starts", number(w.token_starts));
    read("token_ends", number(w.token_ends));
    learner_.finish();
  }
  // After `step` steps, what the next one drew for an agent.
  Seen at(std::int64_t step, std::int64_t agent, int threads = 1) {
    Learner::State state = learner_.state();
    state.step = step;
    learner_.restore(state);
    ThreadTeam team(threads);
    learner_.step(team);
    Seen s;
    std::vector<float>* all[] = {&s.observations, &s.actions, &s.rewards,      &s.returns_to_go, &s.timesteps,
                                 &s.valid,        &s.lengths, &s.token_starts, &s.token_ends};
    const nn::ParameterStore& store = learner_.parameters();
    for (std::size_t i = 0; i < std::size(all); ++i) {
      const int t = networks_[i].tensors[0];
      const std::int64_t n = store.shape(t).elements() / 2;
      all[i]->assign(store.gradient(t) + agent * n, store.gradient(t) + (agent + 1) * n);
    }
    return s;
  }

 private:
  datasets::Windows windows_;
  std::vector<float> counts_;
  Learner learner_{kSeeds};
  std::vector<Network> networks_;
};

Seen enumerated(std::uint64_t seed, std::int64_t step) {
  const datasets::Transitions t = episodes();
  const Random draws(seed, RandomStream::kBatch, static_cast<std::uint64_t>(step));
  Seen s;
  for (std::uint64_t b = 0; b < kBatch; ++b) {
    const std::int64_t first = draws.integer(b, 20);
    int e = 0;
    while (kFirst[e + 1] <= first) ++e;
    const std::int64_t length = std::min(kSteps, kFirst[e + 1] - first);
    s.lengths.push_back(static_cast<float>(length));
    s.token_starts.push_back(0);
    s.token_ends.push_back(static_cast<float>(3 * length));
    for (std::int64_t position = 0; position < kSteps; ++position) {
      const std::int64_t row = first + position;
      const bool is = position < length;
      const auto at = static_cast<std::size_t>(row);
      for (std::size_t k = 0; k < 5; ++k) s.observations.push_back(is ? t.observations[5 * at + k] : 0);
      for (std::size_t k = 0; k < 3; ++k) s.actions.push_back(is ? t.actions[3 * at + k] : 0);
      double to_go = 0;
      for (std::int64_t later = kFirst[e + 1] - 1; is && later >= row; --later)
        to_go += static_cast<double>(t.rewards[static_cast<std::size_t>(later)]);
      s.rewards.push_back(is ? t.rewards[at] : 0);
      s.returns_to_go.push_back(static_cast<float>(to_go));
      s.timesteps.push_back(is ? static_cast<float>(row - kFirst[e]) : 0);
      s.valid.push_back(is ? 1 : 0);
    }
  }
  return s;
}

TEST(WindowSource, DrawsStepsOfOneEpisodePaddedBehindItsEndAsAnEnumerationHasThem) {
  Reader reader;
  bool padded = false, whole = false;
  for (const std::int64_t step : {0, 1, 7})
    for (const std::int64_t agent : {0, 1}) {
      const Seen found = reader.at(step, agent),
                 expected = enumerated(kSeeds[static_cast<std::size_t>(agent)], step);
      EXPECT_EQ(found.observations, expected.observations) << step << " " << agent;
      EXPECT_EQ(found.actions, expected.actions);
      EXPECT_EQ(found.rewards, expected.rewards);
      EXPECT_EQ(found.returns_to_go, expected.returns_to_go);
      EXPECT_EQ(found.timesteps, expected.timesteps);
      EXPECT_EQ(found.valid, expected.valid);
      EXPECT_EQ(found.lengths, expected.lengths);
      EXPECT_EQ(found.token_starts, expected.token_starts);
      EXPECT_EQ(found.token_ends, expected.token_ends);
      for (const float n : found.lengths) (n < kSteps ? padded : whole) = true;
    }
  EXPECT_TRUE(padded && whole);
}

TEST(WindowSource, AStepsWindowsDependOnItsNumberAloneNotOnThreadsOrWhatWasBefore) {
  Reader one, other;
  const Seen first = one.at(3, 1, 1);
  other.at(0, 1, 2);
  other.at(9, 1, 2);
  EXPECT_EQ(other.at(3, 1, 2), first);  // as after a resume
  EXPECT_FALSE(one.at(4, 1) == first);
}

// The mean over passes of what was drawn in equal parts: of the whole batch's windows.
TEST(WindowSource, PassesTakeTheBatchApart) {
  Reader whole, parts(3);
  const Seen all = whole.at(2, 0), mean = parts.at(2, 0);
  const std::size_t n = 2 * kSteps;
  for (std::size_t i = 0; i < n; ++i)
    EXPECT_NEAR(mean.rewards[i], (all.rewards[i] + all.rewards[n + i] + all.rewards[2 * n + i]) / 3, 1e-6);
}

// Behaviour cloning by a linear map, of the first step of each window: a method that draws windows.
class FirstStep final : public Method {
 public:
  explicit FirstStep(DrawsFrom from) : from_(from) {}
  void options(run::Schema&) override {}
  DrawsFrom draws_from() const override { return from_; }
  std::int64_t window() const override { return kSteps; }
  std::int64_t batch_size() const override { return kBatch; }
  PolicySpec policy(int observations, int actions) const override {
    PolicySpec spec;
    spec.observation_size = observations, spec.action_size = actions, spec.hidden = {};
    return spec;
  }
  void build(Learner& learner, const DataSource& data) const override {
    const Network pi = learner.network("policy", policy(data.observation_size(), data.action_size()).mlp());
    Update& u = learner.update("u");
    Graph& g = u.graph();
    const WindowBatch w = data.windows(u);
    EXPECT_EQ(g.shape(w.actions), (Shape{w.agents, kBatch, kSteps, 3}));
    const auto first = [&](Tensor x) {  // [A, B, T, n] -> [A, B, n]
      const std::int64_t n = g.shape(x).back();
      return ops::slice(g, ops::reshape(g, x, {w.agents, w.windows, kSteps * n}), 0, n);
    };
    const Tensor error = ops::subtract(g, u.apply(pi, first(w.observations)), first(w.actions));
    u.minimise("policy", ops::mean_per_agent(g, ops::square(g, error)), {pi}, {});
  }

 private:
  DrawsFrom from_;
};

TEST(WindowSource, AMethodThatSaysSoDrawsThem) {
  OfflineTrainee trainee(FirstStep(DrawsFrom::kWindows), episodes(), {5}, std::vector<float>(3, -1.0f),
                         std::vector<float>(3, 1.0f));
  ThreadTeam team(1);
  trainee.step(team);
  // The loss of the first step at position 0 of the enumerated windows, by the network as it began.
  OfflineTrainee fresh(FirstStep(DrawsFrom::kWindows), episodes(), {5}, std::vector<float>(3, -1.0f),
                       std::vector<float>(3, 1.0f));
  const nn::ParameterStore& store = fresh.learner().parameters();
  const Seen seen = enumerated(5, 0);
  double loss = 0;
  for (std::size_t b = 0; b < kBatch; ++b)
    for (std::size_t k = 0; k < 3; ++k) {
      const std::size_t at = b * kSteps;
      double error = store.agent(1, 0)[k] - seen.actions[3 * at + k];
      for (std::size_t i = 0; i < 5; ++i)
        error += static_cast<double>(seen.observations[5 * at + i]) * store.agent(0, 0)[3 * i + k];
      loss += error * error / (3 * kBatch);
    }
  EXPECT_NEAR(trainee.learner().reports().at("loss/policy")[0], loss, 1e-5 * loss);
}

TEST(WindowSource, WhatDoesNotFitIsRefused) {
  EXPECT_THROW(OfflineTrainee(FirstStep(DrawsFrom::kRows), episodes(), {5}, std::vector<float>(3, -1.0f),
                              std::vector<float>(3, 1.0f)),
               Error);
  EXPECT_THROW(datasets::windows_of(episodes(), 0), Error);
}

}  // namespace
}  // namespace hardy::algorithms
