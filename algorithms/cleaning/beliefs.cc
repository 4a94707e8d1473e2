#include "algorithms/cleaning/beliefs.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <numeric>

namespace hardy::algorithms {
namespace {

enum Mark { kObs = 0, kNxt = 1, kBoth = 2, kNone = 3 };
enum Kind { kOnce = 0, kAgree = 1, kDiffer = 2 };
constexpr double kFar = 50;  // usual steps; a residual beyond counts as this one
// Wrong states and actions are off by a quarter of a deviation or more, as a whole: with less the law of what
// is wrong would describe where models are bad, on a file that nobody corrupted.
constexpr double kOff = 0.25;
constexpr double kHard = 10,
                 kHardFreedom = 2;         // hard transitions: times as far off as others, with this tail
constexpr std::int64_t kPieceRows = 2048;  // of work, whole episodes

double log_sum(double x, double y) {
  const double top = std::max(x, y);
  return top == -INFINITY ? top : top + std::log(std::exp(x - top) + std::exp(y - top));
}

// The copy that leaves the state, and that which enters it.
constexpr int copy_out(int mark) { return mark == kNxt ? kNext : kObservation; }
constexpr int copy_in(int mark) { return mark == kObs ? kObservation : kNext; }

}  // namespace

// One row's densities for each pair of copies, and what the M-step needs of them.
struct Beliefs::Pairs {
  std::array<double, 4> right{}, wrong_action{}, hard{}, square{};
  std::array<double, 4> broken{}, broken_square{};
  std::array<std::vector<double>, 4> e;
  std::array<Eigen::VectorXd, 4> action_moment;  // E[delta^2] where the action is wrong
};

struct Beliefs::Tally {
  Tally(Eigen::Index d, Eigen::Index a) : right(d), wrong(d), noise(Eigen::VectorXd::Zero(a)) {}
  Student::Sums right, wrong;
  Eigen::VectorXd noise;
  double wrong_actions = 0, all_actions = 0, hard = 0, all = 0;
  std::array<std::array<double, 4>, 3> shares{};
};

Beliefs::Beliefs(const Chains& chains)
    : c_(chains),
      state_(static_cast<std::size_t>(chains.rows)),
      right_(static_cast<Eigen::Index>(chains.d)),
      hard_(right_),
      wrong_(static_cast<Eigen::Index>(chains.d)),
      noise_(Eigen::VectorXd::Constant(static_cast<Eigen::Index>(chains.a), 1.0 / 3)) {
  std::int64_t state = 0, piece = 0;
  cuts_.push_back(0);
  for (std::size_t i = 0; i < c_.episodes.size(); ++i) {
    const datasets::EpisodeRows& e = c_.episodes[i];
    for (std::int64_t row = e.begin; row < e.end; ++row, ++state) {
      state_[static_cast<std::size_t>(row)] = state;
      const bool twice = c_.has_next && row > e.begin;
      twice_.push_back(twice);
      agree_.push_back(twice && std::ranges::equal(c_.observation_of(row), c_.next_of(row - 1)));
    }
    ++state;  // the last one's
    twice_.push_back(0);
    agree_.push_back(0);
    piece += e.size();
    if (piece >= kPieceRows || i + 1 == c_.episodes.size()) cuts_.push_back(i + 1), piece = 0;
  }
  const auto rows = static_cast<std::size_t>(c_.rows);
  marks_.states.resize(static_cast<std::size_t>(state));
  marks_.action.resize(rows);
  marks_.whole.resize(rows);
  marks_.ends.resize(rows);
}

void Beliefs::residual(const Forecasts& f, std::int64_t row, int from, int to, double* e) const {
  const std::span<const float> x = c_.copy_from(row, from), y = c_.copy_to(row, to);
  const bool second = from == kNext && !copies_agree(state_of(row));
  const float* step = f.step.data() + (static_cast<std::size_t>(row) * 2 + second) * c_.d;
  for (std::size_t k = 0; k < c_.d; ++k)
    e[k] = std::clamp(static_cast<double>((y[k] - x[k]) / c_.steps[k] - step[k]), -kFar, kFar);
}

// The calmest third of all rows is taken for right, the others for wrong.
void Beliefs::begin(const Forecasts& f) {
  std::vector<double> all, e(c_.d);
  std::vector<std::int64_t> rows;
  for (std::int64_t row = 0; row < c_.rows; ++row) {
    if (!c_.is_transition(row)) continue;
    residual(f, row, kObservation, c_.has_next ? kNext : kObservation, e.data());
    all.insert(all.end(), e.begin(), e.end());
    rows.push_back(row);
  }
  std::vector<double> scale(c_.d), column(rows.size());
  for (std::size_t k = 0; k < c_.d; ++k) {
    for (std::size_t i = 0; i < rows.size(); ++i) column[i] = std::abs(all[i * c_.d + k]);
    std::ranges::nth_element(column, column.begin() + static_cast<std::ptrdiff_t>(column.size() / 2));
    scale[k] = std::max(1e-4, column[column.size() / 2]);
  }
  std::vector<double> wild(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t k = 0; k < c_.d; ++k) wild[i] += std::log1p(std::pow(all[i * c_.d + k] / scale[k], 2));
  std::vector<double> sorted = wild;
  const auto third = static_cast<std::ptrdiff_t>(sorted.size() / 3);
  std::ranges::nth_element(sorted, sorted.begin() + third);
  const double limit = sorted[static_cast<std::size_t>(third)];
  const auto d = static_cast<Eigen::Index>(c_.d);
  Eigen::MatrixXd calm = Eigen::MatrixXd::Zero(d, d), rest = calm;
  double calms = 0, rests = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Eigen::Map<const Eigen::VectorXd> v(all.data() + i * c_.d, d);
    (wild[i] < limit ? calm : rest) += v * v.transpose();
    (wild[i] < limit ? calms : rests) += 1;
  }
  if (calms > 0) right_.set(calm / calms, 4);
  eta_ = 0.02;
  if (rests > 0) wrong_.set(rest / rests, 4);
  widen();
  noise_.setConstant(1.0 / 3);
  rho_ = 0.2;
  shares_[kOnce] = {0.7, 0, 0, 0.3};
  shares_[kAgree] = {0.8, 0, 0, 0.2};
  shares_[kDiffer] = {0.4, 0.4, 0.01, 0.19};
}

