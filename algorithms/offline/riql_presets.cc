#include "algorithms/offline/riql_presets.h"

#include <vector>

#include "engine/base/error.h"
#include "engine/base/nearest.h"
#include "engine/base/text.h"

namespace hardy::algorithms {
namespace {

struct Row {
  const char *name, *critics, *alpha;
  double sigma;  // of the Huber loss, whose threshold is 1 / sigma^2
};
// From the released code's configuration (commit cc07d81): X-medium-replay-v2, rate 0.3, scale 1.
constexpr Row kRows[] = {
    {"default", "5", "0.25", 1},
    {"halfcheetah/observation/random", "5", "0.1", 0.1},
    {"halfcheetah/observation/adversarial", "5", "0.1", 0.1},
    {"halfcheetah/action/random", "3", "0.25", 0.5},
    {"halfcheetah/action/adversarial", "5", "0.1", 1},
    {"halfcheetah/reward/random", "5", "0.25", 3},
    {"halfcheetah/reward/adversarial", "5", "0.1", 1},
    {"halfcheetah/dynamics/random", "5", "0.25", 3},
    {"halfcheetah/dynamics/adversarial", "5", "0.1", 1},
    {"walker2d/observation/random", "5", "0.25", 0.1},
    {"walker2d/observation/adversarial", "5", "0.25", 1},
    {"walker2d/action/random", "5", "0.1", 0.5},
    {"walker2d/action/adversarial", "5", "0.1", 1},
    {"walker2d/reward/random", "5", "0.1", 3},
    {"walker2d/reward/adversarial", "5", "0.1", 3},
    {"walker2d/dynamics/random", "3", "0.25", 1},
    {"walker2d/dynamics/adversarial", "5", "0.25", 1},
    {"hopper/observation/random", "3", "0.25", 0.1},
    {"hopper/observation/adversarial", "5", "0.25", 1},
    {"hopper/action/random", "5", "0.25", 0.1},
    {"hopper/action/adversarial", "5", "0.25", 1},
    {"hopper/reward/random", "3", "0.25", 1},
    {"hopper/reward/adversarial", "5", "0.25", 0.1},
    {"hopper/dynamics/random", "5", "0.5", 1},
    {"hopper/dynamics/adversarial", "5", "0.5", 1},
};

}  // namespace

std::map<std::string, std::string> riql_preset(const std::string& name) {
  if (name == "hardy")
    return {{"clean", "models"},
            {"trust", "4"},
            {"critics", "2"},
            {"alpha", "0"},
            {"target-bounds", "data"},
            {"statistics", "medians"},
            {"redescend", "1"},
            {"return-temperature", "0.1"},
            {"advantage-quantile", "0.9"},
            {"beta", "1"},
            {"average", "0.001"},
            // A policy that comes to hold each row by itself no longer heeds what the rows weigh.
            {"hidden", "64"},
            {"schedule-steps", "40000"}};
  std::vector<std::string> names{"hardy"};
  for (const Row& row : kRows) {
    if (name == row.name)
      return {{"critics", row.critics},
              {"alpha", row.alpha},
              {"threshold", to_text(1 / row.sigma / row.sigma)},
              {"end-loss", "same"}};
    names.emplace_back(row.name);
  }
  throw Error("there is no such preset", "--preset " + name, suggestion(name, names));
}

}  // namespace hardy::algorithms
