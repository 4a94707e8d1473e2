// What a regret study prints for people.
#include <algorithm>
#include <cmath>
#include <utility>

#include "tools/hardy/regret_study.h"

namespace hardy::tools {
namespace {

using nlohmann::json;

std::string format(const char* pattern, double a) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, a);
  return text;
}
std::string padded(std::string text, std::size_t width, bool right = true) {
  if (text.size() < width) text.insert(right ? 0 : text.size(), width - text.size(), ' ');
  return text;
}
double number(const json& j) { return j.is_number() ? j.get<double>() : std::nan(""); }
std::string exponent_text(const json& e) {
  const double value = number(e.at("value")), low = number(e.at("low"));
  if (!std::isfinite(value)) return "-";  // one K: nothing to fit
  return format("%.2f", value) +
         (std::isfinite(low) ? " [" + format("%.2f", low) + ", " + format("%.2f", number(e.at("high"))) + "]"
                             : "");
}

std::string calls_text(const json& m) {
  const auto calls = m.at("simulator_calls").get<std::int64_t>();
  return calls > 0 ? ", " + std::to_string(calls) + " simulator calls" : "";
}
// "; known_states 0.93, alpha 7.1": what the learner says of itself at the last K.
std::string figures_text(const json& m) {
  std::string text;
  for (const auto& [name, value] : m.at("figures").back().items())
    text += "; " + name + format(" %.3g", number(value));
  return text;
}

}  // namespace

std::string study_text(const json& results) {
  std::string text;
  for (const json& study : results.at("studies")) {
    const auto k = study.at("methods").at(0).at("episodes").get<std::vector<std::int64_t>>();
    std::vector<std::size_t> shown;
    for (const std::size_t i : {std::size_t{0}, k.size() / 2, k.size() - 1})
      if (shown.empty() || shown.back() != i) shown.push_back(i);
    std::size_t width = 6;
    for (const json& m : study.at("methods"))
      width = std::max(width, m.at("label").get<std::string>().size());
    text += study.at("env").get<std::string>() + "\n  " + padded("method", width, false);
    for (const std::size_t i : shown) text += padded("K = " + std::to_string(k[i]), 18);
    text += padded("sd", 9) + padded("largest", 10) + "   exponent            upper half          local\n";
    for (const json& m : study.at("methods")) {
      text += "  " + padded(m.at("label"), width, false);
      for (const std::size_t i : shown)
        text += padded(format("%.1f", number(m.at("mean")[i])) + " +- " +
                           format("%.1f", number(m.at("standard_error")[i])),
                       18);
      text += padded(format("%.1f", number(m.at("deviation").back())), 9) +
              padded(format("%.1f", number(m.at("highest").back())), 10) + "   " +
              padded(exponent_text(m.at("exponent")), 18, false) + "  " +
              padded(exponent_text(m.at("upper_half")), 18, false) + " ";
      for (const json& slope : m.at("local_exponents")) text += " " + format("%.2f", number(slope));
      text += "\n";
    }
    for (const json& m : study.at("methods"))
      for (const auto& [key, over] :
           {std::pair{"exponent", "all K"}, std::pair{"upper_half", "the upper half"}})
        if (const std::string why = m.at(key).at("none_because"); k.size() > 1 && !why.empty())
          text +=
              "  " + padded(m.at("label"), width, false) + "  no exponent over " + over + ": " + why + "\n";
    for (const json& m : study.at("methods")) {
      const json& s = m.at("settings").back();
      text += "  " + padded(m.at("label"), width, false) + format("  eta %.4g", number(s.at("eta"))) +
              format("  beta %.4g", number(s.at("beta"))) + format("  gamma %.4g", number(s.at("gamma"))) +
              "  literal bound " + s.at("literal_bound").get<std::string>() +
              format("; min eta Q %.3g", number(m.at("extremes").back().at("least_eta_q"))) +
              "; covariance " + m.at("covariance").back().get<std::string>() + figures_text(m) + "\n";
    }
  }
  text += "regret against the " +
          results.at("studies").at(0).at("methods").at(0).at("comparator").get<std::string>() + "\n";
  return text + "mean +- standard error over " + std::to_string(results.at("replicas").get<int>()) +
         " replicas; exponents with 95 % studentised bootstrap intervals over replicas; settings at the last "
         "K\n";
}

std::string single_text(const json& results) {
  const json& study = results.at("studies").at(0);
  const json& m = study.at("methods").at(0);
  const json& s = m.at("settings").at(0);
  std::string text = study.at("env").get<std::string>() + ", " + m.at("label").get<std::string>() +
                     ", K = " + std::to_string(m.at("episodes").at(0).get<std::int64_t>()) +
                     "\nsettings     " + s.at("note").get<std::string>() + "\ncovariance   " +
                     m.at("covariance").at(0).get<std::string>() + calls_text(m) + figures_text(m) +
                     "\nregret       " + m.at("regret_notion").get<std::string>() + "\n";
  for (const json& r : m.at("replicas"))
    text += "seed " + padded(std::to_string(r.at("seed").get<std::uint64_t>()), 5) + "   learner's loss " +
            format("%.6f", number(r.at("learner_loss"))) + ", " + m.at("comparator").get<std::string>() +
            " " + format("%.6f", number(r.at("best_loss"))) + ", regret " +
            format("%.6f", number(r.at("regret"))) + format("; min eta Q %.4g", number(r.at("least_eta_q"))) +
            format(", max eta B %.4g", number(r.at("largest_eta_bonus"))) + "\n";
  return text;
}

}  // namespace hardy::tools
