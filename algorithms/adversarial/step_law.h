// Step sizes as laws: "0.5*sqrt(log(A)/(d*K))/H^2" in the sizes of what is played, so that one study holds
// for every K. Numbers, + - * / ^ (to the right, before the others; a minus binds less than it), parentheses,
// sqrt log exp min(a,b) max(a,b), and the sizes K d H A S. Laws of how much is sampled may also use gamma.
#pragma once

#include <optional>
#include <string>

#include "algorithms/adversarial/settings.h"

namespace hardy::algorithms {

class StepLaw {
 public:
  // key: whose value it is, for messages ("--eta"). An Error says what is wrong and where in the text.
  StepLaw(const std::string& text, const std::string& key, bool of_gamma = false);

  // An Error where it is no finite number at these sizes (and this gamma, of a law that may use it).
  double at(const Sizes& sizes, std::optional<double> gamma = std::nullopt) const;
  const std::string& text() const { return text_; }

 private:
  std::string text_, key_;
};

}  // namespace hardy::algorithms
