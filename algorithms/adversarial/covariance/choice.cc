#include "algorithms/adversarial/covariance/choice.h"

#include <algorithm>
#include <cmath>

#include "engine/base/error.h"
#include "engine/base/parameters.h"
#include "engine/base/text.h"

namespace hardy::algorithms {
namespace {

constexpr std::int64_t kMost = 1'000'000'000;

// A number, a law, or the word "paper", which stands for a law.
void read_count(Parameters& p, const std::string& key, const char* paper, std::int64_t& number,
                std::optional<StepLaw>& law) {
  const std::string text = p.word(key, "0");
  if (text == "practical") return;
  if (to_integer(text))
    number = p.integer(key, 0, 0, kMost);
  else
    law = StepLaw(text == "paper" ? paper : text, "--covariance, " + key, true);
}

std::int64_t count_of(const std::optional<StepLaw>& law, const CovarianceChoice& choice, double gamma,
                      const char* key) {
  const double value = std::ceil(law->at(choice.sizes, gamma));
  if (!(value >= 1 && value <= static_cast<double>(kMost)))
    throw Error("'" + law->text() + "' is " + to_text(value) + " at K = " + std::to_string(choice.sizes.K) +
                    ", gamma = " + to_text(gamma),
                std::string("--covariance, ") + key, "a number from 1 to 1e9 would be right");
  return static_cast<std::int64_t>(value);
}

// "M = 120", or "M = 1/gamma = 120": what was given, and what it comes to.
std::string count_text(const char* name, const std::optional<StepLaw>& law, bool practical,
                       const char* practical_law, std::int64_t count) {
  return std::string(name) + " = " +
         (law         ? law->text() + " = "
          : practical ? std::string(practical_law) + " = "
                      : "") +
         std::to_string(count);
}

}  // namespace

CovarianceChoice parse_covariance(const std::string& text) {
  Parameters p(text);
  CovarianceChoice choice;
  std::int64_t compensator = 0;
  if (p.name() == "empirical") {
    choice.kind = CovarianceChoice::Kind::kEmpirical;
    read_count(p, "M", "log(d*H*K)/gamma^2", choice.samples, choice.samples_law);
    choice.c_samples = p.number("c", 1, 1e-6, 1e6);
    choice.independent_magnitude = p.integer("reuse", 0, 0, 1) == 0;
  } else if (p.name() == "mgr") {
    choice.kind = CovarianceChoice::Kind::kMgr;
    read_count(p, "M", "24*log(d*H*K)/gamma^4", choice.samples, choice.samples_law);
    read_count(p, "N", "2/gamma*log(1/gamma^2)", choice.terms, choice.terms_law);
  } else if (p.name() != "exact") {
    throw Error("there is no covariance estimator '" + p.name() + "'", text, "known: exact, empirical, mgr");
  }
  if (choice.kind != CovarianceChoice::Kind::kExact)
    read_count(p, "m", "log(d*H*K)/gamma", compensator, choice.compensator_law);
  if (compensator > 0) choice.compensator_law = StepLaw(std::to_string(compensator), "--covariance, m", true);
  p.finish();
  if (choice.compensator_law && !choice.independent_magnitude)
    throw Error("m and reuse=1 are given together", "--covariance",
                "the compensator has trajectories of its own, or the covariance's");
  return choice;
}

SampleCounts sample_counts(const CovarianceChoice& choice, double gamma) {
  using Kind = CovarianceChoice::Kind;
  if (choice.kind == Kind::kExact) return {};
  const auto counted = [](double x) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(x)));
  };
  SampleCounts counts;
  counts.chains = choice.samples_law ? count_of(choice.samples_law, choice, gamma, "M")
                  : choice.samples > 0
                      ? choice.samples
                      : counted((choice.kind == Kind::kEmpirical ? choice.c_samples : 1) / gamma);
  counts.terms = choice.kind == Kind::kEmpirical ? 1
                 : choice.terms_law              ? count_of(choice.terms_law, choice, gamma, "N")
                 : choice.terms > 0              ? choice.terms
                                                 : counted(2 / gamma * std::log(1 / gamma));
  counts.compensator = choice.compensator_law ? count_of(choice.compensator_law, choice, gamma, "m")
                       : choice.kind == Kind::kEmpirical && !choice.independent_magnitude
                           ? 0
                           : counts.trajectories();
  return counts;
}

std::string describe(const CovarianceChoice& choice, double gamma, bool bonus_sampled) {
  const SampleCounts counts = sample_counts(choice, gamma);
  const std::string bonus = bonus_sampled ? " (bonus sampled too)" : " (bonus reads the transitions)";
  const std::string M = count_text("M", choice.samples_law, choice.samples == 0 && choice.c_samples == 1,
                                   "1/gamma", counts.chains);
  switch (choice.kind) {
    case CovarianceChoice::Kind::kExact:
      return "exact (reads the transitions)";
    case CovarianceChoice::Kind::kEmpirical:
      return "empirical, " + M + bonus;
    case CovarianceChoice::Kind::kMgr:
      break;
  }
  return "mgr, " + M + " chains of " +
         count_text("N", choice.terms_law, choice.terms == 0, "2/gamma*log(1/gamma)", counts.terms) + bonus;
}

SampleCounts mgr_counts(double eps, double gamma, int d, int H, std::int64_t K) {
  const double terms = std::ceil(2 / gamma * std::log(1 / (eps * gamma)));
  const double chains = std::ceil(24 * std::log(static_cast<double>(d) * H * static_cast<double>(K)) /
                                  (eps * eps * gamma * gamma));
  return {static_cast<std::int64_t>(std::min(chains, 9e18)),
          static_cast<std::int64_t>(std::min(terms, 9e18))};
}

}  // namespace hardy::algorithms
