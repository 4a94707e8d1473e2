#include "algorithms/experiments/growth_sizes.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "engine/base/text.h"

namespace hardy::algorithms {
namespace {

struct Size {
  const char* name;
  double (*of)(const Sizes&);
};
constexpr Size kSizes[] = {{"K", [](const Sizes& z) { return static_cast<double>(z.K); }},
                           {"d", [](const Sizes& z) { return static_cast<double>(z.d); }},
                           {"H", [](const Sizes& z) { return static_cast<double>(z.H); }},
                           {"A", [](const Sizes& z) { return static_cast<double>(z.A); }},
                           {"S", [](const Sizes& z) { return static_cast<double>(z.S); }}};

std::vector<std::vector<double>> regrets_of(const std::vector<const SizedRun*>& runs) {
  std::vector<std::vector<double>> all;
  for (const SizedRun* run : runs) all.push_back(run->regret);
  return all;
}

Exponent none(const std::string& because) {
  Exponent e;
  e.value = e.low = e.high = std::numeric_limits<double>::quiet_NaN();
  e.none_because = because;
  return e;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

// "" where every mean has a logarithm.
std::string why_no_logarithm(const std::vector<const SizedRun*>& runs) {
  for (const SizedRun* run : runs)
    if (!(mean_of(run->regret) > 0))
      return "at K = " + std::to_string(run->sizes.K) + ", d = " + std::to_string(run->sizes.d) +
             " regret is not positive and has no logarithm";
  return "";
}

// Runs that agree in all sizes but x, and but d where it may move.
std::vector<const SizedRun*> largest_group(const std::vector<SizedRun>& runs, const Size& x, bool d_moves) {
  std::map<std::vector<double>, std::map<double, const SizedRun*>> groups;
  for (const SizedRun& run : runs) {
    std::vector<double> others;
    for (const Size& y : kSizes)
      if (&y != &x && !(d_moves && std::string(y.name) == "d")) others.push_back(y.of(run.sizes));
    groups[others].emplace(x.of(run.sizes), &run);  // the first of those that are alike
  }
  const std::map<double, const SizedRun*>* best = nullptr;
  for (const auto& [others, group] : groups)  // K is the first of them, and rises
    if (group.size() >= 3 && (best == nullptr || group.size() >= best->size())) best = &group;
  std::vector<const SizedRun*> found;
  if (best != nullptr)
    for (const auto& [value, run] : *best) found.push_back(run);
  return found;
}

std::string held_text(const std::vector<const SizedRun*>& runs, const Size& x) {
  std::string text;
  for (const Size& y : kSizes) {
    if (&y == &x) continue;
    const double first = y.of(runs.front()->sizes), last = y.of(runs.back()->sizes);
    text += (text.empty() ? "" : ", ") + std::string(y.name) + " = " + to_text(first) +
            (first == last ? "" : " to " + to_text(last));
  }
  return text;
}

// What each run's log mean weighs in each coefficient of a least-squares plane: rows of the pseudo-inverse.
Eigen::MatrixXd weights_of(const Eigen::MatrixXd& design) {
  return design.completeOrthogonalDecomposition().pseudoInverse();
}

std::vector<double> row_of(const Eigen::MatrixXd& m, Eigen::Index row) {
  std::vector<double> values;
  for (Eigen::Index i = 0; i < m.cols(); ++i) values.push_back(m(row, i));
  return values;
}

Eigen::VectorXd logarithms(const std::vector<const SizedRun*>& runs, const Size& x) {
  Eigen::VectorXd column(static_cast<Eigen::Index>(runs.size()));
  for (std::size_t i = 0; i < runs.size(); ++i)
    column(static_cast<Eigen::Index>(i)) = std::log(x.of(runs[i]->sizes));
  return column;
}

}  // namespace

std::vector<SizeExponent> along_sizes(const std::vector<SizedRun>& runs, std::uint64_t seed, int resamples) {
  std::vector<SizeExponent> found;
  for (const Size& x : kSizes) {
    if (std::string(x.name) == "K") continue;
    std::vector<const SizedRun*> group = largest_group(runs, x, false);
    if (group.empty() && std::string(x.name) != "d") group = largest_group(runs, x, true);
    if (group.empty()) continue;
    SizeExponent one{x.name, held_text(group, x), none(why_no_logarithm(group))};
    if (one.exponent.none_because.empty()) {
      Eigen::MatrixXd design(static_cast<Eigen::Index>(group.size()), 2);
      design << Eigen::VectorXd::Ones(design.rows()), logarithms(group, x);
      one.exponent =
          exponents_of(regrets_of(group), {row_of(weights_of(design), 1)}, seed, resamples).front();
    }
    found.push_back(std::move(one));
  }
  return found;
}

std::vector<SizeExponent> joint_exponents(const std::vector<SizedRun>& runs, std::uint64_t seed,
                                          int resamples) {
  std::vector<const SizedRun*> all;
  for (const SizedRun& run : runs) all.push_back(&run);
  std::vector<SizeExponent> found;
  if (all.empty()) return found;
  const std::string because = why_no_logarithm(all);
  Eigen::MatrixXd design = Eigen::VectorXd::Ones(static_cast<Eigen::Index>(all.size()));
  std::vector<std::size_t> fitted;  // those of `found` that have a column, in its order
  for (const Size& x : kSizes) {
    std::set<double> values;
    for (const SizedRun* run : all) values.insert(x.of(run->sizes));
    if (values.size() < 2) continue;
    SizeExponent one{x.name, "all sizes at once", none(because)};
    const Eigen::VectorXd column = logarithms(all, x);
    const Eigen::VectorXd left = column - design * (weights_of(design) * column);
    if (because.empty() && left.cwiseAbs().maxCoeff() < 1e-9) {
      one.exponent.none_because = "it moves with the sizes before it";
    } else if (because.empty()) {
      design.conservativeResize(Eigen::NoChange, design.cols() + 1);
      design.rightCols(1) = column;
      fitted.push_back(found.size());
    }
    found.push_back(std::move(one));
  }
  if (fitted.empty()) return found;
  const Eigen::MatrixXd weights = weights_of(design);
  std::vector<std::vector<double>> rows;
  for (std::size_t i = 0; i < fitted.size(); ++i)
    rows.push_back(row_of(weights, static_cast<Eigen::Index>(i) + 1));
  const std::vector<Exponent> exponents = exponents_of(regrets_of(all), rows, seed, resamples);
  for (std::size_t i = 0; i < fitted.size(); ++i) found[fitted[i]].exponent = exponents[i];
  return found;
}

}  // namespace hardy::algorithms
