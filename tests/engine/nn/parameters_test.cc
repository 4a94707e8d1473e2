#include "engine/nn/parameters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "engine/base/error.h"

namespace hardy::nn {
namespace {

TEST(ParameterStore, EveryTensorOfEverySlabIsAlignedZeroedAndItsOwn) {
  ParameterStore store(3);
  const int sizes[] = {1, 17, 256, 5};
  for (const int n : sizes) store.add("t" + std::to_string(n), {3, n});
  store.allocate();
  float number = 1;
  for (int t = 0; t < store.size(); ++t)
    for (float* p : {store.value(t), store.gradient(t), store.first_moment(t), store.second_moment(t)}) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % 64, 0u);
      const std::int64_t n = store.shape(t).elements();
      EXPECT_TRUE(std::all_of(p, p + n, [](float x) { return x == 0; }));
      std::fill(p, p + n, number++);
    }
  number = 1;
  for (int t = 0; t < store.size(); ++t)
    for (const float* p :
         {store.value(t), store.gradient(t), store.first_moment(t), store.second_moment(t)}) {
      EXPECT_TRUE(std::all_of(p, p + store.shape(t).elements(), [&](float x) { return x == number; }));
      ++number;
    }
}

TEST(ParameterStore, SlabsHoldAllTensors) {
  ParameterStore store(2);
  store.add("a", {2, 3});
  store.add("b", {2, 20});
  store.allocate();
  const auto inside = [](std::span<float> slab, const float* p, std::int64_t n) {
    return p >= slab.data() && p + n <= slab.data() + slab.size();
  };
  for (int t = 0; t < store.size(); ++t) {
    const std::int64_t n = store.shape(t).elements();
    EXPECT_TRUE(inside(store.values(), store.value(t), n));
    EXPECT_TRUE(inside(store.gradients(), store.gradient(t), n));
    EXPECT_TRUE(inside(store.first_moments(), store.first_moment(t), n));
    EXPECT_TRUE(inside(store.second_moments(), store.second_moment(t), n));
  }
}

TEST(ParameterStore, AnAgentsSliceIsItsRowOfTheTensor) {
  ParameterStore store(3);
  store.add("pad", {3, 1});
  const int t = store.add("w", {3, 2, 2});
  store.allocate();
  for (int i = 0; i < 12; ++i) store.value(t)[i] = static_cast<float>(i);
  const std::span<float> slice = store.agent(t, 1);
  ASSERT_EQ(slice.size(), 4u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(slice[static_cast<std::size_t>(i)], static_cast<float>(4 + i));
}

TEST(ParameterStore, FindsByName) {
  ParameterStore store(1);
  store.add("v/w0", {1, 2});
  EXPECT_EQ(store.find("v/w0"), 0);
  EXPECT_EQ(store.name(0), "v/w0");
  EXPECT_EQ(store.find("v"), -1);
}

TEST(ParameterStore, RefusesTwinsOtherAgentsAndLateComers) {
  ParameterStore store(2);
  store.add("a", {2, 3});
  EXPECT_THROW(store.add("a", {2, 3}), Error);
  EXPECT_THROW(store.add("b", {3, 3}), Error);
  EXPECT_THROW(store.add("c", Shape{}), Error);
  store.allocate();
  EXPECT_THROW(store.add("d", {2, 3}), Error);
  EXPECT_THROW(store.allocate(), Error);
}

}  // namespace
}  // namespace hardy::nn
