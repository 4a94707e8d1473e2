#include "tools/report/regret_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace hardy::report {
namespace {

using algorithms::MethodResults;

constexpr std::size_t kFewReplicas = 8;  // of fewer there is no spread to show

std::string format(const char* pattern, double a) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, a);
  return text;
}
std::string padded(std::string text, std::size_t width, bool right = true) {
  if (text.size() < width) text.insert(right ? 0 : text.size(), width - text.size(), ' ');
  return text;
}
std::string exponent_text(const algorithms::Exponent& e) {
  if (!std::isfinite(e.value)) return "-";  // one K: nothing to fit
  return format("%.2f", e.value) +
         (std::isfinite(e.low) ? " [" + format("%.2f", e.low) + ", " + format("%.2f", e.high) + "]" : "");
}

std::string calls_text(const MethodResults& m) {
  return m.simulator_calls > 0 ? ", " + std::to_string(m.simulator_calls) + " simulator calls" : "";
}
// "; known_states 0.93, alpha 7.1": what the learner says of itself at the last K.
std::string figures_text(const MethodResults& m) {
  std::string text;
  for (const auto& [name, value] : m.figures.back()) text += "; " + name + format(" %.3g", value);
  return text;
}

// Of the replicas at the last K.
std::string spread_of(const algorithms::EnvironmentResults& study, std::size_t width) {
  const MethodResults& first = study.methods.front();
  if (first.table.regret.back().size() < kFewReplicas) return "";
  std::string text = "  " +
                     padded("spread at K = " + format("%.0f", first.table.episodes.back()), width, false) +
                     padded("mean", 10) + padded("sd", 9) + padded("median", 10) +
                     padded("95 of 100 below", 18) + padded("99 of 100 below", 18) + padded("largest", 10) +
                     padded("min eta Q", 12) + padded("tail index", 12) + "\n";
  for (const MethodResults& m : study.methods) {
    const algorithms::Growth& g = m.growth;
    text += "  " + padded(m.label, width, false) + padded(format("%.1f", g.mean.back()), 10) +
            padded(format("%.1f", g.deviation.back()), 9) + padded(format("%.1f", g.median.back()), 10) +
            padded(format("%.1f", g.below_95.back()), 18) + padded(format("%.1f", g.below_99.back()), 18) +
            padded(format("%.1f", g.highest.back()), 10) +
            padded(format("%.3g", m.extremes.back().least_eta_q), 12) +
            padded(std::isfinite(g.tail_index) ? format("%.1f", g.tail_index) : "-", 12) + "\n";
  }
  return text;
}

std::string sizes_of(const std::vector<algorithms::SizeExponent>& sizes, const std::string& how) {
  std::string text;
  for (const algorithms::SizeExponent& e : sizes)
    text +=
        "    " + how + padded(e.size, 2, false) + "  " +
        (e.exponent.none_because.empty() ? exponent_text(e.exponent) : "none: " + e.exponent.none_because) +
        "   (" + e.held + ")\n";
  return text;
}

