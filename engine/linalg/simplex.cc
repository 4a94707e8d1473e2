#include "engine/linalg/simplex.h"

#include <algorithm>
#include <vector>

#include "engine/linalg/lanes.h"

namespace hardy::linalg {
namespace {

constexpr int kMaxSteps = 60;                     // 11 are the most that were seen
constexpr double kTolerance = 4 * 0x1p-52;        // of lambda
constexpr std::int64_t kSorted = 16, kTile = 64;  // actions up to which x is sorted; fits the stack

// Whether x is sorted (few actions) or probed at thresholds is a function of the number of actions alone.
template <int W>
Vec<W> lower_bound(const double* x, std::int64_t actions) {
  Vec<W> bound = all<W>(1.0);
  if (actions > kSorted) {
    for (double t = 0.5; t < static_cast<double>(actions); t *= 2) {
      Vec<W> count = all<W>(0.0);
      for (std::int64_t a = 0; a < actions; ++a)
        count += load<W>(x + a * W) <= all<W>(t) ? all<W>(1.0) : all<W>(0.0);
      bound = max<W>(bound, count - all<W>(t));
    }
    return bound;
  }
  Vec<W> sorted[kSorted];
  for (std::int64_t a = 0; a < actions; ++a) {  // insertion by compare and exchange, all lanes alike
    Vec<W> carried = load<W>(x + a * W);
    for (std::int64_t j = 0; j < a; ++j) {
      const Vec<W> low = min<W>(sorted[j], carried);
      carried = max<W>(sorted[j], carried);
      sorted[j] = low;
    }
    sorted[a] = carried;
  }
  for (std::int64_t j = 0; j < actions; ++j)
    bound = max<W>(bound, all<W>(static_cast<double>(j + 1)) - sorted[j]);
  return bound;
}

template <int W>
Vec<W> newton_step(const double* x, std::int64_t actions, Vec<W> lambda) {
  Vec<W> sum = all<W>(-1.0), squares = all<W>(0.0);
  for (std::int64_t a = 0; a < actions; ++a) {
    const Vec<W> r = all<W>(1.0) / (lambda + load<W>(x + a * W));
    sum += r;
    squares = fma<W>(r, r, squares);
  }
  return sum / squares;
}

// A lane that has arrived stays where it is, whatever the others still do.
template <int W>
Vec<W> root(const double* x, std::int64_t actions, int& steps) {
  const Vec<W> zero = all<W>(0.0);
  Vec<W> lambda = lower_bound<W>(x, actions), moving = all<W>(1.0);
  for (steps = 0; steps < kMaxSteps && any_greater<W>(moving, zero); ++steps) {
    const Vec<W> step = max<W>(newton_step<W>(x, actions, lambda), zero);
    const Vec<W> next = lambda + step;
    lambda = moving > zero ? next : lambda;
    moving = step > all<W>(kTolerance) * next ? moving : zero;
  }
  return lambda;
}

// x [actions][W] in place: costs become shifted, scaled costs, and those become p.
template <int W>
void shift_and_scale(double* x, std::int64_t actions, Vec<W> eta) {
  Vec<W> low = load<W>(x);
  for (std::int64_t a = 1; a < actions; ++a) low = min<W>(low, load<W>(x + a * W));
  for (std::int64_t a = 0; a < actions; ++a) store<W>(x + a * W, eta * (load<W>(x + a * W) - low));
}
template <int W>
void normalise(double* p, std::int64_t actions) {
  Vec<W> sum = all<W>(0.0);
  for (std::int64_t a = 0; a < actions; ++a) sum += load<W>(p + a * W);
  const Vec<W> scale = all<W>(1.0) / sum;
  for (std::int64_t a = 0; a < actions; ++a) store<W>(p + a * W, load<W>(p + a * W) * scale);
}

struct LogBarrier {
  template <int W>
  static void solve(double* x, std::int64_t actions, Vec<W> eta) {
    shift_and_scale<W>(x, actions, eta);
    int steps = 0;
    const Vec<W> lambda = root<W>(x, actions, steps);
    for (std::int64_t a = 0; a < actions; ++a)
      store<W>(x + a * W, all<W>(1.0) / (lambda + load<W>(x + a * W)));
    normalise<W>(x, actions);
  }
};
struct Entropy {
  template <int W>
  static void solve(double* x, std::int64_t actions, Vec<W> eta) {
    shift_and_scale<W>(x, actions, eta);
    for (std::int64_t a = 0; a < actions; ++a) store<W>(x + a * W, exp<W>(-load<W>(x + a * W)));
    normalise<W>(x, actions);
  }
};

// `count` problems whose elements lie `lanes` apart and which begin `step` apart go side by side through a
// tile [actions][W]; the lanes that are left over repeat the first.
template <class Method, int W>
void through_tile(const SimplexBatch& b, std::int64_t first, std::int64_t step, int count, Vec<W> eta) {
  alignas(64) double tile[kTile * W];
  for (std::int64_t a = 0; a < b.actions; ++a)
    for (int w = 0; w < W; ++w) tile[a * W + w] = b.cost[first + (w < count ? w * step : 0) + a * b.lanes];
  Method::template solve<W>(tile, b.actions, eta);
  for (std::int64_t a = 0; a < b.actions; ++a)
    for (int w = 0; w < count; ++w) b.policy[first + w * step + a * b.lanes] = tile[a * W + w];
}

// More actions than a tile holds: one problem at a time, in place where its elements are neighbours.
template <class Method>
void one_by_one(const SimplexBatch& b, std::int64_t group, std::int64_t lane) {
  const std::int64_t first = group * b.actions * b.lanes + lane;
  thread_local std::vector<double> x;
  x.resize(static_cast<std::size_t>(b.actions));
  for (std::int64_t a = 0; a < b.actions; ++a) x[static_cast<std::size_t>(a)] = b.cost[first + a * b.lanes];
  Method::template solve<1>(x.data(), b.actions, b.eta[lane]);
  for (std::int64_t a = 0; a < b.actions; ++a) b.policy[first + a * b.lanes] = x[static_cast<std::size_t>(a)];
}

template <class Method>
void solve(const SimplexBatch& b) {
  const std::int64_t size = b.actions * b.lanes;
  if (b.actions > kTile) {
    for (std::int64_t g = 0; g < b.groups; ++g)
      for (std::int64_t w = 0; w < b.lanes; ++w) one_by_one<Method>(b, g, w);
  } else if (b.lanes == 1) {  // neighbours in the group index fill the lanes
    for (std::int64_t g = 0; g < b.groups; g += kLanes)
      through_tile<Method, kLanes>(b, g * size, size,
                                   static_cast<int>(std::min<std::int64_t>(kLanes, b.groups - g)),
                                   all<kLanes>(b.eta[0]));
  } else if (b.lanes == kLanes) {  // a group is a tile as it stands
    for (std::int64_t g = 0; g < b.groups; ++g) {
      double* const p = b.policy + g * size;
      if (b.policy != b.cost) std::copy_n(b.cost + g * size, size, p);
      Method::template solve<kLanes>(p, b.actions, load<kLanes>(b.eta));
    }
  } else {
    for (std::int64_t g = 0; g < b.groups; ++g) {
      std::int64_t w = 0;
      for (; w + kLanes <= b.lanes; w += kLanes)
        through_tile<Method, kLanes>(b, g * size + w, 1, kLanes, load<kLanes>(b.eta + w));
      for (; w < b.lanes; ++w) through_tile<Method, 1>(b, g * size + w, 1, 1, b.eta[w]);
    }
  }
}

}  // namespace

void log_barrier(const SimplexBatch& batch) { solve<LogBarrier>(batch); }
void entropic(const SimplexBatch& batch) { solve<Entropy>(batch); }

double log_barrier_lower_bound(std::span<const double> x) {
  return lower_bound<1>(x.data(), static_cast<std::int64_t>(x.size()));
}
double log_barrier_newton_step(std::span<const double> x, double lambda) {
  return newton_step<1>(x.data(), static_cast<std::int64_t>(x.size()), lambda);
}
LogBarrierRoot log_barrier_root(std::span<const double> x) {
  LogBarrierRoot result{};
  result.lambda = root<1>(x.data(), static_cast<std::int64_t>(x.size()), result.steps);
  return result;
}

}  // namespace hardy::linalg
