// .npz files of very many arrays.
#include <gtest/gtest.h>

#include <ctime>

#include "datasets/store.h"
#include "tests/datasets/python.h"
#include "tests/engine/run/scratch.h"
#include "tests/places.h"

namespace hardy::datasets {
namespace {

using test::Scratch;

TEST(FormatsByPython, AnNpzFileOfTenTimesTheArraysTakesTenTimesTheProcessorTimeNotAHundred) {
  if (!test::has_modules("numpy")) GTEST_SKIP() << test::python() << " lacks numpy";
  const Scratch dir;
  double spent[2];
  for (const int which : {0, 1}) {
    const std::string arrays = which ? "30000" : "3000", path = (dir / (arrays + ".npz")).string();
    ASSERT_EQ(test::run_script("formats.py", "write numpy-" + arrays + " " + path), 0);
    const std::clock_t before = std::clock();
    const auto reader = open_dataset(path);
    for (const Column& c : reader->columns()) EXPECT_EQ(reader->read(c).elements(), 1);
    spent[which] = static_cast<double>(std::clock() - before);
    EXPECT_EQ(reader->columns().size(), std::stoul(arrays) + 1);
  }
  EXPECT_LT(spent[1], 30 * spent[0]);
}

}  // namespace
}  // namespace hardy::datasets
