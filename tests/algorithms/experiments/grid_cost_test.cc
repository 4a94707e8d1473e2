#include "algorithms/experiments/grid_cost.h"

#include <gtest/gtest.h>

#include <ctime>

#include "engine/base/json.h"
#include "tests/engine/run/scratch.h"

namespace hardy::algorithms {
namespace {

// Two methods, two rates of corruption, two seeds: a hundred steps each.
std::vector<GridCell> eight_cells(const test::Scratch& dir) {
  test::put(dir / "g.ini", "seed = 0 1\ncorrupt-rate = 0.1 0.3\nmethod = bc iql\nsteps = 100\n");
  std::vector<GridCell> cells = cells_of(dir / "g.ini");
  for (std::size_t i = 0; i < cells.size(); ++i) cells[i].number = static_cast<std::int64_t>(i);
  return cells;
}
// Where a step of bc takes a second and one of iql three: one of each method is done, in the first row.
GridCosts costs_of(const std::vector<GridCell>& cells, const test::Scratch& dir) {
  std::vector<CellState> states(cells.size());
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}})
    states[i] = {CellState::Kind::kDone, "", 100, 100, cells[i].method() == "bc" ? 1.0 : 3.0};
  return {cells, states, dir.path(), 1};
}

TEST(GridCost, ACellTakesTheStepsThatItLacksAtTheRateOfThoseLikeIt) {
  const test::Scratch dir;
  const std::vector<GridCell> cells = eight_cells(dir);
  const GridCosts costs = costs_of(cells, dir);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const double expected = i < 2 ? 0 : cells[i].method() == "bc" ? 100 : 300;  // corruption costs no step
    EXPECT_EQ(costs.seconds_left(i), expected) << i;
  }
  std::vector<CellState> none(cells.size());
  EXPECT_FALSE(GridCosts(cells, none, dir.path(), 1).seconds_left(0));
  EXPECT_EQ(GridCosts(cells, none, dir.path(), 1).steps_left(0), 100);
}

TEST(GridCost, ABudgetTakesWholeRowsSeedBySeedUpToTheFirstThatDoesNotFit) {
  const test::Scratch dir;
  const std::vector<GridCell> cells = eight_cells(dir);
  const GridCosts costs = costs_of(cells, dir);
  // Rows: (0.1, seed 0) is done and costs nothing, (0.3, seed 0), (0.1, seed 1), (0.3, seed 1): 400 s each.
  const auto names = [&](double seconds) {
    std::string text;
    for (const std::size_t i : within(costs, seconds).cells)
      text +=
          cells[i].keys.at("seed") + "/" + cells[i].keys.at("corrupt-rate") + "/" + cells[i].method() + " ";
    return text;
  };
  const std::string first = "0/0.1/bc 0/0.1/iql ", second = "0/0.3/bc 0/0.3/iql ",
                    third = "1/0.1/bc 1/0.1/iql ";
  EXPECT_EQ(names(0), first);
  EXPECT_EQ(names(399), first);  // a bc alone would fit
  EXPECT_EQ(names(400), first + second);
  EXPECT_EQ(names(1199), first + second + third);
  EXPECT_EQ(within(costs, 1200).cells.size(), 8u);
  const Affordable some = within(costs, 500);
  EXPECT_EQ(some.rows, 2u);
  EXPECT_EQ(some.of, 4u);
  EXPECT_EQ(some.seconds, 400);
  EXPECT_EQ(some.next, 400);
}

TEST(GridCost, ARateIsMeasuredByPlayingTheFirstStepsAndKeptForTheMachine) {
  const test::Scratch dir;
  test::put(dir / "g.ini", "method = exp_weights\nenv = mirror\nepisodes = 1000 4000\nreplicas = 8\n");
  const std::vector<GridCell> cells = cells_of(dir / "g.ini");
  const std::vector<CellState> states(2);
  GridCosts costs(cells, states, dir.path(), 1);
  costs.measure();
  ASSERT_TRUE(costs.seconds_left(0) && costs.seconds_left(1));
  EXPECT_GT(*costs.seconds_left(0), 0);
  EXPECT_GT(*costs.seconds_left(1), *costs.seconds_left(0));  // four times as many episodes
  EXPECT_EQ(costs.steps_left(1), 8 * 4000);
  costs.keep(dir.path());
  EXPECT_EQ(GridCosts(cells, states, dir.path(), 1).seconds_left(1), costs.seconds_left(1));
  EXPECT_FALSE(GridCosts(cells, states, dir.path(), 2).seconds_left(1));  // another number of threads
}

// What `hardy grid status` does, in processor time: others may be at work here.
TEST(GridCost, AThousandCellsAreLookedAtInLessThanASecond) {
  const test::Scratch dir;
  std::string seeds, table;
  for (int i = 0; i < 500; ++i) seeds += " " + std::to_string(i);
  test::put(dir / "g.ini", "method = bc iql\nsteps = 100\nseed =" + seeds + "\n");
  std::int64_t number = 0;
  for (const GridCell& cell : cells_of(dir / "g.ini")) {
    const std::filesystem::path run = dir / "cells" / cell.name / "run";
    std::filesystem::create_directories(run);
    test::put(run / "run.json", R"({"steps": 100})");
    test::put(run / "summary.json", R"({"steps": 100, "seconds": 2.5, "finished": )" +
                                        std::string(number % 2 == 0 ? "true}" : "false}"));
    test::put(run / "metrics.jsonl", "{\"step\": 40, \"seconds\": 1}\n");
    table += nlohmann::json({{"number", number++}, {"name", cell.name}, {"keys", cell.keys}}).dump() + "\n";
  }
  test::put(dir / "cells.jsonl", table);
  const std::clock_t began = std::clock();
  const Grid grid = Grid::open(dir.path());
  std::vector<CellState> states;
  for (const GridCell& cell : grid.cells()) states.push_back(grid.state_of(cell));
  const GridCosts costs(grid.cells(), states, dir.path(), 1);
  double seconds = 0;
  for (std::size_t i = 0; i < states.size(); ++i) seconds += costs.seconds_left(i).value();
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr int kSlower = 10;  // a sanitizer's own time
#else
  constexpr int kSlower = 1;
#endif
  EXPECT_LT(std::clock() - began, kSlower * CLOCKS_PER_SEC);
  EXPECT_EQ(states.size(), 1000u);
  EXPECT_NEAR(seconds, 500 * 60 * 0.025, 1e-6);  // sixty steps of each second cell, at 25 ms
}

}  // namespace
}  // namespace hardy::algorithms