void Beliefs::widen() {
  Eigen::VectorXd wider(wrong_.size());
  for (Eigen::Index k = 0; k < wider.size(); ++k)
    wider(k) = std::max(1.0, kOff / static_cast<double>(c_.steps[static_cast<std::size_t>(k)]) /
                                 wrong_.lower().row(k).norm());
  const Eigen::MatrixXd lower = wider.asDiagonal() * wrong_.lower();
  wrong_.set(lower * lower.transpose(), wrong_.freedom());
  hard_.set(kHard * kHard * right_.lower() * right_.lower().transpose(), kHardFreedom);
}

void Beliefs::weigh(const Forecasts& f, int iterations, ThreadTeam& team) {
  begin(f);
  const auto d = static_cast<Eigen::Index>(c_.d), a = static_cast<Eigen::Index>(c_.a);
  for (int i = 0; i < iterations; ++i) {
    std::vector<Tally> tallies(cuts_.size() - 1, Tally(d, a));
    team.run(static_cast<std::int64_t>(tallies.size()), [&](std::int64_t piece) {
      const auto p = static_cast<std::size_t>(piece);
      for (std::size_t e = cuts_[p]; e < cuts_[p + 1]; ++e) weigh_episode(f, e, tallies[p]);
    });
    if (i + 1 < iterations) fit(tallies);
  }
}

void Beliefs::fit(const std::vector<Tally>& tallies) {
  Tally all(right_.size(), noise_.size());
  for (const Tally& t : tallies) {
    all.right.add(t.right);
    all.wrong.add(t.wrong);
    all.hard += t.hard;
    all.all += t.all;
    all.noise += t.noise;
    all.wrong_actions += t.wrong_actions;
    all.all_actions += t.all_actions;
    for (std::size_t kind = 0; kind < 3; ++kind)
      for (std::size_t m = 0; m < 4; ++m) all.shares[kind][m] += t.shares[kind][m];
  }
  right_.fit(all.right);
  wrong_.fit(all.wrong);
  if (all.all > 10) eta_ = std::clamp(all.hard / all.all, 1e-6, 0.3);
  widen();
  if (all.wrong_actions > 10) noise_ = (all.noise / all.wrong_actions).cwiseMax(1e-4);
  noise_ *= std::max(1.0, kOff * kOff / noise_.maxCoeff());
  if (all.all_actions > 10) rho_ = std::clamp(all.wrong_actions / all.all_actions, 1e-6, 0.9);
  for (std::size_t kind = 0; kind < 3; ++kind) {
    const double sum = std::accumulate(all.shares[kind].begin(), all.shares[kind].end(), 0.0);
    if (sum < 10) continue;
    for (std::size_t m = 0; m < 4; ++m)
      if (shares_[kind][m] > 0) shares_[kind][m] = std::max(1e-9, all.shares[kind][m] / sum);
  }
}