std::string table_of(const algorithms::EnvironmentResults& study) {
  const std::vector<double>& k = study.methods.front().table.episodes;
  std::vector<std::size_t> shown;
  for (const std::size_t i : {std::size_t{0}, k.size() / 2, k.size() - 1})
    if (shown.empty() || shown.back() != i) shown.push_back(i);
  std::size_t width = 6;
  for (const MethodResults& m : study.methods) width = std::max(width, m.label.size());
  std::string text = study.env + "\n  " + padded("method", width, false);
  for (const std::size_t i : shown)
    text += padded("K = " + std::to_string(static_cast<std::int64_t>(k[i])), 18);
  text += padded("sd", 9) + padded("largest", 10) + "   exponent            upper half          local\n";
  for (const MethodResults& m : study.methods) {
    const algorithms::Growth& g = m.growth;
    text += "  " + padded(m.label, width, false);
    for (const std::size_t i : shown)
      text += padded(format("%.1f", g.mean[i]) + " +- " + format("%.1f", g.standard_error[i]), 18);
    text += padded(format("%.1f", g.deviation.back()), 9) + padded(format("%.1f", g.highest.back()), 10) +
            "   " + padded(exponent_text(g.all), 18, false) + "  " +
            padded(exponent_text(g.upper_half), 18, false) + " ";
    for (const double slope : g.local) text += " " + format("%.2f", slope);
    text += "\n";
  }
  if (k.size() > 2)
    for (const MethodResults& m : study.methods)
      text += "  " + padded(m.label, width, false) + "  " + m.standing + "\n";
  text += spread_of(study, std::max(width, std::size_t{22}));
  for (const MethodResults& m : study.methods)
    for (const auto& [exponent, over] :
         {std::pair{&m.growth.all, "all K"}, std::pair{&m.growth.upper_half, "the upper half"}})
      if (k.size() > 1 && !exponent->none_because.empty())
        text += "  " + padded(m.label, width, false) + "  no exponent over " + over + ": " +
                exponent->none_because + "\n";
  for (const MethodResults& m : study.methods) {
    const algorithms::ResolvedSettings& s = m.settings.back();
    text += "  " + padded(m.label, width, false) + format("  eta %.4g", s.steps.eta) +
            format("  beta %.4g", s.steps.beta) + format("  gamma %.4g", s.steps.gamma) + "  literal bound " +
            algorithms::bound_text(s) + format("; min eta Q %.3g", m.extremes.back().least_eta_q) +
            "; covariance " + m.covariance.back() + calls_text(m) + figures_text(m) + "\n";
  }
  return text;
}

}  // namespace

std::string study_text(const algorithms::RegretResults& results) {
  std::string text;
  for (const algorithms::EnvironmentResults& study : results.studies) text += table_of(study);
  for (const algorithms::MethodSizes& m : results.sizes)
    text += "growth of " + m.label + " with the sizes\n" + sizes_of(m.along, "along ") +
            sizes_of(m.joint, "jointly ");
  text += "regret against the " + results.studies.front().methods.front().comparator + "\n";
  return text + "mean +- standard error over " + std::to_string(results.replicas) +
         " replicas; exponents with 95 % studentised bootstrap intervals over replicas; settings at the last "
         "K\n";
}

std::string single_text(const algorithms::RegretResults& results) {
  const algorithms::EnvironmentResults& study = results.studies.front();
  const MethodResults& m = study.methods.front();
  std::string text = study.env + ", " + m.label +
                     ", K = " + std::to_string(static_cast<std::int64_t>(m.table.episodes.front())) +
                     "\nsettings     " + m.settings.front().note + "\ncovariance   " + m.covariance.front() +
                     calls_text(m) + figures_text(m) + "\nregret       " + m.regret_notion + "\n";
  for (const algorithms::ReplicaResult& r : m.replicas)
    text += "seed " + padded(std::to_string(r.seed), 5) + "   learner's loss " +
            format("%.6f", r.learner_loss) + ", " + m.comparator + " " + format("%.6f", r.best_loss) +
            ", regret " + format("%.6f", r.regret) + format("; min eta Q %.4g", r.least_eta_q) +
            format(", max eta B %.4g", r.largest_eta_bonus) + "\n";
  return text;
}

std::string sampled_text(const std::vector<algorithms::SampledRun>& runs) {
  std::string text;
  char line[256];
  for (const algorithms::SampledRun& one : runs) {
    text += one.env + ", " + one.label + ", K = " + std::to_string(one.episodes) + "\nsettings     " +
            one.settings.note + "\ncovariance   " + one.covariance + "\n";
    for (const algorithms::SampledReplica& r : one.replicas) {
      std::snprintf(
          line, sizeof line,
          "seed %5lld   sampled loss %.3f +- %.3f, of the uniform policy %.3f +- %.3f; %lld states, "
          "%lld bonus paths, %lld simulator calls\n",
          static_cast<long long>(r.seed), r.learner_loss, r.standard_error, r.uniform_loss,
          r.uniform_standard_error, static_cast<long long>(r.states), static_cast<long long>(r.bonus_paths),
          static_cast<long long>(r.calls.all()));
      text += line;
    }
  }
  return text +
         "sampled returns with their standard errors over episodes; the best fixed policy of a space that "
         "cannot be listed is not known, and so there is no regret\n";
}

}  // namespace hardy::report
