// A grid of two rooms: fetch the key, open the door in the wall between them, reach the goal. After the
// door-key tasks of MiniGrid (Chevalier-Boisvert et al. 2018), with moves instead of turns and a full view.
//   choices: 0 up, 1 down, 2 left, 3 right, one cell; stepping on the key takes it; the door is a wall
//   without the key state and observation [9]: column and row of the walker, whether it has the key, column
//   and row of the key, of the
//     door, of the goal, all counted in cells; a key that is taken stands at the walker's cell
//   reward: 1 at the goal, a success, which ends the episode, and 0 before; truncated: 400 steps
//   start: rooms, key, door and goal are drawn; the walker begins in the left room without the key. With
//     `anywhere`, it begins on any cell of either room, with or without the key (in the right room with it)
#pragma once

#include <cstdint>

#include "envs/control/task.h"

namespace hardy::envs {

struct KeyDoor {
  static constexpr const char* kName = "key_door";
  static constexpr int kState = 9, kObservation = 9, kAction = 1, kSteps = 400;
  static constexpr int kChoices = 4;
  using Action = std::int32_t;
  static constexpr double kReferenceMin = 0, kReferenceMax = 1, kSuccessReturn = 1;

  int size = 8;  // cells a side, without a rim; at least 4
  bool anywhere = false;

  template <class = void>
  constexpr void start(const Random& draws, double* x) const {
    const auto below = [&](std::uint64_t draw, int n) {
      return static_cast<int>(draws.integer(draw, static_cast<std::uint32_t>(n)));
    };
    const int wall = 1 + below(0, size - 2);  // its column: a room on either side of it
    x[3] = below(1, wall);
    x[4] = below(2, size);
    x[5] = wall;
    x[6] = below(3, size);
    x[7] = wall + 1 + below(4, size - wall - 1);
    x[8] = below(5, size);
    x[0] = below(6, wall);
    x[1] = below(7, size);
    x[2] = 0;
    if (anywhere) {
      const int right = size - wall - 1, cell = below(8, (wall + right) * size), column = cell / size;
      x[0] = column < wall ? column : column + 1;
      x[1] = cell % size;
      x[2] = column >= wall || below(9, 2) == 1;
    }
    // Where it would stand on what it is to find, it stands one row further round.
    const bool on_goal = x[0] == x[7] && x[1] == x[8];
    if (on_goal) x[1] = x[1] + 1 < size ? x[1] + 1 : 0;
    take_key(x);
  }
  template <class = void>
  constexpr void observe(const double* x, double* observation) const {
    for (int k = 0; k < 9; ++k) observation[k] = x[k];
  }
  template <class T = double>
  constexpr Outcome step(const std::int32_t* action, const Random&, T* x) const {
    const double column = x[0] + (action[0] == 3) - (action[0] == 2);
    const double row = x[1] + (action[0] == 1) - (action[0] == 0);
    const bool inside = column >= 0 && column < size && row >= 0 && row < size;
    const bool open = column != x[5] || (row == x[6] && x[2] == 1);
    if (inside && open) {
      x[0] = column;
      x[1] = row;
    }
    take_key(x);
    const bool there = x[0] == x[7] && x[1] == x[8];
    return {there ? 1.0 : 0.0, there};
  }

 private:
  static constexpr void take_key(double* x) {
    if (x[0] == x[3] && x[1] == x[4]) x[2] = 1;
    if (x[2] != 1) return;
    x[3] = x[0];
    x[4] = x[1];
  }
};

}  // namespace hardy::envs