void Beliefs::weigh_episode(const Forecasts& f, std::size_t episode, Tally& tally) {
  const datasets::EpisodeRows& rows = c_.episodes[episode];
  const std::int64_t moves = c_.has_next ? rows.size() : rows.size() - 1;
  const auto n = static_cast<std::size_t>(moves + 1);
  const auto d = static_cast<Eigen::Index>(c_.d), a = static_cast<Eigen::Index>(c_.a);
  const std::int64_t first = state_of(rows.begin);

  // Priors of the marks.
  std::vector<std::array<double, 4>> prior(n), into(n), back(n);
  std::vector<Kind> kind(n, kOnce);
  for (std::size_t i = 0; i < n; ++i) {
    const std::int64_t state = first + static_cast<std::int64_t>(i);
    if (two_copies(state)) kind[i] = copies_agree(state) ? kAgree : kDiffer;
    for (std::size_t m = 0; m < 4; ++m) prior[i][m] = std::log(shares_[kind[i]][m]);
  }
  // Which copy a mark speaks of: the only one, where there is one.
  const auto out_of = [&](std::size_t i, int mark) {
    return kind[i] == kDiffer ? copy_out(mark) : kObservation;
  };
  const auto in_to = [&](std::size_t i, int mark) {
    if (kind[i] == kDiffer && mark != kNone) return copy_in(mark);
    return c_.has_next ? kNext : kObservation;
  };

  // Densities of every row.
  std::vector<Pairs> pairs(static_cast<std::size_t>(moves));
  const Eigen::MatrixXd& L = right_.lower();
  const Eigen::VectorXd precision = noise_.cwiseInverse();
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    Pairs& p = pairs[i];
    const std::int64_t row = rows.begin + static_cast<std::int64_t>(i);
    for (int from = 0; from < (kind[i] == kDiffer ? 2 : 1); ++from) {
      Eigen::MatrixXd J(d, a);
      const float* slope =
          f.slope.data() + (static_cast<std::size_t>(row) * 2 + static_cast<std::size_t>(from)) *
                               static_cast<std::size_t>(d * a);
      for (Eigen::Index k = 0; k < a; ++k)
        for (Eigen::Index j = 0; j < d; ++j) J(j, k) = slope[k * d + j];
      L.triangularView<Eigen::Lower>().solveInPlace(J);
      Eigen::MatrixXd M = J.transpose() * J;
      M.diagonal() += precision;
      const Eigen::LLT<Eigen::MatrixXd> llt(M);
      const double more = 2 * sum_of_logs(llt.matrixLLT().diagonal()) + sum_of_logs(noise_);
      const Eigen::VectorXd spread = llt.solve(Eigen::MatrixXd::Identity(a, a)).diagonal();
      for (int to = 0; to < 2; ++to) {
        const bool both = kind[i + 1] == kDiffer;
        if (!both && to != in_to(i + 1, kObs)) continue;
        const auto at = 2 * static_cast<std::size_t>(from) + static_cast<std::size_t>(to);
        p.e[at].resize(c_.d);
        residual(f, row, from, to, p.e[at].data());
        const Eigen::Map<const Eigen::VectorXd> e(p.e[at].data(), d);
        Eigen::VectorXd z = L.triangularView<Eigen::Lower>().solve(e);
        p.square[at] = z.squaredNorm();
        const Eigen::VectorXd b = J.transpose() * z;
        const Eigen::VectorXd delta = llt.solve(b);
        const double square_action = std::max(0.0, p.square[at] - b.dot(delta));
        p.right[at] = std::log1p(-eta_) + std::log1p(-rho_) + right_.log_density(p.square[at]);
        p.wrong_action[at] = std::log1p(-eta_) + std::log(rho_) + right_.log_density(square_action, more);
        p.hard[at] = std::log(eta_) + hard_.log_density(p.square[at] / (kHard * kHard));
        p.action_moment[at] = delta.array().square().matrix() + spread;
        z = wrong_.lower().triangularView<Eigen::Lower>().solve(e);
        p.broken_square[at] = z.squaredNorm();
        p.broken[at] = wrong_.log_density(p.broken_square[at]);
      }
    }
  }
  const auto factor = [&](std::size_t i, int m, int next) {
    const auto at = 2 * static_cast<std::size_t>(out_of(i, m)) + static_cast<std::size_t>(in_to(i + 1, next));
    const Pairs& p = pairs[i];
    return m == kNone || next == kNone ? p.broken[at]
                                       : log_sum(log_sum(p.right[at], p.wrong_action[at]), p.hard[at]);
  };

  // Forward and backward.
  into[0] = prior[0];
  for (std::size_t i = 1; i < n; ++i)
    for (int next = 0; next < 4; ++next) {
      double sum = -INFINITY;
      for (int m = 0; m < 4; ++m)
        if (into[i - 1][static_cast<std::size_t>(m)] > -INFINITY &&
            prior[i][static_cast<std::size_t>(next)] > -INFINITY)
          sum = log_sum(sum, into[i - 1][static_cast<std::size_t>(m)] + factor(i - 1, m, next));
      into[i][static_cast<std::size_t>(next)] = sum + prior[i][static_cast<std::size_t>(next)];
    }
  back[n - 1].fill(0);
  for (std::size_t i = n - 1; i-- > 0;)
    for (int m = 0; m < 4; ++m) {
      double sum = -INFINITY;
      for (int next = 0; next < 4; ++next)
        if (prior[i][static_cast<std::size_t>(m)] > -INFINITY &&
            prior[i + 1][static_cast<std::size_t>(next)] > -INFINITY)
          sum = log_sum(sum, prior[i + 1][static_cast<std::size_t>(next)] +
                                 back[i + 1][static_cast<std::size_t>(next)] + factor(i, m, next));
      back[i][static_cast<std::size_t>(m)] = sum;
    }
  double evidence = -INFINITY;
  for (std::size_t m = 0; m < 4; ++m) evidence = log_sum(evidence, into[n - 1][m]);

  for (std::size_t i = 0; i < n; ++i) {
    std::array<double, 4> share{};
    for (std::size_t m = 0; m < 4; ++m)
      if (prior[i][m] > -INFINITY) share[m] = std::exp(into[i][m] + back[i][m] - evidence);
    const auto state = static_cast<std::size_t>(first) + i;
    for (std::size_t m = 0; m < 3; ++m) marks_.states[state][m] = static_cast<float>(share[m]);
    for (std::size_t m = 0; m < 4; ++m) tally.shares[kind[i]][m] += share[m];
  }
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const Pairs& p = pairs[i];
    const auto row = static_cast<std::size_t>(rows.begin) + i;
    std::array<double, 4> whole{}, ends{}, plain{}, hards{}, broken{};
    double known = 0, wrong_action = 0;
    for (int m = 0; m < 4; ++m)
      for (int next = 0; next < 4; ++next) {
        if (prior[i][static_cast<std::size_t>(m)] == -INFINITY ||
            prior[i + 1][static_cast<std::size_t>(next)] == -INFINITY)
          continue;
        const auto at =
            2 * static_cast<std::size_t>(out_of(i, m)) + static_cast<std::size_t>(in_to(i + 1, next));
        const double share = std::exp(into[i][static_cast<std::size_t>(m)] + factor(i, m, next) +
                                      prior[i + 1][static_cast<std::size_t>(next)] +
                                      back[i + 1][static_cast<std::size_t>(next)] - evidence);
        if (m == kNone || next == kNone) {
          broken[at] += share;
          continue;
        }
        const double among = log_sum(log_sum(p.right[at], p.wrong_action[at]), p.hard[at]);
        const double off = share * std::exp(p.wrong_action[at] - among),
                     hard = share * std::exp(p.hard[at] - among);
        whole[at] += share * std::exp(p.right[at] - among) + hard * (1 - rho_);
        ends[at] += share;
        plain[at] += share * std::exp(p.right[at] - among);
        hards[at] += hard;
        known += share - hard;
        wrong_action += off;
        tally.noise += off * p.action_moment[at];
      }
    for (std::size_t at = 0; at < 4; ++at) {
      marks_.whole[row][at] = static_cast<float>(whole[at]);
      marks_.ends[row][at] = static_cast<float>(ends[at]);
      if (broken[at] > 0) tally.wrong.add(wrong_, p.e[at], p.broken_square[at], broken[at]);
      if (plain[at] > 0) tally.right.add(right_, p.e[at], p.square[at], plain[at]);
      tally.hard += hards[at];
      tally.all += ends[at];
    }
    tally.wrong_actions += wrong_action;
    tally.all_actions += known;
    marks_.action[row] = static_cast<float>(1 - (wrong_action + (1 - std::min(1.0, known)) * rho_));
  }
  for (std::size_t row = static_cast<std::size_t>(rows.begin) + pairs.size();
       row < static_cast<std::size_t>(rows.end); ++row) {  // the last one of a file without next observations
    marks_.action[row] = static_cast<float>(1 - rho_);
    marks_.whole[row].fill(0);
    marks_.ends[row].fill(0);
  }
}

}  // namespace hardy::algorithms
