#include "datasets/conversion/expression.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "tests/engine/base/refusal.h"

namespace hardy::datasets {
namespace {

const std::vector<Expression::Name> kNames{{"return"}, {"length"}, {"terminated", true}, {"x_1"}};

bool holds(const std::string& text, std::array<double, 4> values = {1200, 50, 1, 0.5}) {
  return Expression(text, kNames, "--filter").holds(values);
}
std::string refused(const std::string& text) {
  return test::refusal([&] { Expression(text, kNames, "--filter"); });
}

TEST(Expression, ComparesCombinesAndCalculatesAsPeopleWriteIt) {
  for (const char* yes : {"return > 1000",
                          "return>=1200",
                          "return == 1200",
                          "return != 3",
                          "length < 50.5",
                          "terminated",
                          "not terminated or length == 50",
                          "return > 1e3 and length >= 50 and terminated",
                          "1000 < return <= 1200",
                          "return / length > 20",
                          "return - 200 * 2 == 800",
                          "-length < 0",
                          "(return > 2000 or length > 10) and x_1 < 1",
                          "return > 1000 && !(length < 3)",
                          "return > 2000 || terminated",
                          "terminated == 1",
                          "2 + 3 * 4 == 14",
                          "10 - 3 - 2 == 5",
                          "8 / 4 / 2 == 1",
                          "x_1==.5",
                          "not not terminated",
                          "return > 0 or return < 0 and length < 0"})
    EXPECT_TRUE(holds(yes)) << yes;
  for (const char* no : {"return > 1200", "not terminated", "0 < return < 1000", "return < 0 or length < 0",
                         "(return > 0 or return < 0) and length < 0", "3 > 2 > 2"})
    EXPECT_FALSE(holds(no)) << no;
}

TEST(Expression, NothingButInequalityHoldsOfNan) {
  const std::array<double, 4> nan{NAN, 1, 0, 0};
  for (const char* text : {"return > 0", "return <= 0", "return == return"})
    EXPECT_FALSE(holds(text, nan)) << text;
  EXPECT_TRUE(holds("return != return", nan));
}

TEST(Expression, SaysWhichNamesThereAreAndWhatCannotBeRead) {
  EXPECT_NE(refused("retrun > 1")
                .find("there is no 'retrun'; did you mean 'return'? known: return, length, "
                      "terminated, x_1"),
            std::string::npos);
  EXPECT_NE(refused("z > 1").find("known: return"), std::string::npos);
  EXPECT_NE(refused("return").find("'return' is a number where a condition belongs"), std::string::npos);
  EXPECT_NE(refused("return + 1").find("'return + 1' is a number"), std::string::npos);
  EXPECT_NE(refused("(return > 1) + 2 > 1").find("is a condition where a number belongs"), std::string::npos);
  EXPECT_NE(refused("return = 3").find("write =="), std::string::npos);
  EXPECT_NE(refused("return > ").find("ends too early"), std::string::npos);
  EXPECT_NE(refused("").find("ends too early"), std::string::npos);
  EXPECT_NE(refused("(return > 1").find("lacks a ')'"), std::string::npos);
  EXPECT_NE(refused("return > 1 length").find("from 'length' on"), std::string::npos);
  EXPECT_NE(refused("return > nan").find("there is no 'nan'"), std::string::npos);
  EXPECT_NE(refused("return > 1; length").find("from ';"), std::string::npos);
  EXPECT_NE(refused(std::string(5000, '(')).find("nested too deeply"), std::string::npos);
  EXPECT_NE(refused(std::string(5000, '-') + "1 > 0").find("nested too deeply"), std::string::npos);
  std::string words = "length > 0";
  for (int i = 0; i < 2000; ++i) words += " or length > 0";
  EXPECT_NE(refused(words).find("is too long"), std::string::npos);
}

TEST(Expression, KnowsWhichNamesItUses) {
  const Expression e("return > 1 and not terminated", kNames, "");
  EXPECT_TRUE(e.uses(0) && e.uses(2));
  EXPECT_FALSE(e.uses(1) || e.uses(3));
}

}  // namespace
}  // namespace hardy::datasets
