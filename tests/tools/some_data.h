// A dataset of hopper's sizes (or others) filled with noise: for tests that train, not for learning.
#pragma once

#include "datasets/formats/hdf5_file.h"
#include "engine/base/random.h"

namespace hardy::test {

inline datasets::Arrays some_data(std::int64_t rows, std::int64_t observation_size = 11) {
  using datasets::Array;
  using datasets::ArrayType;
  datasets::Arrays arrays;
  const auto column = [&](const char* key, std::int64_t width, std::uint64_t which) {
    Array a = Array::of(ArrayType::kF32,
                        width ? std::vector<std::int64_t>{rows, width} : std::vector<std::int64_t>{rows});
    const Random random(which, RandomStream::kUser);
    for (std::int64_t i = 0; i < a.elements(); ++i)
      a.as<float>()[i] = 2 * random.uniform(static_cast<std::uint64_t>(i)) - 1;
    arrays[key] = a;
  };
  column("observations", observation_size, 1);
  column("actions", 3, 2);
  column("rewards", 0, 3);
  column("next_observations", observation_size, 4);
  arrays["terminals"] = Array::of(ArrayType::kBool, {rows});
  arrays["timeouts"] = Array::of(ArrayType::kBool, {rows});
  return arrays;
}

}  // namespace hardy::test
