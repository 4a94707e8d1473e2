// What a dataset's actions are said to be.
#include "datasets/action_space.h"

#include <gtest/gtest.h>

#include "datasets/memory.h"
#include "engine/base/json.h"

namespace hardy::datasets {
namespace {

// Arrays that say something about themselves, as Minari's metadata do.
class Described final : public MemoryReader {
 public:
  Described(const Arrays& arrays, nlohmann::json attributes)
      : MemoryReader(arrays, "described"), attributes_(std::move(attributes)) {}
  nlohmann::json attributes() const override { return attributes_; }

 private:
  nlohmann::json attributes_;
};

ActionSpace space_of(ArrayType type, std::vector<std::int64_t> shape, const char* said = nullptr) {
  const Arrays arrays{{"actions", Array::of(type, std::move(shape))}};
  return action_space(
      Described(arrays, said ? nlohmann::json{{"action_space", said}} : nlohmann::json::object()));
}

TEST(ActionSpace, IsChoicesWhereTheTypeIsAnIntegersOrTheFileSaysSo) {
  for (const ArrayType type : {ArrayType::kI32, ArrayType::kI64, ArrayType::kU8, ArrayType::kBool}) {
    EXPECT_TRUE(space_of(type, {7}).discrete) << name_of(type);
    EXPECT_TRUE(space_of(type, {7, 1}).discrete) << name_of(type);
  }
  EXPECT_EQ(space_of(ArrayType::kI64, {7}).evidence, "int64 [7]");
  for (const ArrayType type : {ArrayType::kF32, ArrayType::kF64})
    EXPECT_FALSE(space_of(type, {7, 2}).discrete) << name_of(type);
  const char* discrete = R"({"type": "Discrete", "dtype": "int64", "start": 0, "n": 2})";
  EXPECT_EQ(space_of(ArrayType::kI64, {7}, discrete).evidence, "Discrete by the file's action_space");
  EXPECT_TRUE(space_of(ArrayType::kF32, {7, 1}, discrete).discrete);
  EXPECT_TRUE(space_of(ArrayType::kF32, {7, 2}, R"({"type": "MultiDiscrete", "nvec": [3, 2]})").discrete);
  EXPECT_TRUE(space_of(ArrayType::kF32, {7, 3},
                       R"({"type": "Tuple", "subspaces": [{"type": "Box"}, {"type": "Discrete", "n": 3}]})")
                  .discrete);
}

TEST(ActionSpace, HasTheBoundsOfABoxThatAreFiniteAndOfItsSize) {
  const ActionSpace box = space_of(
      ArrayType::kF32, {7, 2},
      R"({"type": "Box", "dtype": "float32", "shape": [2], "low": [-2.0, 0.0], "high": [2.0, 5.0]})");
  EXPECT_FALSE(box.discrete);
  EXPECT_EQ(box.low, (std::vector<float>{-2, 0}));
  EXPECT_EQ(box.high, (std::vector<float>{2, 5}));
  for (const char* none :
       {R"({"type": "Box", "low": [-Infinity, 0.0], "high": [Infinity, 5.0]})",
        R"({"type": "Box", "low": [-1.0], "high": [1.0]})",
        R"({"type": "Box", "low": [1.0, 0.0], "high": [1.0, 5.0]})", R"({"type": "Box"})", "no JSON"})
    EXPECT_TRUE(space_of(ArrayType::kF32, {7, 2}, none).low.empty()) << none;
}

}  // namespace
}  // namespace hardy::datasets
