// One update of the engine beside one of an independent float64 NumPy program (tests/algorithms/python): the
// same parameters and rows go in, losses, gradients and new parameters are compared.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "algorithms/learning/learner.h"
#include "engine/base/json.h"
#include "tests/engine/run/scratch.h"
#include "tests/places.h"

namespace hardy::test {

inline nlohmann::json as_json(const Shape& shape, std::span<const float> x) {
  nlohmann::json dims = nlohmann::json::array();
  for (int i = 0; i < shape.rank(); ++i) dims.push_back(shape[i]);
  return {{"shape", dims}, {"data", std::vector<double>(x.begin(), x.end())}};
}

// Agent 0's parameters by name, and Adam's moments as adam_m/NAME and adam_v/NAME.
inline nlohmann::json parameters_of(const nn::ParameterStore& store) {
  nlohmann::json tensors;
  for (int i = 0; i < store.size(); ++i) {
    Shape shape;
    for (int axis = 1; axis < store.shape(i).rank(); ++axis) shape.push_back(store.shape(i)[axis]);
    tensors[store.name(i)] = as_json(shape, store.agent(i, 0));
    const std::size_t n = store.agent(i, 0).size();
    if (store.role(i) != nn::Role::kTrainable) continue;
    tensors["adam_m/" + store.name(i)] = as_json(shape, {store.first_moment(i), n});
    tensors["adam_v/" + store.name(i)] = as_json(shape, {store.second_moment(i), n});
  }
  return tensors;
}

// What SCRIPT of tests/algorithms/python makes of the tensors: its OUTPUT's.
inline nlohmann::json ask_oracle(const std::string& script, const nlohmann::json& settings,
                                 const nlohmann::json& tensors) {
  const Scratch dir;
  std::ofstream((dir / "in.json").string()) << nlohmann::json{{"settings", settings}, {"tensors", tensors}};
  const std::string path = sources() / "tests/algorithms/python" / script;
  EXPECT_EQ(std::system(("'" + python() + "' '" + path + "' " + (dir / "in.json").string() + " " +
                         (dir / "out.json").string())
                            .c_str()),
            0);
  return nlohmann::json::parse(contents(dir / "out.json")).at("tensors");
}

// The rows that a step draws from a table, and its standard normals, of the agent with this seed.
inline std::vector<float> drawn_rows(const std::vector<float>& table, std::int64_t width, std::int64_t batch,
                                     std::uint64_t seed, std::uint64_t step) {
  const Random draws(seed, RandomStream::kBatch, step);
  const auto rows = static_cast<std::uint32_t>(static_cast<std::int64_t>(table.size()) / width);
  std::vector<float> x;
  for (std::int64_t i = 0; i < batch; ++i) {
    const std::int64_t row = draws.integer(static_cast<std::uint64_t>(i), rows);
    x.insert(x.end(), table.begin() + row * width, table.begin() + (row + 1) * width);
  }
  return x;
}
inline std::vector<float> drawn_normals(std::int64_t n, RandomStream stream, std::uint64_t seed,
                                        std::uint64_t step) {
  const Random draws(seed, stream, step);
  std::vector<float> x;
  for (std::int64_t i = 0; i < n; ++i)
    x.push_back(static_cast<float>(draws.normal(static_cast<std::uint64_t>(i))));
  return x;
}

// After the engine's step: every loss, every gradient and every new parameter, to `share` of the largest of
// its tensor. Targets have no gradient; all else must have one but what is frozen, of which nothing is said.
inline void expect_the_oracles_step(algorithms::Learner& learner, const nlohmann::json& out,
                                    double share = 1e-5) {
  for (const auto& [key, loss] : learner.reports())
    if (key.starts_with("loss/")) {
      const nlohmann::json& data = out.at(key).at("data");
      const double expected = data.is_array() ? data.at(0).get<double>() : data.get<double>();
      EXPECT_NEAR(loss[0], expected, 1e-5 * std::max(1e-2, std::abs(expected))) << key;
    }
  const nn::ParameterStore& store = learner.parameters();
  for (int i = 0; i < store.size(); ++i) {
    if (store.role(i) == nn::Role::kFrozen) continue;
    const bool trainable = store.role(i) == nn::Role::kTrainable;
    const auto check = [&](const std::string& key, std::span<const float> mine, double floor) {
      if (!out.contains(key)) return false;
      const auto expected = out.at(key).at("data").get<std::vector<double>>();
      EXPECT_EQ(expected.size(), mine.size()) << key;
      double largest = floor;
      for (const double x : expected) largest = std::max(largest, std::abs(x));
      for (std::size_t k = 0; k < std::min(mine.size(), expected.size()); ++k)
        EXPECT_NEAR(mine[k], expected[k], share * largest) << key << " " << k;
      return true;
    };
    const std::size_t n = store.agent(i, 0).size();
    EXPECT_EQ(out.contains("grad/" + store.name(i)), trainable) << store.name(i);
    if (trainable) check("grad/" + store.name(i), {store.gradient(i), n}, 1e-6);
    EXPECT_TRUE(check("new/" + store.name(i), store.agent(i, 0), 1e-3)) << store.name(i);
  }
}

}  // namespace hardy::test
