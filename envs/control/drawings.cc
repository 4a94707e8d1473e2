// How the control tasks look: flat drawings of their states, which need no library.
#include <functional>
#include <numbers>
#include <utility>

#include "engine/base/parameters.h"
#include "envs/canvas.h"
#include "envs/control/acrobot.h"
#include "envs/control/cart_pole.h"
#include "envs/control/key_door.h"
#include "envs/control/mountain_car_continuous.h"
#include "envs/control/pendulum.h"
#include "envs/control/pendulum_sparse.h"
#include "envs/control/point_maze.h"

namespace hardy::envs {
namespace {

constexpr Colour kPaper{240, 243, 246}, kGround{150, 158, 166}, kOrange{224, 117, 33}, kBlue{41, 107, 184},
    kGreen{120, 190, 120}, kDark{60, 66, 72};

struct Scene {
  Point low, high;          // what is shown
  double steps_per_second;  // by the task's equations; of those without a clock, as is pleasant to watch
  std::function<void(const std::vector<double>& state, Canvas& canvas)> draw;
};

// Angle 0 is up, and turns to the left, as Gymnasium draws it.
void draw_rod(const std::vector<double>& x, Canvas& c) {
  c.line({0, 0}, {-std::sin(x[0]), std::cos(x[0])}, 0.18, kOrange);
  c.disc({0, 0}, 0.05, kDark);
}

void draw_cart(const std::vector<double>& x, Canvas& c) {
  c.line({-4, 0}, {4, 0}, 0.02, kGround);
  c.box({x[0] - 0.25, -0.12}, {x[0] + 0.25, 0.12}, kBlue);
  c.line({x[0], 0.1}, {x[0] + std::sin(x[2]), 0.1 + std::cos(x[2])}, 0.09, kOrange);
}

void draw_links(const std::vector<double>& x, Canvas& c) {
  const Point elbow{std::sin(x[0]), -std::cos(x[0])};
  const Point tip{elbow.x + std::sin(x[0] + x[1]), elbow.y - std::cos(x[0] + x[1])};
  c.line({-2.2, 1}, {2.2, 1}, 0.02, kGreen);
  c.line({0, 0}, elbow, 0.18, kBlue);
  c.line(elbow, tip, 0.18, kOrange);
  c.disc({0, 0}, 0.05, kDark);
  c.disc(elbow, 0.05, kDark);
}

void draw_car(const std::vector<double>& x, Canvas& c) {
  const auto height = [](double at) { return 0.45 * std::sin(3 * at) + 0.55; };
  constexpr int kPieces = 80;
  for (int i = 0; i < kPieces; ++i) {
    const double from = -1.2 + 1.8 * i / kPieces, to = -1.2 + 1.8 * (i + 1) / kPieces;
    c.line({from, height(from)}, {to, height(to)}, 0.015, kGround);
  }
  c.line({0.45, height(0.45)}, {0.45, height(0.45) + 0.16}, 0.01, kDark);
  c.box({0.45, height(0.45) + 0.1}, {0.53, height(0.45) + 0.16}, kGreen);
  // The wheel stands on the slope.
  const double slope = 1.35 * std::cos(3 * x[0]), length = std::hypot(1, slope);
  c.disc({x[0] - 0.045 * slope / length, height(x[0]) + 0.045 / length}, 0.045, kOrange);
}

template <class Maze>
Scene scene_of_maze() {
  return {{0, 0}, {Maze::kColumns, Maze::kRows}, 20, [](const std::vector<double>& x, Canvas& c) {
            for (int row = 0; row < Maze::kRows; ++row)
              for (int column = 0; column < Maze::kColumns; ++column)
                if (Maze::wall(column, row))
                  c.box({double(column), double(row)}, {column + 1.0, row + 1.0}, kGround);
            c.disc({x[4], x[5]}, Maze::kReach, kGreen);
            const double r = Maze::kHalfWidth;
            c.box({x[0] - r, x[1] - r}, {x[0] + r, x[1] + r}, kOrange);
          }};
}

Scene scene_of_rooms(double size) {
  return {{0, 0}, {size, size}, 4, [size](const std::vector<double>& x, Canvas& c) {
            const auto cell = [&](double column, double row, Colour colour) {
              c.box({column, size - row - 1}, {column + 1, size - row}, colour);
            };
            const auto middle = [&](double column, double row) {
              return Point{column + 0.5, size - row - 0.5};
            };
            for (int row = 0; row < static_cast<int>(size); ++row)
              if (row != x[6]) cell(x[5], row, kGround);
            if (x[2] != 1) cell(x[5], x[6], kBlue);  // the door is shut
            cell(x[7], x[8], kGreen);
            c.disc(middle(x[0], x[1]), 0.35, kOrange);
            c.disc(middle(x[3], x[4]), 0.15, kBlue);
          }};
}

Scene scene_of(const std::string& name) {
  Parameters keys(name);
  const std::string& task = keys.name();
  if (task == Pendulum::kName || task == PendulumSparse::kName)
    return {{-1.3, -1.3}, {1.3, 1.3}, 20, draw_rod};
  if (task == CartPole::kName) return {{-2.7, -0.4}, {2.7, 1.4}, 50, draw_cart};
  if (task == Acrobot::kName) return {{-2.2, -2.2}, {2.2, 2.2}, 5, draw_links};
  if (task == MountainCarContinuous::kName) return {{-1.25, 0}, {0.65, 1.25}, 30, draw_car};
  if (task == KeyDoor::kName)
    return scene_of_rooms(static_cast<double>(keys.integer("size", KeyDoor{}.size, 4, 64)));
  const std::string map = keys.word("map", "umaze");
  if (map == "medium") return scene_of_maze<PointMediumMaze>();
  if (map == "large") return scene_of_maze<PointLargeMaze>();
  return scene_of_maze<PointUmaze>();
}

class Drawing final : public View {
 public:
  Drawing(Scene scene, int width, int height) : scene_(std::move(scene)), width_(width), height_(height) {}

  void draw(const BatchEnvironment& env, int i, Picture& picture) override {
    state_.resize(env.state_size());
    env.save_state(i, state_);
    picture.width = width_, picture.height = height_;
    Canvas canvas(picture, scene_.low, scene_.high, kPaper);
    scene_.draw(state_, canvas);
  }
  double steps_per_second() const override { return scene_.steps_per_second; }
  std::string drawn_by() const override { return "Hardy"; }

 private:
  Scene scene_;
  int width_, height_;
  std::vector<double> state_;
};

std::unique_ptr<View> make_drawing(const std::string& name, int width, int height) {
  return std::make_unique<Drawing>(scene_of(name), width, height);
}

const RegisterView pendulum(Pendulum::kName, make_drawing);
const RegisterView pendulum_sparse(PendulumSparse::kName, make_drawing);
const RegisterView cart_pole(CartPole::kName, make_drawing);
const RegisterView acrobot(Acrobot::kName, make_drawing);
const RegisterView mountain_car(MountainCarContinuous::kName, make_drawing);
const RegisterView point_maze(PointUmaze::kName, make_drawing);
const RegisterView key_door(KeyDoor::kName, make_drawing);

}  // namespace
}  // namespace hardy::envs
