// A point that is pushed through a maze of unit cells to a goal, on the maps of D4RL's maze2d (Fu et al.
// 2020); the motion is our own, without contacts to simulate.
//   state and observation [6]: position, speed, goal; action [2]: push in [-1, 1] along x and y
//   speed += (10 push - speed) 0.05, held to 5; position += 0.05 speed, x before y; the point is a square
//   of half-width 0.1 that walls stop, with the speed along that axis set to 0
//   reward: 1 within 0.45 of the goal, a success, which ends the episode, and 0 before
//   truncated: 300 (umaze), 600 (medium), 800 (large) steps
//   start and goal: different free cells, each within 0.1 of its cell's middle
#pragma once

#include <array>
#include <cmath>
#include <string_view>

#include "envs/control/task.h"

namespace hardy::envs {

// '#': a wall. Row 0 is y = 0 to 1, column 0 is x = 0 to 1; the rim is all wall.
template <int rows>
using MazeMap = std::array<std::string_view, rows>;
inline constexpr MazeMap<5> kUmaze{"#####",  //
                                   "#   #",  //
                                   "### #",  //
                                   "#   #",  //
                                   "#####"};
inline constexpr MazeMap<8> kMediumMaze{"########",  //
                                        "#  ##  #",  //
                                        "#  #   #",  //
                                        "##   ###",  //
                                        "#  #   #",  //
                                        "# #  # #",  //
                                        "#   #  #",  //
                                        "########"};
inline constexpr MazeMap<9> kLargeMaze{"############",  //
                                       "#    #     #",  //
                                       "# ## # # # #",  //
                                       "#      #   #",  //
                                       "# #### ### #",  //
                                       "#  # #     #",  //
                                       "## # # # ###",  //
                                       "#  #   #   #",  //
                                       "############"};

template <const auto& map, int steps>
struct PointMaze {
  static constexpr const char* kName = "point_maze";
  static constexpr int kState = 6, kObservation = 6, kAction = 2, kSteps = steps;
  using Action = float;
  static constexpr double kLimit = 1, kHalfWidth = 0.1, kReach = 0.45;
  static constexpr double kReferenceMin = 0, kReferenceMax = 1, kSuccessReturn = 1;
  static constexpr int kRows = static_cast<int>(map.size()), kColumns = static_cast<int>(map[0].size());

  static constexpr bool wall(int column, int row) {
    return map[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)] == '#';
  }
  static constexpr std::uint32_t free_cells() {
    std::uint32_t n = 0;
    for (int cell = 0; cell < kRows * kColumns; ++cell) n += !wall(cell % kColumns, cell / kColumns);
    return n;
  }

  template <class = void>
  constexpr void start(const Random& draws, double* state) const {
    const std::uint32_t from = draws.integer(0, free_cells()), other = draws.integer(1, free_cells() - 1);
    place(from, draws, 2, state);
    place(other + (other >= from), draws, 4, state + 4);
    state[2] = state[3] = 0;
  }
  template <class T = double>
  constexpr void observe(const T* state, T* observation) const {
    for (int k = 0; k < 6; ++k) observation[k] = state[k];
  }
  template <class T = double>
  constexpr Outcome step(const float* action, const Random&, T* state) const {
    for (int axis = 0; axis < 2; ++axis) {
      const double push = held(static_cast<double>(action[axis]), kLimit);
      double& speed = state[2 + axis];
      speed = held(speed + (10 * push - speed) * 0.05, 5);
      move(state, axis);
    }
    const double dx = state[0] - state[4], dy = state[1] - state[5];
    const bool there = std::sqrt(dx * dx + dy * dy) <= kReach;
    return {there ? 1.0 : 0.0, there};
  }

 private:
  static constexpr void place(std::uint32_t number, const Random& draws, std::uint64_t draw, double* point) {
    int cell = 0;
    for (;; ++cell)
      if (!wall(cell % kColumns, cell / kColumns) && number-- == 0) break;
    const int column = cell % kColumns, row = cell / kColumns;
    point[0] = column + 0.5 + 0.1 * (2 * draws.uniform64(draw) - 1);
    point[1] = row + 0.5 + 0.1 * (2 * draws.uniform64(draw + 1) - 1);
  }
  // Along one axis, until the square's edge meets a wall: less than a cell at a time, so that none is passed.
  template <class T = double>
  static constexpr void move(T* state, int axis) {
    const double speed = state[2 + axis];
    if (speed == 0) return;
    const double edge = speed > 0 ? kHalfWidth : -kHalfWidth;
    const double to = state[axis] + 0.05 * speed, across = state[1 - axis];
    const int line = static_cast<int>(std::floor(to + edge));
    for (const double side : {across - kHalfWidth, across + kHalfWidth}) {
      // A side that stands on a cell's border, where a wall stopped it, is not in the cell beyond.
      const int lane = static_cast<int>(std::floor(side + (side < across ? 1e-9 : -1e-9)));
      if (!(axis == 0 ? wall(line, lane) : wall(lane, line))) continue;
      state[axis] = speed > 0 ? line - kHalfWidth : line + 1 + kHalfWidth;
      state[2 + axis] = 0;
      return;
    }
    state[axis] = to;
  }
};

using PointUmaze = PointMaze<kUmaze, 300>;
using PointMediumMaze = PointMaze<kMediumMaze, 600>;
using PointLargeMaze = PointMaze<kLargeMaze, 800>;

}  // namespace hardy::envs
