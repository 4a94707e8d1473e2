#include "algorithms/adversarial/settings.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <tuple>

#include "engine/base/error.h"
#include "engine/base/text.h"

namespace hardy::algorithms {
namespace {

constexpr double kLiteralBeta = 8, kLiteralGamma = 96;

double power(double x, int n) { return std::pow(x, n); }

// eta0 = sqrt(ln A / (d K)) / H^2.
double unit_eta(const Sizes& z) {
  return std::sqrt(std::log(static_cast<double>(std::max(z.A, 2))) / (z.d * static_cast<double>(z.K))) /
         power(z.H, 2);
}

StepSizes theory(Scaling scaling, const Sizes& z, const StepSizes& own) {
  const double H = z.H, S = z.S, A = std::max(z.A, 2), d = z.d, K = static_cast<double>(z.K);
  const double eta0 = unit_eta(z), gamma0 = std::min(1.0, power(eta0, 2) * power(H, 4));
  StepSizes steps;
  switch (scaling) {
    case Scaling::kLogBarrier:
      return {std::sqrt(A) * eta0, eta0 * H * H, gamma0};
    case Scaling::kEntropy:
    case Scaling::kEntropyControl:
      return {eta0, eta0 * H * H, gamma0};
    case Scaling::kEntropyNoBonus:
      return {eta0, 0, gamma0};
    case Scaling::kLinearQ:
      steps.eta = 1 / (H * std::pow(d * K, 2.0 / 3));
      return {steps.eta, std::sqrt(steps.eta * power(H, 3)), std::min(1.0, 2 * steps.eta * H)};
    case Scaling::kTabular:
      steps.eta = std::min(1 / (24 * power(H, 3)), 1 / std::sqrt(H * S * A * H * K));  // S counts every layer
      return {steps.eta, 1, std::min(1.0, 2 * steps.eta * H)};
    case Scaling::kFullInformation:
      return {std::sqrt(std::log(A) / K) / H, 0, 1};
    case Scaling::kLogDeterminant:
      return {std::sqrt(std::log(std::max(K, 2.0)) / K), std::sqrt(d / K), std::min(1.0, d / K)};
    case Scaling::kContracted:
      return {std::sqrt(std::log(A) / K) / H, 0.1, 0.1};
    case Scaling::kOccupancy:
      steps.eta = std::sqrt(std::log(S * A) / (S * A * K));
      return {steps.eta, 0, std::min(1.0, steps.eta)};
    case Scaling::kEpochs: {
      const CoverSizes sizes = cover_sizes(z.K);
      const double epochs = std::max(2.0, K / static_cast<double>(sizes.epoch));
      return {4 * A * std::sqrt(std::log(epochs) / epochs) / H, sizes.delta_e / (12 * d),
              std::pow(K, -3.0 / 9)};
    }
    case Scaling::kOwn:
      return own;
    case Scaling::kNone:
      break;
  }
  return {0, 0, 1};
}

// Whose regret the analysis bounds, and who can be given its constants.
bool has_bound(Scaling scaling) { return scaling == Scaling::kLogBarrier || scaling == Scaling::kEntropy; }
bool has_literal(Scaling scaling) { return has_bound(scaling) || scaling == Scaling::kEntropyControl; }

// Log-barrier eta = sqrt(A ln K / (d K)) / H^2, entropy sqrt(ln A / (d K)) / H^2; eta is lowered until
// gamma = 96 eta^2 H^4 is at most 1.
StepSizes literal(Scaling scaling, const Sizes& z) {
  const double H = z.H, K = static_cast<double>(z.K);
  double eta = scaling == Scaling::kLogBarrier
                   ? std::sqrt(z.A * std::log(std::max(K, 2.0)) / (z.d * K)) / (H * H)
                   : unit_eta(z);
  eta = std::min(eta, 1 / (std::sqrt(kLiteralGamma) * H * H));
  return {eta, kLiteralBeta * eta * H * H, std::min(1.0, kLiteralGamma * eta * eta * power(H, 4))};
}

// Penalty + 2 beta tr(Sd Sigma) dilated + estimator bias 2 gamma d H^3 K / beta.
double literal_regret(Scaling scaling, const Sizes& z, const StepSizes& steps) {
  const double H = z.H, K = static_cast<double>(z.K), d = z.d;
  const double penalty = scaling == Scaling::kLogBarrier ? z.A * std::log(std::max(K, 2.0)) : std::log(z.A);
  return H * penalty / steps.eta + 2 * std::numbers::e * steps.beta * d * H * K +
         2 * steps.gamma * d * power(H, 3) * K / steps.beta;
}

std::string short_text(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", x);
  return text;
}

// "theory", "theory; eta as given", "explicit": what the sizes are, and not more.
std::string origin(const SettingsRequest& request) {
  std::string given;
  for (const auto& [key, has, c] : {std::tuple{"eta", request.eta.has_value(), request.c_eta},
                                    {"beta", request.beta.has_value(), request.c_beta},
                                    {"gamma", request.gamma.has_value(), request.c_gamma}})
    if (has)
      given += std::string(given.empty() ? "" : ", ") + key + " as given";
    else if (c != 1)
      given += std::string(given.empty() ? "" : ", ") + key + " times " + short_text(c);
  if (request.preset == "explicit" || (request.eta && request.beta && request.gamma)) return "explicit";
  return given.empty() ? request.preset : request.preset + "; " + given;
}

void require(bool good, const char* key, double value, const char* bound) {
  if (!good) throw Error(std::string(key) + " = " + to_text(value), "step sizes", bound);
}

}  // namespace

double theory_exponent(Scaling scaling) {
  switch (scaling) {
    case Scaling::kLogBarrier:
    case Scaling::kEntropy:
    case Scaling::kTabular:
    case Scaling::kFullInformation:
    case Scaling::kOccupancy:
    case Scaling::kContracted:
      return 1.0 / 2;
    case Scaling::kLinearQ:
      return 2.0 / 3;
    case Scaling::kEpochs:
      return 8.0 / 9;
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

CoverSizes cover_sizes(std::int64_t episodes) {
  const double K = static_cast<double>(episodes);
  const auto whole = [](double x) { return std::max<std::int64_t>(1, std::llround(x)); };
  return {std::pow(K, -1.0 / 9), whole(std::max(2 * std::pow(K, 3.0 / 9), std::pow(K, 6.0 / 9) / 16)),
          whole(std::pow(K, 8.0 / 9) / 8)};
}

Sizes sizes_of(const envs::LinearMdp& mdp, std::int64_t episodes) {
  return {episodes, mdp.H, mdp.S, mdp.A, mdp.d};
}

ResolvedSettings resolve(Scaling scaling, const SettingsRequest& request, const Sizes& sizes,
                         const StepSizes& own) {
  if (sizes.K < 1)
    throw Error("K = " + std::to_string(sizes.K), "--episodes", "at least one episode is needed");
  if (request.preset != "theory" && request.preset != "literal" && request.preset != "explicit")
    throw Error("there is no preset '" + request.preset + "'", "--preset",
                "known: theory, literal, explicit");
  if (request.preset == "explicit" && (!request.eta || !request.beta || !request.gamma))
    throw Error("the preset 'explicit' needs all three step sizes", "--preset",
                "give --eta, --beta and --gamma");
  for (const auto& [key, c] :
       {std::pair{"c_eta", request.c_eta}, {"c_beta", request.c_beta}, {"c_gamma", request.c_gamma}})
    require(std::isfinite(c) && c >= 0, key, c, "a multiplier is a number of at least 0");
  ResolvedSettings r;
  r.preset = request.preset;
  if (request.preset == "literal") {
    if (!has_literal(scaling))
      throw Error("this method has no literal constants", "--preset literal",
                  "use --preset theory, or explicit with --eta, --beta and --gamma");
    r.steps = literal(scaling, sizes);
  } else {
    r.steps = theory(scaling, sizes, own);
  }
  r.steps.eta = request.eta.value_or(r.steps.eta * request.c_eta);
  r.steps.beta = request.beta.value_or(r.steps.beta * request.c_beta);
  r.steps.gamma = request.gamma.value_or(r.steps.gamma * request.c_gamma);
  if (scaling == Scaling::kNone) r.steps = {0, 0, 1};
  const StepSizes& s = r.steps;
  require(scaling == Scaling::kNone || (std::isfinite(s.eta) && s.eta > 0), "eta", s.eta, "eta is above 0");
  require(std::isfinite(s.beta) && s.beta >= 0, "beta", s.beta, "beta is at least 0");
  require(s.gamma > 0 && s.gamma <= 1, "gamma", s.gamma, "gamma lies in (0,1]");
  r.trivial_bound = sizes.H * static_cast<double>(sizes.K);
  r.note = "eta = " + short_text(s.eta) + ", beta = " + short_text(s.beta) +
           ", gamma = " + short_text(s.gamma) + " (" + origin(request) + ")";
  if (!has_bound(scaling)) return r;
  const double eta_bonus = s.eta * 2 * std::numbers::e * sizes.H * s.beta / s.gamma, most = 0.5 / sizes.H;
  if (request.preset == "literal" && !(eta_bonus <= most))
    throw Error(
        "eta B may reach " + short_text(eta_bonus) + " (eta 2 e H beta / gamma)", "--preset literal",
        "at most 1/(2H) = " + short_text(most) + " is allowed: play more episodes, or use --preset theory");
  r.literal_bound = literal_regret(scaling, sizes, literal(scaling, sizes));
  r.vacuous = r.literal_bound >= r.trivial_bound;
  r.note += "; with literal constants the bound is " + short_text(r.literal_bound) +
            (r.vacuous ? ", vacuous at this K (any policy has at most " : ", below what any policy has (") +
            short_text(r.trivial_bound) + ")";
  return r;
}

}  // namespace hardy::algorithms
