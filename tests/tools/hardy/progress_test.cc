#include "tools/hardy/progress.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "engine/base/text.h"
#include "tests/engine/run/scratch.h"

namespace hardy::tools {
namespace {

using test::contents;
using test::Scratch;

TEST(Progress, TheLineSaysRateTimeLeftAndKeyFigures) {
  const std::vector<std::pair<std::string, double>> figures = {{"score", 34.1}, {"loss/q", 0.12345}};
  EXPECT_EQ(progress_line("riql", 12000, 50000, 2000, 10, figures),
            "riql  12,000/50,000  24%  1000 steps/s  0:38 left  score 34.1  loss/q 0.1235");
  EXPECT_EQ(progress_line("bc", 100, 100, 0, 50, {}), "bc  100/100  100%  2.00 steps/s  in 0:50");
  EXPECT_EQ(clock_text(3723), "1:02:03");
}

TEST(Progress, ALineThatIsCutKeepsItsFirstFigureAndWholeParts) {
  const std::vector<std::pair<std::string, double>> figures = {
      {"score", 34.1}, {"loss/policy", 0.12345}, {"loss/q", 0.12345}, {"loss/v", 7}};
  const auto line = [&](std::size_t width) {
    return progress_line("riql", 12000, 50000, 2000, 10, figures, width);
  };
  EXPECT_EQ(line(200),
            "riql  12,000/50,000  24%  1000 steps/s  0:38 left  score 34.1  loss/policy 0.1235  loss/q "
            "0.1235  loss/v 7");
  EXPECT_EQ(line(80), "riql  12,000/50,000  24%  1000 steps/s  0:38 left  score 34.1");
  EXPECT_EQ(line(59), "riql  12,000/50,000  24%  0:38 left  score 34.1");
  EXPECT_EQ(line(40), "riql  12,000/50,000  score 34.1");
  EXPECT_EQ(line(12), "riql  12,000");
  for (std::size_t width = 31; width <= 120; ++width) {
    EXPECT_LE(line(width).size(), width);
    EXPECT_NE(line(width).find("score 34.1"), std::string::npos) << width;
  }
}

TEST(Progress, WithoutATerminalItWritesPlainLines) {
  const Scratch dir;
  std::FILE* file = std::fopen((dir / "log").c_str(), "w");
  {
    Progress p("bc", 10, 0, file, 0);
    EXPECT_TRUE(p.due(5));
    p.show(5, {});
    p.say("note");
  }
  std::fclose(file);
  const std::string text = contents(dir / "log");
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_TRUE(text.starts_with("bc  5/10  50%")) << text;
  EXPECT_TRUE(text.ends_with("\nnote\n")) << text;
}

}  // namespace
}  // namespace hardy::tools
