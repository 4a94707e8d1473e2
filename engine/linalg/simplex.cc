#include "engine/linalg/simplex.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "engine/linalg/lanes.h"

namespace hardy::linalg {
namespace {

constexpr int kMaxSteps = 60;           // 8 are the most that were seen
constexpr double kTolerance = 0x1p-27;  // of lambda: after such a step the error is below 2^-54 of lambda
constexpr double kLargest = 1e35;       // of x: its sixth power is a number, its reciprocal next to nothing
constexpr std::int64_t kTile = 64;      // actions up to which problems are laid side by side on the stack

// Problems of `Fixed` actions, known to the compiler, or of any number where Fixed is 0.
template <int Fixed>
std::int64_t count(std::int64_t actions) {
  return Fixed ? Fixed : actions;
}

// x [actions][W] = min(eta (cost - min cost), 1e35).
template <int W, int Fixed>
void shift_and_scale(const double* cost, double* x, std::int64_t actions, Vec<W> eta) {
  Vec<W> low = load<W>(cost);
  for (std::int64_t a = 1; a < count<Fixed>(actions); ++a) low = min<W>(low, load<W>(cost + a * W));
  for (std::int64_t a = 0; a < count<Fixed>(actions); ++a)
    store<W>(x + a * W, min<W>(eta * (load<W>(cost + a * W) - low), all<W>(kLargest)));
}

template <int W, int Fixed>
Vec<W> lower_bound(const double* x, std::int64_t actions) {
  Vec<W> sum = all<W>(0.0);
  for (std::int64_t a = 0; a < count<Fixed>(actions); ++a) sum += load<W>(x + a * W);
  const auto n = static_cast<double>(count<Fixed>(actions));
  return max<W>(all<W>(1.0), fma<W>(sum, all<W>(-1.0 / n), all<W>(n)));
}

// For a few actions with y_a = lambda + x_a: S = N / P and Q = M / P^2, where P is the product of all y, N
// the sum of the products of all but one, M that of their squares. They cost one division instead of A + 1.
template <int W, int A>
struct Products {
  Vec<W> others[A], sum, squares, product;
  Products(const double* x, Vec<W> lambda) {
    Vec<W> y[A];
    for (int a = 0; a < A; ++a) y[a] = lambda + load<W>(x + a * W);
    if constexpr (A == 2) {
      others[0] = y[1], others[1] = y[0];
    } else if constexpr (A == 3) {
      others[0] = y[1] * y[2], others[1] = y[0] * y[2], others[2] = y[0] * y[1];
    } else {
      const Vec<W> front = y[0] * y[1], back = y[2] * y[3];
      others[0] = y[1] * back, others[1] = y[0] * back, others[2] = front * y[3], others[3] = front * y[2];
    }
    product = others[0] * y[0];
    sum = others[0];
    squares = others[0] * others[0];
    for (int a = 1; a < A; ++a) {
      sum += others[a];
      squares = fma<W>(others[a], others[a], squares);
    }
  }
};

template <int W, int Fixed>
Vec<W> newton_step(const double* x, std::int64_t actions, Vec<W> lambda) {
  if constexpr (Fixed > 0) {
    const Products<W, Fixed> p(x, lambda);
    return p.sum * (p.sum - p.product) / p.squares;
  } else {
    Vec<W> sum = all<W>(0.0), squares = all<W>(0.0);
    for (std::int64_t a = 0; a < actions; ++a) {
      const Vec<W> r = all<W>(1.0) / (lambda + load<W>(x + a * W));
      sum += r;
      squares = fma<W>(r, r, squares);
    }
    return sum * (sum - all<W>(1.0)) / squares;
  }
}

// Lambda of `Groups` tiles [actions][W] at once, because a step waits for its own division. A lane that has
// arrived stays where it is, whatever the others still do.
template <int W, int Fixed, int Groups>
int roots(const double* x, std::int64_t actions, Vec<W> (&lambda)[Groups]) {
  const Vec<W> zero = all<W>(0.0);
  const std::int64_t size = count<Fixed>(actions) * W;
  Vec<W> moving[Groups];
  for (int g = 0; g < Groups; ++g) {
    lambda[g] = lower_bound<W, Fixed>(x + g * size, actions);
    moving[g] = all<W>(1.0);
  }
  int steps = 0;
  for (bool go = true; go && steps < kMaxSteps; ++steps) {
    Vec<W> any = zero;
    for (int g = 0; g < Groups; ++g) {
      const Vec<W> step = max<W>(newton_step<W, Fixed>(x + g * size, actions, lambda[g]), zero);
      const Vec<W> next = lambda[g] + step;
      lambda[g] = moving[g] > zero ? next : lambda[g];
      moving[g] = step > all<W>(kTolerance) * next ? moving[g] : zero;
      any = max<W>(any, moving[g]);
    }
    go = any_greater<W>(any, zero);
  }
  return steps;
}

template <int W>
void normalise(double* p, std::int64_t actions) {
  Vec<W> sum = all<W>(0.0);
  for (std::int64_t a = 0; a < actions; ++a) sum += load<W>(p + a * W);
  const Vec<W> scale = all<W>(1.0) / sum;
  for (std::int64_t a = 0; a < actions; ++a) store<W>(p + a * W, load<W>(p + a * W) * scale);
}

// A method solves `Groups` neighbouring tiles [actions][W] of costs into p.
struct LogBarrier {
  template <int W, int Fixed, int Groups>
  static void solve(const double* cost, double* p, std::int64_t actions, Vec<W> eta) {
    const std::int64_t size = count<Fixed>(actions) * W;
    Vec<W> lambda[Groups];
    for (int g = 0; g < Groups; ++g) shift_and_scale<W, Fixed>(cost + g * size, p + g * size, actions, eta);
    roots<W, Fixed, Groups>(p, actions, lambda);
    for (int g = 0; g < Groups; ++g) {
      double* x = p + g * size;
      if constexpr (Fixed > 0) {  // r_a / sum r = (product of the others) / N
        const Products<W, Fixed> all_but_one(x, lambda[g]);
        const Vec<W> scale = all<W>(1.0) / all_but_one.sum;
        for (int a = 0; a < Fixed; ++a) store<W>(x + a * W, all_but_one.others[a] * scale);
      } else {
        for (std::int64_t a = 0; a < actions; ++a)
          store<W>(x + a * W, all<W>(1.0) / (lambda[g] + load<W>(x + a * W)));
        normalise<W>(x, actions);
      }
    }
  }
};
struct Entropy {
  template <int W, int Fixed, int Groups>
  static void solve(const double* cost, double* p, std::int64_t actions, Vec<W> eta) {
    for (int g = 0; g < Groups; ++g) {
      double* x = p + g * count<Fixed>(actions) * W;
      shift_and_scale<W, Fixed>(cost + g * count<Fixed>(actions) * W, x, actions, eta);
      for (std::int64_t a = 0; a < count<Fixed>(actions); ++a)
        store<W>(x + a * W, exp<W>(-load<W>(x + a * W)));
      normalise<W>(x, count<Fixed>(actions));
    }
  }
};

// Lanes as wide as the machine's: tiles are what is stored, several of them at a time.
template <class Method, int Fixed>
void in_place(const SimplexBatch& b) {
  const std::int64_t size = count<Fixed>(b.actions) * kLanes;
  const Vec<kLanes> eta = load<kLanes>(b.eta);
  std::int64_t g = 0;
  const auto several = [&]<int Groups>(std::integral_constant<int, Groups>) {
    for (; g + Groups <= b.groups; g += Groups)
      Method::template solve<kLanes, Fixed, Groups>(b.cost + g * size, b.policy + g * size, b.actions, eta);
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
  Method::template solve<kLanes, Fixed, Tiles>(tile, tile, actions, eta);
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
      Method::template solve<1, 0, 1>(x.data(), x.data(), b.actions, b.eta[w]);
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
  return lower_bound<1, 0>(x.data(), static_cast<std::int64_t>(x.size()));
}
double log_barrier_newton_step(std::span<const double> x, double lambda) {
  return newton_step<1, 0>(x.data(), static_cast<std::int64_t>(x.size()), lambda);
}
LogBarrierRoot log_barrier_root(std::span<const double> x) {
  Vec<1> lambda[1];
  const int steps = roots<1, 0, 1>(x.data(), static_cast<std::int64_t>(x.size()), lambda);
  return {lambda[0], steps};
}

}  // namespace hardy::linalg
