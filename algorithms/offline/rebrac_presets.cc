#include "algorithms/offline/rebrac_presets.h"

#include <vector>

#include "engine/base/error.h"
#include "engine/base/nearest.h"

namespace hardy::algorithms {
namespace {

struct Row {
  const char *name, *actor, *critic;
};
// For D4RL's v2 files.
constexpr Row kRows[] = {
    {"halfcheetah/medium", "0.001", "0.01"},      {"halfcheetah/medium-replay", "0.01", "0.001"},
    {"halfcheetah/medium-expert", "0.01", "0.1"}, {"hopper/medium", "0.01", "0.01"},
    {"hopper/medium-replay", "0.05", "0.5"},      {"hopper/medium-expert", "0.1", "0.01"},
    {"walker2d/medium", "0.05", "0.1"},           {"walker2d/medium-replay", "0.05", "0.01"},
    {"walker2d/medium-expert", "0.01", "0.01"},
};

}  // namespace

std::map<std::string, std::string> rebrac_preset(const std::string& name) {
  std::vector<std::string> names;
  for (const Row& row : kRows) {
    if (name == row.name) return {{"actor-bc-coef", row.actor}, {"critic-bc-coef", row.critic}};
    names.emplace_back(row.name);
  }
  throw Error("there is no such preset", "--preset " + name, suggestion(name, names));
}

}  // namespace hardy::algorithms
