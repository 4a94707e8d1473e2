#include "algorithms/adversarial/covariance/choice.h"

#include <algorithm>
#include <cmath>

#include "engine/base/error.h"
#include "engine/base/parameters.h"

namespace hardy::algorithms {
namespace {

constexpr std::int64_t kMost = 1'000'000'000;

}  // namespace

CovarianceChoice parse_covariance(const std::string& text) {
  Parameters p(text);
  CovarianceChoice choice;
  if (p.name() == "empirical") {
    choice.kind = CovarianceChoice::Kind::kEmpirical;
    choice.samples = p.integer("M", 0, 0, kMost);
    choice.c_samples = p.number("c", 1, 1e-6, 1e6);
    choice.independent_magnitude = p.integer("reuse", 0, 0, 1) == 0;
  } else if (p.name() == "mgr") {
    choice.kind = CovarianceChoice::Kind::kMgr;
    choice.samples = p.integer("M", 0, 0, kMost);
    choice.terms = p.integer("N", 0, 0, kMost);
  } else if (p.name() != "exact") {
    throw Error("there is no covariance estimator '" + p.name() + "'", text, "known: exact, empirical, mgr");
  }
  p.finish();
  return choice;
}

SampleCounts sample_counts(const CovarianceChoice& choice, double gamma) {
  switch (choice.kind) {
    case CovarianceChoice::Kind::kExact:
      return {};
    case CovarianceChoice::Kind::kEmpirical:
      return {choice.samples > 0 ? choice.samples
                                 : static_cast<std::int64_t>(std::ceil(choice.c_samples / gamma)),
              1};
    case CovarianceChoice::Kind::kMgr:
      break;
  }
  const std::int64_t terms =
      choice.terms > 0
          ? choice.terms
          : std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(2 / gamma * std::log(1 / gamma))));
  return {choice.samples > 0 ? choice.samples : static_cast<std::int64_t>(std::ceil(1 / gamma)), terms};
}

std::string describe(const CovarianceChoice& choice, double gamma) {
  const SampleCounts counts = sample_counts(choice, gamma);
  switch (choice.kind) {
    case CovarianceChoice::Kind::kExact:
      return "exact (reads the transitions)";
    case CovarianceChoice::Kind::kEmpirical:
      return "empirical, M = " + std::to_string(counts.chains) + " (bonus reads the transitions)";
    case CovarianceChoice::Kind::kMgr:
      break;
  }
  return "mgr, M = " + std::to_string(counts.chains) + " chains of N = " + std::to_string(counts.terms) +
         " (bonus reads the transitions)";
}

SampleCounts mgr_counts(double eps, double gamma, int d, int H, std::int64_t K) {
  const double terms = std::ceil(2 / gamma * std::log(1 / (eps * gamma)));
  const double chains = std::ceil(24 * std::log(static_cast<double>(d) * H * static_cast<double>(K)) /
                                  (eps * eps * gamma * gamma));
  return {static_cast<std::int64_t>(std::min(chains, 9e18)),
          static_cast<std::int64_t>(std::min(terms, 9e18))};
}

}  // namespace hardy::algorithms
