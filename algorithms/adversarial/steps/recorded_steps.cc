#include "algorithms/adversarial/steps/recorded_steps.h"

#include <utility>

#include "engine/base/error.h"

namespace hardy::algorithms {
namespace {

[[noreturn]] void refuse(const char* what) {
  throw Error(std::string("the learner asks for ") + what + ", which a device does not give", "regret run",
              "a method that does so says nothing of fixed_steps (RegretMethod)");
}

}  // namespace

RecordedSteps::RecordedSteps(const Game& g, std::span<const Lane> replicas) : Steps(g, replicas, 1) {
  for (const Lane& replica : replicas) rates.has_bonus = rates.has_bonus || replica.steps.beta > 0;
}

BoxSteps RecordedSteps::taken() { return std::exchange(taken_, {}); }

void RecordedSteps::add(BoxStep step) {
  if (taken_.count == BoxSteps::kMost) refuse("more than 16 steps an episode");
  taken_.step[taken_.count++] = step;
}

void RecordedSteps::estimate_with_bonus() {
  estimate();
  bonus();
  dilate();
}

void RecordedSteps::occupancies_of(const Numbers& policy) {
  if (&policy != &tables.pi) refuse("occupancies of policies of its own");
  add(BoxStep::kOccupancies);
}
Draws& RecordedSteps::draws() { refuse("random numbers"); }
int RecordedSteps::draw_start() { refuse("random numbers"); }
InverseCovariance& RecordedSteps::inverse_covariance() { refuse("covariances"); }

}  // namespace hardy::algorithms
