#include "engine/linalg/simplex.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "engine/linalg/lanes.h"
#include "engine/linalg/simplex_formulas.h"

namespace hardy::linalg {
namespace {

constexpr std::int64_t kTile = 64;  // actions up to which problems are laid side by side on the stack

// W problems side by side: costs, or what is made of them, [actions][W].
template <int W>
struct Costs {
  using Number = Vec<W>;
  const double* from;
  Number operator[](std::int64_t a) const { return load<W>(from + a * W); }
  static Number all(double x) { return linalg::all<W>(x); }
  static Number fma(Number a, Number b, Number c) { return linalg::fma<W>(a, b, c); }
  static Number product(Number a, Number b) { return a * b; }
  static Number exp(Number x) { return linalg::exp<W>(x); }
  static bool any_greater(Number a, Number b) { return linalg::any_greater<W>(a, b); }
};
template <int W>
struct Tile : Costs<W> {
  double* to;
  explicit Tile(double* p = nullptr) : Costs<W>{p}, to(p) {}
  void put(std::int64_t a, Vec<W> value) const { store<W>(to + a * W, value); }
};

// `Groups` neighbouring tiles of costs into p.
template <class Method, int W, int Fixed, int Groups>
void solve_tiles(const double* cost, double* p, std::int64_t actions, Vec<W> eta) {
  const std::int64_t size = count<Fixed>(actions) * W;
  Costs<W> costs[Groups];
  Tile<W> tiles[Groups];
  for (int g = 0; g < Groups; ++g) costs[g].from = cost + g * size, tiles[g] = Tile<W>(p + g * size);
  Method::template solve<Fixed, Groups>(costs, tiles, actions, eta);
}

// Lanes as wide as the machine's: tiles are what is stored, several of them at a time.
template <class Method, int Fixed>
void in_place(const SimplexBatch& b) {
  const std::int64_t size = count<Fixed>(b.actions) * kLanes;
  const Vec<kLanes> eta = load<kLanes>(b.eta);
  std::int64_t g = 0;
  const auto several = [&]<int Groups>(std::integral_constant<int, Groups>) {
    for (; g + Groups <= b.groups; g += Groups)
      solve_tiles<Method, kLanes, Fixed, Groups>(b.cost + g * size, b.policy + g * size, b.actions, eta);
  };
  several(std::integral_constant<int, 6>());
  several(std::integral_constant<int, 3>());
  several(std::integral_constant<int, 1>());
}

// Other layouts: up to two tiles of problems, each `step` from the next, go through the stack. The lanes that
// are left over repeat the first problem.
template <class Method, int Fixed, int Tiles>
void through_tiles(const SimplexBatch& b, std::int64_t first, std::int64_t step, std::int64_t problems,
                   Vec<kLanes> eta) {
  alignas(64) double tile[Tiles * (Fixed ? Fixed : kTile) * kLanes];
  const std::int64_t actions = count<Fixed>(b.actions);
  for (std::int64_t i = 0; i < Tiles * kLanes; ++i) {
    const double* from = b.cost + first + (i < problems ? i * step : 0);
    double* to = tile + i / kLanes * actions * kLanes + i % kLanes;
    for (std::int64_t a = 0; a < actions; ++a) to[a * kLanes] = from[a * b.lanes];
  }
  solve_tiles<Method, kLanes, Fixed, Tiles>(tile, tile, actions, eta);
  for (std::int64_t i = 0; i < problems; ++i) {
    const double* from = tile + i / kLanes * actions * kLanes + i % kLanes;
    for (std::int64_t a = 0; a < actions; ++a) b.policy[first + i * step + a * b.lanes] = from[a * kLanes];
  }
}

template <class Method, int Fixed>
void side_by_side(const SimplexBatch& b) {
  const std::int64_t size = count<Fixed>(b.actions) * b.lanes;
  if (b.lanes == kLanes) return in_place<Method, Fixed>(b);
  if (b.lanes == 1) {  // neighbours in the group index fill the lanes
    std::int64_t g = 0;
    for (; b.groups - g > kLanes; g += 2 * kLanes)
      through_tiles<Method, Fixed, 2>(b, g * size, size, std::min<std::int64_t>(2 * kLanes, b.groups - g),
                                      all<kLanes>(b.eta[0]));
    if (g < b.groups) through_tiles<Method, Fixed, 1>(b, g * size, size, b.groups - g, all<kLanes>(b.eta[0]));
    return;
  }
  for (std::int64_t g = 0; g < b.groups; ++g)
    for (std::int64_t w = 0; w < b.lanes; w += kLanes) {
      const std::int64_t problems = std::min<std::int64_t>(kLanes, b.lanes - w);
      alignas(64) double eta[kLanes];
      for (std::int64_t i = 0; i < kLanes; ++i) eta[i] = b.eta[w + (i < problems ? i : 0)];
      through_tiles<Method, Fixed, 1>(b, g * size + w, 1, problems, load<kLanes>(eta));
    }
}

// More actions than a tile holds: one problem at a time.
template <class Method>
void one_by_one(const SimplexBatch& b) {
  thread_local std::vector<double> x;
  x.resize(static_cast<std::size_t>(b.actions));
  for (std::int64_t g = 0; g < b.groups; ++g)
    for (std::int64_t w = 0; w < b.lanes; ++w) {
      const std::int64_t first = g * b.actions * b.lanes + w;
      for (std::int64_t a = 0; a < b.actions; ++a)
        x[static_cast<std::size_t>(a)] = b.cost[first + a * b.lanes];
      solve_tiles<Method, 1, 0, 1>(x.data(), x.data(), b.actions, b.eta[w]);
      for (std::int64_t a = 0; a < b.actions; ++a)
        b.policy[first + a * b.lanes] = x[static_cast<std::size_t>(a)];
    }
}

template <class Method>
void solve(const SimplexBatch& b) {
  if (b.actions == 2)
    side_by_side<Method, 2>(b);
  else if (b.actions == 3)
    side_by_side<Method, 3>(b);
  else if (b.actions == 4)
    side_by_side<Method, 4>(b);
  else if (b.actions <= kTile)
    side_by_side<Method, 0>(b);
  else
    one_by_one<Method>(b);
}

}  // namespace

void log_barrier(const SimplexBatch& batch) { solve<LogBarrier>(batch); }
void entropic(const SimplexBatch& batch) { solve<Entropy>(batch); }

double log_barrier_lower_bound(std::span<const double> x) {
  return lower_bound<0>(Costs<1>{x.data()}, static_cast<std::int64_t>(x.size()));
}
double log_barrier_newton_step(std::span<const double> x, double lambda) {
  return newton_step<0>(Costs<1>{x.data()}, static_cast<std::int64_t>(x.size()), lambda);
}
LogBarrierRoot log_barrier_root(std::span<const double> x) {
  const Costs<1> views[] = {{x.data()}};
  Vec<1> lambda[1];
  const int steps = roots<0, 1>(views, static_cast<std::int64_t>(x.size()), lambda);
  return {lambda[0], steps};
}

}  // namespace hardy::linalg
