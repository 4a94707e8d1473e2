// A small clean dataset whose rows continue one another: random walks in episodes, every second one ended by
// a terminal, the others by a timeout, the last one cut. With infos and metadata, as D4RL's files have them.
#pragma once

#include "datasets/array.h"
#include "engine/base/random.h"

namespace hardy::test {

// Episodes are of 30, 31, ... 49, 30, ... rows.
inline datasets::Arrays made_data(std::int64_t rows, datasets::ArrayType type = datasets::ArrayType::kF32,
                                  bool next = true) {
  using datasets::Array;
  using datasets::ArrayType;
  constexpr std::int64_t kObs = 4, kAct = 2;
  const Random random(7, RandomStream::kUser);
  std::uint64_t draw = 0;
  const auto uniform = [&] { return 2 * random.uniform(draw++) - 1; };
  datasets::Arrays a;
  a["observations"] = Array::of(type, {rows, kObs});
  if (next) a["next_observations"] = Array::of(type, {rows, kObs});
  a["actions"] = Array::of(type, {rows, kAct});
  a["rewards"] = Array::of(type, {rows});
  a["terminals"] = Array::of(ArrayType::kBool, {rows});
  a["timeouts"] = Array::of(ArrayType::kBool, {rows});
  a["infos/qpos"] = Array::of(ArrayType::kF64, {rows, 3});
  a["metadata/algorithm"] = Array::text("made");
  const auto put = [&](const char* key, std::int64_t i, float x) {
    if (type == ArrayType::kF64)
      a[key].as<double>()[i] = x;
    else
      a[key].as<float>()[i] = x;
  };
  float state[kObs] = {};
  std::int64_t episode = 0, step = 0;
  for (std::int64_t row = 0; row < rows; ++row, ++step) {
    if (step == 0)
      for (float& x : state) x = 3 * uniform();
    for (std::int64_t k = 0; k < kObs; ++k) put("observations", row * kObs + k, state[k]);
    for (float& x : state) x += 0.1f * uniform();
    for (std::int64_t k = 0; next && k < kObs; ++k) put("next_observations", row * kObs + k, state[k]);
    for (std::int64_t k = 0; k < kAct; ++k) put("actions", row * kAct + k, 0.9f * uniform());
    put("rewards", row, 1 + 0.5f * uniform());
    a["infos/qpos"].as<double>()[row * 3] = row;
    if (step + 1 < 30 + episode % 20) continue;
    a[episode % 2 ? "timeouts" : "terminals"].as<std::uint8_t>()[row] = 1;
    ++episode;
    step = -1;
  }
  return a;
}

}  // namespace hardy::test
