#include "engine/base/shape.h"

#include <gtest/gtest.h>

namespace hardy {
namespace {

TEST(Shape, CountsAndPrintsItsAxes) {
  const Shape s{2, 3, 5};
  EXPECT_EQ(s.elements(), 30);
  EXPECT_EQ(s.product(1, 3), 15);
  EXPECT_EQ(s.back(), 5);
  EXPECT_EQ(s.str(), "[2, 3, 5]");
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_FALSE(s == (Shape{2, 3, 5, 1}));
}

TEST(Shape, RefusesASeventhAxisAndNegativeLengths) {
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1}), Error);
  EXPECT_THROW((Shape{2, -1}), Error);
  Shape six{1, 2, 3, 4, 5, 6};
  EXPECT_THROW(six.push_back(7), Error);
}

TEST(Error, SaysWhereWhatAndWhatWouldBeRight) {
  const Error e("the value is out of range", "--tau = 2", "give a number in (0, 1)");
  EXPECT_EQ(e.message(), "--tau = 2: the value is out of range; give a number in (0, 1)");
  EXPECT_EQ(e.exit_code(), 2);
  EXPECT_EQ(Error::failed_run("no").exit_code(), 1);
}

}  // namespace
}  // namespace hardy
