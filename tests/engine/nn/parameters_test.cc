#include "engine/nn/parameters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "engine/base/error.h"

namespace hardy::nn {
namespace {

TEST(ParameterStore, EveryTensorOfEverySlabIsAlignedZeroedAndItsOwn) {
  ParameterLayout layout(3);
  const int sizes[] = {1, 17, 256, 5};
  for (const int n : sizes) layout.add("t" + std::to_string(n), {3, n});
  ParameterStore store(layout);
  const auto places = [&](int t) {
    return std::vector<float*>{store.value(t), store.gradient(t), store.first_moment(t),
                               store.second_moment(t)};
  };
  float number = 1;
  for (int t = 0; t < store.size(); ++t)
    for (float* p : places(t)) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % 64, 0u);
      const std::int64_t n = store.shape(t).elements();
      EXPECT_TRUE(std::all_of(p, p + n, [](float x) { return x == 0; }));
      std::fill(p, p + n, number++);
    }
  number = 1;
  for (int t = 0; t < store.size(); ++t)
    for (const float* p : places(t)) {
      EXPECT_TRUE(std::all_of(p, p + store.shape(t).elements(), [&](float x) { return x == number; }));
      ++number;
    }
}

// 8, 16 and 40 floats of values, of these 8 and 40 trainable, in whole lines of 16.
TEST(ParameterStore, OnlyWhatIsTrainableHasGradientsAndMoments) {
  ParameterLayout layout(2);
  const int a = layout.add("a", {2, 4}), target = layout.add("a_target", {2, 4}, Role::kTarget),
            frozen = layout.add("frozen", {2, 8}, Role::kFrozen),
            shared = layout.add("shared", {1, 16}, Role::kShared), b = layout.add("b", {2, 20});
  EXPECT_EQ(layout.values(), 16u * 4 + 48);
  EXPECT_EQ(layout.trained(), 16u + 48);
  EXPECT_EQ(layout.all(), 112u + 3 * 64);
  ParameterStore store(layout);
  EXPECT_EQ(store.memory().size(), layout.all());
  for (const int t : {target, frozen, shared}) {
    EXPECT_EQ(store.gradient(t), nullptr) << store.name(t);
    EXPECT_EQ(store.first_moment(t), nullptr) << store.name(t);
    EXPECT_EQ(store.second_moment(t), nullptr) << store.name(t);
  }
  const auto inside = [](std::span<float> slab, const float* p, std::int64_t n) {
    return p >= slab.data() && p + n <= slab.data() + slab.size();
  };
  for (const int t : {a, b}) {
    const std::int64_t n = store.shape(t).elements();
    EXPECT_TRUE(inside(store.values(), store.value(t), n));
    EXPECT_TRUE(inside(store.gradients(), store.gradient(t), n));
    EXPECT_TRUE(inside(store.first_moments(), store.first_moment(t), n));
    EXPECT_TRUE(inside(store.second_moments(), store.second_moment(t), n));
    EXPECT_TRUE(inside(store.memory(), store.second_moment(t), n));
  }
}

TEST(ParameterStore, AnAgentsSliceIsItsRowOfTheTensorAndTheWholeOfASharedOne) {
  ParameterLayout layout(3);
  layout.add("pad", {3, 1});
  const int w = layout.add("w", {3, 2, 2}), s = layout.add("s", {1, 4}, Role::kShared);
  ParameterStore store(layout);
  for (int i = 0; i < 12; ++i) store.value(w)[i] = static_cast<float>(i);
  for (int i = 0; i < 4; ++i) store.value(s)[i] = static_cast<float>(20 + i);
  const std::span<float> slice = store.agent(w, 1);
  EXPECT_EQ(std::vector<float>(slice.begin(), slice.end()), (std::vector<float>{4, 5, 6, 7}));
  for (const std::int64_t agent : {0, 2}) {
    const std::span<float> all = store.agent(s, agent);
    EXPECT_EQ(std::vector<float>(all.begin(), all.end()), (std::vector<float>{20, 21, 22, 23}));
  }
}

TEST(ParameterLayout, FindsByName) {
  ParameterLayout layout(1);
  layout.add("v/w0", {1, 2});
  EXPECT_EQ(layout.find("v/w0"), 0);
  EXPECT_EQ(layout.name(0), "v/w0");
  EXPECT_EQ(layout.find("v"), -1);
}

TEST(ParameterLayout, RefusesTwinsAndOtherAgents) {
  ParameterLayout layout(2);
  layout.add("a", {2, 3});
  EXPECT_THROW(layout.add("a", {2, 3}), Error);
  EXPECT_THROW(layout.add("b", {3, 3}), Error);
  EXPECT_THROW(layout.add("c", Shape{}), Error);
  EXPECT_THROW(layout.add("d", {2, 3}, Role::kShared), Error);
  EXPECT_THROW(layout.add("e", {1, 3}, Role::kFrozen), Error);
}

TEST(Role, NamesAreReadBack) {
  for (const Role role : {Role::kTrainable, Role::kTarget, Role::kFrozen, Role::kShared})
    EXPECT_EQ(role_named(name_of(role)), role);
  EXPECT_THROW(role_named("tranable"), Error);
}

}  // namespace
}  // namespace hardy::nn
