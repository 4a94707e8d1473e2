// Whole training runs on either device, and what is compared of them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "algorithms/learning/transition_source.h"
#include "algorithms/offline/offline_trainee.h"
#include "tests/algorithms/methods.h"
#include "tests/algorithms/offline/example.h"
#include "tests/cuda/device/devices.h"

namespace hardy::test {

using algorithms::Learner;
using algorithms::OfflineTrainee;
inline std::unique_ptr<OfflineTrainee> offline(const std::string& name, device::Device* on,
                                               const Values& values = {},
                                               std::vector<std::uint64_t> seeds = {3, 4}) {
  const auto method = method_with(name, over({{"hidden", "16"}, {"batch-size", "24"}}, values));
  return std::make_unique<OfflineTrainee>(*method, algorithms::example_transitions(100), std::move(seeds),
                                          std::vector<float>(3, -1.0f), std::vector<float>(3, 1.0f), on);
}

// A method that draws windows, of episodes of seven steps.
inline std::unique_ptr<OfflineTrainee> sequences(const std::string& name, device::Device* on,
                                                 const Values& values) {
  datasets::Transitions t = algorithms::example_transitions(100);
  for (std::size_t row = 6; row < 100; row += 7) t.episode_end[row] = 1;
  return std::make_unique<OfflineTrainee>(*method_with(name, values), std::move(t),
                                          std::vector<std::uint64_t>{3, 4}, std::vector<float>(3, -1.0f),
                                          std::vector<float>(3, 1.0f), on);
}

// An interacting method on a replay that is full, without an environment.
struct OnAReplay {
  std::vector<float> observations, actions, rewards, next_observations, terminals;
  std::vector<std::int32_t> choices;  // where the method's actions are some, of 3
  std::int32_t rows = 100;
  Learner learner;

  OnAReplay(const std::string& name, device::Device* on, const Values& values = {}) : learner({3, 4}, on) {
    const datasets::Transitions t = algorithms::example_transitions(rows);
    const auto twice = [](std::vector<float>& to, const std::vector<float>& from) {
      for (int a = 0; a < 2; ++a) to.insert(to.end(), from.begin(), from.end());
    };
    twice(observations, t.observations);
    twice(actions, t.actions);
    twice(rewards, t.rewards);
    twice(next_observations, t.next_observations);
    twice(terminals, t.terminals);
    const auto method = method_with(name, over({{"hidden", "16"}, {"batch-size", "24"}}, values));
    for (std::uint64_t i = 0; method->chooses() && i < 200; ++i)
      choices.push_back(static_cast<std::int32_t>(Random(6, RandomStream::kUser).integer(i, 3)));
    const algorithms::TransitionTables tables{.observations = observations.data(),
                                              .actions = actions.data(),
                                              .rewards = rewards.data(),
                                              .next_observations = next_observations.data(),
                                              .terminals = terminals.data(),
                                              .rows = &rows,
                                              .capacity = rows,
                                              .choices = choices.empty() ? nullptr : choices.data()};
    method->build(learner, algorithms::TransitionSource(tables, 5, 3, 24));
    learner.finish();
  }
};

// What ten steps gave.
struct Trained {
  std::vector<std::map<std::string, std::vector<double>>> reports;  // by step
  std::map<std::string, std::vector<float>> tensors;                // values, moments, what lasts
};
inline Trained train(Learner& learner, int steps = 10) {
  ThreadTeam team;
  Trained t;
  for (int i = 0; i < steps; ++i) {
    learner.step(team);
    t.reports.push_back(learner.reports());
  }
  const nn::ParameterStore& store = learner.parameters();
  for (int i = 0; i < store.size(); ++i) {
    const std::int64_t n = store.shape(i).elements();
    const std::string name = store.name(i);
    t.tensors[name].assign(store.value(i), store.value(i) + n);
    if (store.role(i) != nn::Role::kTrainable) continue;
    t.tensors["first moment of " + name].assign(store.first_moment(i), store.first_moment(i) + n);
    t.tensors["second moment of " + name].assign(store.second_moment(i), store.second_moment(i) + n);
  }
  for (const auto& [name, values] : learner.state().values) t.tensors["state " + name] = values;
  return t;
}

// Losses within 1e-4 of themselves, parameters, moments and lasting values within 1e-4 of the largest of the
// tensor: float32 sums in another order, carried through ten steps of Adam. By name, how far apart the two
// are, of what is allowed.
inline std::map<std::string, double> parts_of_tolerance(const Trained& expected, const Trained& found) {
  std::map<std::string, double> parts;
  const auto part = [](double apart, double allowed) {
    return std::isnan(apart) ? INFINITY : apart / allowed;
  };
  EXPECT_EQ(expected.reports.size(), found.reports.size());
  for (std::size_t i = 0; i < expected.reports.size(); ++i)
    for (const auto& [name, values] : expected.reports[i])
      for (std::size_t k = 0; k < values.size(); ++k)
        parts[name + " of agent " + std::to_string(k) + " at step " + std::to_string(i + 1)] =
            part(std::abs(values[k] - found.reports.at(i).at(name)[k]),
                 1e-4 * std::max(0.05, std::abs(values[k])));
  for (const auto& [name, x] : expected.tensors) {
    const std::vector<float>& y = found.tensors.at(name);
    EXPECT_EQ(x.size(), y.size()) << name;
    double largest = 1e-6, apart = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (std::isnan(x[i]) && std::isnan(y[i])) continue;
      largest = std::max(largest, std::abs(static_cast<double>(x[i])));
      const double between = std::abs(static_cast<double>(x[i]) - y.at(i));
      apart = std::isnan(between) ? INFINITY : std::max(apart, between);
    }
    parts[name] = part(apart, 1e-4 * largest);
  }
  return parts;
}
inline double worst_of(const std::map<std::string, double>& parts) {
  double worst = 0;
  for (const auto& [name, part] : parts) worst = std::max(worst, part);
  return worst;
}
inline void expect_equal(const Trained& expected, const Trained& found) {
  for (const auto& [name, part] : parts_of_tolerance(expected, found)) EXPECT_LE(part, 1) << name;
}

}  // namespace hardy::test
